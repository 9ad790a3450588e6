// SPDX-License-Identifier: MIT
#include "exit/watch_control.h"
#include "exit/control_register.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "exit/watch_register.h"
#include "guest/insn.h"
#include "guest/system_insn.h"
#include "hw/asm.h"
#include "hw/features.h"
#include "lib/array.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "trace/vector.h"
#include "vendor.h"

#define CR0_DEFINED (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG)

static struct system_insn find(struct cpu *cpu)
{
	insn_fetch(cpu);
	return system_insn_find(
		cpu->exit.code, cpu->exit.code_len, (unsigned)vendor->state.get(cpu, GUEST_CODE_MODE));
}

static struct cr_state state_of(const struct cpu *cpu)
{
	struct segment_state cs;

	vendor->state.segment(cpu, SEG_CS, &cs);
	return (struct cr_state){
		.cr0 = vendor->state.get(cpu, GUEST_CR0),
		.cr3 = vendor->state.get(cpu, GUEST_CR3),
		.cr4 = vendor->state.get(cpu, GUEST_CR4),
		.efer = vendor->state.get(cpu, GUEST_EFER),
		.long_code = cs.long_mode,
	};
}

/* SDM vol. 3A 4.4.1: MOV to a control register refuses PDPTEs with reserved bits. */
static bool pdptes_are_legal(const struct cr_state *now, const struct cr_state *next)
{
	uint64_t entry;

	for (unsigned i = 0; cr_loads_pdptes(now, next) && i < 4; i++) {
		entry = 0;
		guest_read64((next->cr3 & 0xffffffe0) + 8 * i, &entry);
		if (!pdpte_is_legal(entry, features.physical_bits))
			return false;
	}
	return true;
}

/* The rules of MOV; *next becomes the state after it. */
static bool is_legal(const struct cr_state *now, enum guest_register r, uint64_t value, struct cr_state *next)
{
	*next = *now;
	if (r == GUEST_CR0) {
		next->cr0 = (value & CR0_DEFINED) | CR0_ET;
		return cr0_is_legal(now, value) && pdptes_are_legal(now, next);
	}
	if (r == GUEST_CR4) {
		next->cr4 = value;
		return !(value & ~vendor->traits->cr4_bits) && cr4_is_legal(now, value) &&
		       pdptes_are_legal(now, next);
	}
	next->cr3 = value;
	return cr3_is_legal(now, value, features.physical_bits, features.lam) && pdptes_are_legal(now, next);
}

static uint64_t value_of(const struct cr_state *s, enum guest_register r)
{
	return r == GUEST_CR0 ? s->cr0 : r == GUEST_CR4 ? s->cr4 : s->cr3;
}

static void refuse(struct cpu *cpu)
{
	exception_raise(cpu, VEC_GP, 0);
}

static void write_control(
	struct cpu *cpu, enum guest_register r, enum watch_register reg, const struct control_write *w)
{
	const struct cr_state now = state_of(cpu);
	struct watch_access_state a;
	struct cr_state next;

	if (!is_legal(&now, r, w->value, &next)) {
		refuse(cpu);
		return;
	}
	watch_register_begin(cpu, &a, reg, 0, WATCH_WRITE);
	a.has_old = true;
	a.old = value_of(&now, r);
	if (watch_register_denies(cpu, &a, value_of(&next, r))) {
		refuse(cpu);
		return;
	}
	vendor->state.set(cpu, r, value_of(&next, r));
	watch_register_end(cpu, &a, vendor->state.get(cpu, r));
	vendor->exits.skip(cpu, w->length, 0);
}

bool watch_control(struct cpu *cpu, const struct control_write *w)
{
	static const struct {
		uint8_t r, reg;
	} moves[] = {
		[0] = {GUEST_CR0, WATCH_CR0}, [3] = {GUEST_CR3, WATCH_CR3}, [4] = {GUEST_CR4, WATCH_CR4}};

	if (w->number >= ARRAY_SIZE(moves) || !moves[w->number].reg)
		return false;
	if (w->number != 3 && !watch_register_wants(moves[w->number].reg, 0, WATCH_WRITE))
		return false;
	write_control(cpu, moves[w->number].r, moves[w->number].reg, w);
	return true;
}

/* It runs by itself, and CR0 is compared at the next exit. The value that it loads is not known yet: any bit that it can change counts. */
static bool open_lmsw(struct cpu *cpu, uint64_t cr0)
{
	struct watch_access_state a;

	if (!watch_register_wants(WATCH_CR0, 0, WATCH_WRITE))
		return false;
	watch_register_begin(cpu, &a, WATCH_CR0, 0, WATCH_WRITE);
	a.has_old = true;
	a.old = cr0;
	if (watch_register_denies(cpu, &a, cr0_with_lmsw(cr0, ~cr0))) {
		refuse(cpu);
		return true;
	}
	watch_open_begin(cpu, &a, 0);
	return false;
}

bool watch_control_insn(struct cpu *cpu)
{
	const struct system_insn i = find(cpu);
	uint64_t cr0 = vendor->state.get(cpu, GUEST_CR0);
	struct control_write w = {.number = 0, .length = i.length};

	if (i.kind == SYSTEM_LMSW && i.memory)
		return open_lmsw(cpu, cr0);
	if (i.kind == SYSTEM_LMSW) {
		w.value = cr0_with_lmsw(cr0, insn_operand(cpu, i.gpr));
	} else if (i.kind == SYSTEM_CLTS) {
		w.value = cr0 & ~(uint64_t)CR0_TS;
	} else if (i.kind == SYSTEM_MOV_TO_CR) {
		w.number = i.number;
		w.value = insn_operand(cpu, i.gpr);
	} else {
		return false;
	}
	return watch_control(cpu, &w);
}

#define DR_CASES(X) X(0) X(1) X(2) X(3)

static uint64_t read_breakpoint(unsigned n)
{
	uint64_t value = 0;

	switch (n) {
#define X(n)                                                                                                 \
	case n:                                                                                              \
		__asm__ volatile("mov %%dr" #n ", %0" : "=r"(value));                                        \
		break;
		DR_CASES(X)
#undef X
	default:
		break;
	}
	return value;
}

static void write_breakpoint(unsigned n, uint64_t value)
{
	switch (n) {
#define X(n)                                                                                                 \
	case n:                                                                                              \
		__asm__ volatile("mov %0, %%dr" #n : : "r"(value));                                          \
		break;
		DR_CASES(X)
#undef X
	default:
		break;
	}
}

static bool is_user(const struct cpu *cpu)
{
	return guest_cpl(cpu);
}

/* The exit comes before the general-detect #DB (KVM and SDM vol. 3C 26.1.1 agree for VT-x; AMD-V raises it by itself). */
static bool is_detected(struct cpu *cpu)
{
	uint64_t dr7 = vendor->state.get(cpu, GUEST_DR7);

	if (!(dr7 & DR7_GD))
		return false;
	vendor->state.set(cpu, GUEST_DR7, dr7 & ~(uint64_t)DR7_GD);
	vendor->state.set(cpu, GUEST_DR6, vendor->state.get(cpu, GUEST_DR6) | DR6_BD);
	exception_raise(cpu, VEC_DB, 0);
	return true;
}

static void read_debug(struct cpu *cpu, const struct system_insn *i, unsigned n)
{
	uint64_t value = n == 6   ? vendor->state.get(cpu, GUEST_DR6)
			 : n == 7 ? vendor->state.get(cpu, GUEST_DR7)
				  : read_breakpoint(n);

	if (i->gpr == TRAP_RSP)
		vendor->state.set(cpu, GUEST_RSP, value);
	else
		cpu->gpr[i->gpr] = value;
	cpu_add_work(cpu, CPU_WORK_RELOAD);
	vendor->exits.skip(cpu, i->length, 0);
}

static void write_seven(struct cpu *cpu, uint64_t value, unsigned length)
{
	struct watch_access_state a;

	value = (value & DR7_WRITABLE) | DR7_FIXED;
	watch_register_begin(cpu, &a, WATCH_DR7, 0, WATCH_WRITE);
	a.has_old = true;
	a.old = vendor->state.get(cpu, GUEST_DR7);
	if (watch_register_denies(cpu, &a, value)) {
		refuse(cpu);
		return;
	}
	vendor->state.set(cpu, GUEST_DR7, value);
	watch_register_end(cpu, &a, value);
	vendor->exits.skip(cpu, length, 0);
}

static void write_debug(struct cpu *cpu, const struct system_insn *i, unsigned n)
{
	uint64_t value = insn_operand(cpu, i->gpr);

	if (n >= 6 && value >> 32) {
		refuse(cpu);
		return;
	}
	if (n == 7) {
		write_seven(cpu, value, i->length);
		return;
	}
	if (n == 6)
		vendor->state.set(cpu, GUEST_DR6, (value & DR6_WRITABLE) | DR6_SET);
	else
		write_breakpoint(n, value);
	vendor->exits.skip(cpu, i->length, 0);
}

/*
 * DR4 and DR5 are the other names of DR6 and DR7, without CR4.DE: SDM vol. 3B 18.2.2.
 *
 * On VT-x this exit alone comes before the #UD for CR4.DE and before the check of the CPL (SDM vol. 3C 26.1.3, MOV DR). All other
 * instructions that are carried out for a watch exit after that check, on both vendors (26.1.1; APM vol. 2 15.9).
 */
void exit_debug_register(struct cpu *cpu)
{
	struct system_insn i = find(cpu);
	unsigned n = i.number;

	if ((i.kind != SYSTEM_MOV_TO_DR && i.kind != SYSTEM_MOV_FROM_DR) || n > 7 ||
		((n == 4 || n == 5) && vendor->state.get(cpu, GUEST_CR4) & CR4_DE)) {
		exception_raise(cpu, VEC_UD, 0);
		return;
	}
	if (is_user(cpu)) {
		refuse(cpu);
		return;
	}
	if (is_detected(cpu))
		return;
	n += n == 4 || n == 5 ? 2 : 0;
	if (i.kind == SYSTEM_MOV_TO_DR)
		write_debug(cpu, &i, n);
	else
		read_debug(cpu, &i, n);
}
