// SPDX-License-Identifier: MIT
/*
 * libFuzzer: hardware task switches of a 32-bit guest, with any descriptors and TSSs, in every
 * paging mode. The resulting state must be one that the CPU enters (SDM vol. 3C 27.3.1), because otherwise
 * a guest could stop its host. Only RAM is accessed, and at most one exception results.
 */
#include <stdio.h>
#include "hw/features.h"
#include "hw/x86.h"
#include "input.h"
#include "exit/handlers.h"
#include "log/log.h"
#include "exit/exception.h"
#include "lib/array.h"
#include "mem/guest_ram.h"
#include "trace/vector.h"
#include "vmx/vmx.h"
#include "vmx/vmx_check.h"

#define GDT         0x1000u
#define GDT_ENTRIES 32u
#define TABLES      0x8000u /* page tables, 4 KiB apart */
#define TSS_AT(n)   (0x2000u + 0x100u * (n))
#define TSSS        8u
#define PAGE_MAP    0xe7u /* P, W, U, A, D, PS: all memory in one page */
#define POINTER     0x01u
#define PAT_RESET   0x0007040600070406ull
#define PHYSICAL    46

struct fake_ram fake_ram;
uint64_t fake_vmcs[FAKE_FIELDS];

static unsigned raised;
static uint64_t dr6;

void log_line(const char *fmt, ...)
{
}

void exception_raise(struct cpu *cpu, uint8_t vector, uint32_t error)
{
	assert(vector == VEC_DB);
	raised++;
}

void exit_exception(struct cpu *cpu)
{
	uint8_t vector = cpu->exit.event.vector;

	assert(vector == VEC_TS || vector == VEC_NP || vector == VEC_SS || vector == VEC_GP ||
		vector == VEC_PF);
	assert(vector != VEC_PF || cpu->exit.address <= UINT32_MAX);
	raised++;
}

void vmx_paging(const struct cpu *cpu, struct guest_paging *out)
{
	*out = vmx_mode(cpu)->paging;
}

uint64_t vmx_get(const struct cpu *cpu, enum guest_register r)
{
	assert(r == GUEST_DR6);
	return dr6;
}

void vmx_set(struct cpu *cpu, enum guest_register r, uint64_t value)
{
	assert(r == GUEST_DR6);
	dr6 = value;
}

void vmx_set_masks(struct cpu *cpu)
{
}

void vmx_flush_guest_tlb(void)
{
}

static void say(uint32_t field, const struct vmx_check_row *row)
{
	fprintf(stderr, "%s=0x%lx %s\n", vmx_field_name(field), vmread(field), row->why);
}

/* Whether the CPU enters the VMCS's state, with CR0 and CR4 fixed as VMX operation fixes them on current CPUs. */
static bool enters(void)
{
	const struct vmx_check check = {
		.read = vmread,
		.fail = say,
		.cr0_fixed0 = 0x80000021,
		.cr0_fixed1 = 0xffffffff,
		.cr4_fixed0 = CR4_VMXE,
		.cr4_fixed1 = 0x3727ff,
		.physical_bits = PHYSICAL,
		.linear_bits = 48,
	};

	return !vmx_check_state(&check);
}

static void put_segment(unsigned n, uint16_t selector, uint32_t base, uint32_t limit, uint32_t rights)
{
	vmwrite(VMCS_SELECTOR(n), selector);
	vmwrite(VMCS_BASE(n), base);
	vmwrite(VMCS_LIMIT(n), limit);
	vmwrite(VMCS_RIGHTS(n), rights);
}

/* A task that runs: flat segments of ring 0 or 3, its TSS in memory, with or without an LDT that is in the GDT's page. */
static void put_old_task(void)
{
	uint32_t ring = take8() & 1 ? 3 : 0;
	uint8_t ldt = take8();

	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		put_segment(
			n, (uint16_t)(0x10 | ring), 0, ~0u, (n == SEG_CS ? 0xc09bu : 0xc093u) | ring << 5);
	put_segment(SEG_TR, (uint16_t)(take8() % GDT_ENTRIES * 8), TSS_AT(0), 103, 0x8b);
	if (ldt & 1)
		put_segment(SEG_LDTR, 0x18, GDT, ldt, 0x82);
	else
		put_segment(SEG_LDTR, 0, 0, 0, RIGHTS_UNUSABLE);
	vmwrite(VMCS_GUEST_GDTR_BASE, GDT);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, take8() & 7 ? GDT_ENTRIES * 8 - 1 : take8());
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED | (take32() & (RFLAGS_NT | RFLAGS_IF)));
	vmwrite(VMCS_GUEST_RIP, take32());
	vmwrite(VMCS_GUEST_RSP, take8() & 1 ? 0x4000 : take32());
}

/* Off, 32-bit or PAE: all memory is mapped one to one, unless the input changes the tables. */
static void put_paging(void)
{
	uint64_t cr0 = CR0_PE | CR0_NE, cr4 = CR4_VMXE | 0x10, pointer = (TABLES + 4096) | POINTER,
		 page = PAGE_MAP;
	uint8_t mode = take8() % 3;

	if (mode) {
		cr0 |= CR0_PG | (take8() & 1 ? CR0_WP : 0);
		cr4 |= mode == 2 ? CR4_PAE : 0;
	}
	memcpy(fake_ram.bytes + TABLES, mode == 2 ? &pointer : &page, 8);
	memcpy(fake_ram.bytes + TABLES + 4096, &page, 8);
	vmwrite(VMCS_GUEST_CR0, cr0);
	vmwrite(VMCS_GUEST_CR4, cr4);
	vmwrite(VMCS_GUEST_CR3, TABLES);
	if (mode == 2)
		vmwrite(VMCS_GUEST_PDPTE0, pointer);
	vmwrite(VMCS_GUEST_DR7, DR7_FIXED | (take8() & 0xff));
	vmwrite(VMCS_GUEST_PAT, PAT_RESET);
	vmwrite(VMCS_LINK_POINTER, ~0ull);
}

/* Mostly valid descriptors, with any byte changed: type and rights matter most. */
static uint64_t take_descriptor(void)
{
	static const uint8_t rights[] = {
		0x89, 0x8b, 0x9b, 0xfb, 0x9f, 0x93, 0xf3, 0x82, 0x99, 0x91, 0x13, 0x09};
	uint8_t shape = take8();
	uint64_t d = 0x00c000000000ffffull;

	if (shape >= 0xf0)
		return take64();
	if (shape & 0x40)
		d = (uint64_t)TSS_AT(take8() % TSSS) << 16 | 0x67;
	d |= (uint64_t)rights[shape % (ARRAY_SIZE(rights))] << 40;
	if (shape & 0x80)
		d ^= 1ull << take8() % 64;
	return d;
}

static void put_tss(unsigned n)
{
	uint32_t words[26] = {0};

	for (unsigned i = 0; i < 26; i++) {
		uint8_t shape = take8();

		if (i >= 18) /* selectors */
			words[i] = shape % (GDT_ENTRIES * 8);
		else
			words[i] = shape < 0x80 ? shape : take32();
	}
	words[7] = take8() & 3 ? TABLES + (take8() & 3) * 4096u : take32(); /* CR3 */
	words[9] = take8() & 3 ? 2 : take32();                              /* EFLAGS */
	memcpy(fake_ram.bytes + TSS_AT(n), words, sizeof(words));
}

static void put_memory(void)
{
	for (unsigned i = 0; i < GDT_ENTRIES; i++) {
		uint64_t d = take_descriptor();

		memcpy(fake_ram.bytes + GDT + 8 * i, &d, 8);
	}
	for (unsigned n = 0; n < TSSS / 4; n++)
		put_tss(n);
	for (unsigned n = take8() & 7; n; n--) {
		uint64_t word = take64();

		memcpy(fake_ram.bytes + TABLES + (take8() & 3) * 4096 + (take8() & 7) * 8, &word, 8);
	}
	if (take8() >= 0xf8)
		fake_ram.absent[take8() % FAKE_PAGES] = true;
}

static void put_event(struct exit *x)
{
	static const uint8_t types[] = {
		TRAP_TYPE_EXTINT, TRAP_TYPE_NMI, TRAP_TYPE_EXCEPTION, TRAP_TYPE_SOFTINT};
	uint8_t shape = take8();

	if (!(shape & 1))
		return;
	x->during = (struct event){.valid = true,
		.has_error = shape & 2,
		.type = types[shape >> 2 & 3],
		.vector = take8(),
		.error = take8()};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cpu cpu;
	static struct vmx_cpu vmx;

	features.physical_bits = PHYSICAL;
	input_begin(data, size);
	memset(&fake_ram, 0, sizeof(fake_ram));
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(&vmx, 0, sizeof(vmx));
	cpu.vendor = &vmx;
	cpu.exit = (struct exit){.kind = EXIT_TASK_SWITCH};
	raised = 0;
	put_paging();
	put_old_task();
	put_event(&cpu.exit);
	vmwrite(VMCS_EXIT_QUALIFICATION, (uint64_t)(take8() & 3) << 30 | take8() % (GDT_ENTRIES * 8));
	vmwrite(VMCS_EXIT_LENGTH, 2);
	put_memory();
	vmx_reread(&cpu);
	assert(enters());
	vmx_task_switch(&cpu);
	assert(raised <= 1);
	assert(enters());
	return 0;
}
