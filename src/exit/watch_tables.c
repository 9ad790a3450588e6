// SPDX-License-Identifier: MIT
/*
 * LGDT and LIDT in 64-bit mode are carried out here. The other instructions, and those whose operand cannot be read, run by themselves:
 * the intercepts of the tables are open on this CPU until its next exit, where the values are compared.
 */
#include "exit/watch_control.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "lib/array.h"
#include "exit/watch_register.h"
#include "guest/insn.h"
#include "guest/system_insn.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "mem/guest_access.h"
#include "mem/guest_ram.h"
#include "mem/paging.h"
#include "trace/decode.h"
#include "trace/vector.h"
#include "vendor.h"

#define TABLE_BYTES 10 /* in 64-bit mode: a limit and a base */

/* X(instruction, register, segment, access) */
#define TABLES(X)                                                                                            \
	X(SYSTEM_LGDT, WATCH_GDTR, SEG_GDTR, WATCH_WRITE)                                                    \
	X(SYSTEM_LIDT, WATCH_IDTR, SEG_IDTR, WATCH_WRITE)                                                    \
	X(SYSTEM_LLDT, WATCH_LDTR, SEG_LDTR, WATCH_WRITE)                                                    \
	X(SYSTEM_LTR, WATCH_TR, SEG_TR, WATCH_WRITE)                                                         \
	X(SYSTEM_SGDT, WATCH_GDTR, SEG_GDTR, WATCH_READ)                                                     \
	X(SYSTEM_SIDT, WATCH_IDTR, SEG_IDTR, WATCH_READ)                                                     \
	X(SYSTEM_SLDT, WATCH_LDTR, SEG_LDTR, WATCH_READ)                                                     \
	X(SYSTEM_STR, WATCH_TR, SEG_TR, WATCH_READ)

static const struct row {
	uint8_t kind, reg, segment, access;
} rows[] = {
#define X(kind, reg, segment, access) {kind, reg, segment, access},
	TABLES(X)
#undef X
};

static const struct row *row_of(enum system_insn_kind kind)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].kind == kind)
			return &rows[i];
	return NULL;
}

/* The base of GDTR and IDTR, the selector of LDTR and TR. */
static uint64_t value_of(const struct cpu *cpu, enum segment segment)
{
	struct segment_state s;

	vendor->state.segment(cpu, segment, &s);
	return segment >= SEG_COUNT ? s.base : s.selector;
}

static bool read_operand(const struct cpu *cpu, uint64_t linear, uint8_t *to)
{
	struct guest_view view = {.huge_pages = features.huge_pages,
		.physical_bits = features.physical_bits,
		.alignment_flag = vendor->state.get(cpu, GUEST_RFLAGS) & RFLAGS_AC};
	struct guest_page page;

	vendor->state.paging(cpu, &view.paging);
	if (view.paging.cr4 & (CR4_PKE | CR4_PKS))
		return false; /* the keys decide as well: the CPU has them */
	for (unsigned n = 0, part; n < TABLE_BYTES; n += part) {
		uint64_t room = PAGE_SIZE - ((linear + n) & (PAGE_SIZE - 1));

		part = TABLE_BYTES - n < room ? TABLE_BYTES - n : (unsigned)room;
		if (!guest_is_canonical(&view.paging, linear + n) ||
			guest_access(&view, linear + n, GUEST_READ, &page) != ACCESS_OK ||
			!guest_ram_read(page.physical, to + n, part))
			return false;
	}
	return true;
}

/* Returns false if the CPU has to carry it out. */
static bool load(struct cpu *cpu, const struct row *row, struct watch_access_state *a)
{
	bool gdt = row->segment == SEG_GDTR;
	struct guest_paging paging;
	uint8_t table[TABLE_BYTES];
	struct decoded d;
	uint16_t limit;
	uint64_t base;

	if (a->record.mode != 64 || decode(&a->record, &d) != DECODE_OK || d.mems != 1 ||
		!read_operand(cpu, d.mem[0], table))
		return false;
	__builtin_memcpy(&limit, table, sizeof(limit));
	__builtin_memcpy(&base, table + 2, sizeof(base));
	vendor->state.paging(cpu, &paging);
	if (!guest_is_canonical(&paging, base) || watch_register_denies(cpu, a, base)) {
		exception_raise(cpu, VEC_GP, 0);
		return true;
	}
	vendor->state.set(cpu, gdt ? GUEST_GDTR_BASE : GUEST_IDTR_BASE, base);
	vendor->state.set(cpu, gdt ? GUEST_GDTR_LIMIT : GUEST_IDTR_LIMIT, limit);
	watch_register_end(cpu, a, base);
	vendor->exits.skip(cpu, d.length, 0);
	return true;
}

/* The record waits in the CPU's own memory for the next exit. If one waits already, this is its next exit. */
void watch_open_begin(struct cpu *cpu, const struct watch_access_state *a, unsigned segment)
{
	if (cpu->work & CPU_WORK_OPEN)
		watch_open_close(cpu);
	cpu->watch_open.record = a->record;
	cpu->watch_open.segment = (uint8_t)segment;
	cpu->watch_open.access = (uint8_t)a->access;
	cpu->watch_open.reg = (uint8_t)a->reg;
	cpu->watch_open.old = a->old;
	cpu->watch_open.now = true;
	cpu_add_work(cpu, CPU_WORK_OPEN);
}

static void open(struct cpu *cpu, const struct row *row, const struct watch_access_state *a)
{
	watch_open_begin(cpu, a, row->segment);
	vendor->exits.watch(cpu, WATCH_TABLES, false);
	vendor->state.set(cpu, GUEST_SHADOW, 0);
}

static uint64_t value_now(const struct cpu *cpu, const struct watch_open *o)
{
	return o->reg == WATCH_CR0 ? vendor->state.get(cpu, GUEST_CR0) : value_of(cpu, o->segment);
}

void exit_table_register(struct cpu *cpu)
{
	const struct row *row;
	struct watch_access_state a;

	insn_fetch(cpu);
	row = row_of(system_insn_find(
		cpu->exit.code, cpu->exit.code_len, (unsigned)vendor->state.get(cpu, GUEST_CODE_MODE))
			     .kind);
	if (!row) /* the bytes cannot be read */
		row = &rows[0];
	watch_register_begin(cpu, &a, row->reg, 0, row->access);
	a.has_old = true;
	a.old = value_of(cpu, row->segment);
	if (row->segment >= SEG_COUNT && row->access == WATCH_WRITE && load(cpu, row, &a))
		return;
	/* The value that is loaded is not known yet: any write counts. */
	if (watch_register_denies(cpu, &a, row->access == WATCH_WRITE ? ~a.old : a.old))
		exception_raise(cpu, VEC_GP, 0);
	else
		open(cpu, row, &a);
}

/* A fault leaves RIP at the instruction. */
void watch_open_close(struct cpu *cpu)
{
	struct watch_open *o = &cpu->watch_open;
	struct watch_access_state a = {
		.record = o->record, .reg = o->reg, .access = o->access, .has_old = true, .old = o->old};

	if (o->now) { /* this is the exit of the instruction itself */
		o->now = false;
		return;
	}
	cpu_end_work(cpu, CPU_WORK_OPEN);
	vendor->exits.watch(cpu, WATCH_TABLES, true);
	if (vendor->state.get(cpu, GUEST_RIP) != o->record.rip)
		watch_register_end(cpu, &a, o->access == WATCH_WRITE ? value_now(cpu, o) : o->old);
}

void watch_tables_drop(struct cpu *cpu)
{
	if (!(cpu->work & CPU_WORK_OPEN))
		return;
	cpu->watch_open.now = false;
	cpu_end_work(cpu, CPU_WORK_OPEN);
	vendor->exits.watch(cpu, WATCH_TABLES, true);
}
