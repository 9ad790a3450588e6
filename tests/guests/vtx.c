// SPDX-License-Identifier: MIT
/*
 * VT-x as a guest of Trapline sees it: as on a CPU whose firmware locked it out. And the MTRRs, which the
 * guest may write and read back while second-level paging follows them.
 */
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

#define LOCKED          1
#define LEAF1_ECX_VMX   (1u << 5)
#define LEAF1_ECX_SMX   (1u << 6)
#define MTRR_BASE(n)    (0x200u + 2 * (n))
#define MTRR_MASK(n)    (0x201u + 2 * (n))
#define MTRR_LAST       7u
#define MTRR_VALID      0x800u
#define TYPE_UC         0
#define TYPE_WT         4
#define DEF_TYPE_ENABLE 0x800u

const char guest_name[] = "vtx";

TRAP_STUB(rdmsr, "rdmsr");
TRAP_STUB(wrmsr, "wrmsr");
TRAP_STUB(cr4, "mov %rax, %cr4");
TRAP_STUB(vmxon, "vmxon (%rsi)");
TRAP_STUB(vmptrld, "vmptrld (%rsi)");
TRAP_STUB(invept, "invept (%rsi), %rax");
TRAP_STUB(getsec, ".byte 0x0f, 0x37");
TRAP_STUB(invd, "invd");
TRAP_STUB(wbinvd, "wbinvd");

static const struct row {
	const char *name;
	const uint8_t *code;
	uint32_t ecx;
	uint64_t value;
	unsigned vector; /* VECTOR_END: it works */
} rows[] = {
	{"feature-control-read", stub_rdmsr, MSR_FEATURE_CONTROL, 0, VECTOR_END},
	{"feature-control-write", stub_wrmsr, MSR_FEATURE_CONTROL, 5, VECTOR_GP},
	{"vmx-basic", stub_rdmsr, 0x480, 0, VECTOR_GP},
	{"vmx-vmfunc", stub_rdmsr, 0x491, 0, VECTOR_GP},
	{"vmx-basic-write", stub_wrmsr, 0x480, 0, VECTOR_GP},
	{"vmxon", stub_vmxon, 0, 0, VECTOR_UD},
	{"vmptrld", stub_vmptrld, 0, 0, VECTOR_UD},
	{"invept", stub_invept, 0, 0, VECTOR_UD},
	{"getsec", stub_getsec, 0, 0, VECTOR_UD},
	{"invd", stub_invd, 0, 0, VECTOR_END},
	{"wbinvd", stub_wbinvd, 0, 0, VECTOR_END},
};

static const struct trap_event *run(const uint8_t *code, uint32_t ecx, uint64_t value)
{
	struct trap_state start = {
		.rip = (uint64_t)code,
		.cs = SEG_CODE,
		.ss = SEG_DATA,
		.rflags = RFLAGS_FIXED,
		.rsp = machine_stub_stack(),
	};

	start.gpr[REG_RAX] = value;
	start.gpr[REG_RCX] = ecx;
	start.gpr[REG_RSI] = PAGE_DATA;
	return &trap_run(&start, 0)->event[0];
}

static void report(const char *name, bool ok, uint64_t seen)
{
	print("result name=%s result=%s seen=%lx\n", name, ok ? "ok" : "wrong", seen);
}

static void show_instructions(void)
{
	uint64_t cr4 = read_cr4();

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		const struct trap_event *e = run(r->code, r->ecx, r->value);

		report(r->name, e->vector == r->vector, e->vector);
	}
	report("feature-control", rdmsr(MSR_FEATURE_CONTROL) == LOCKED, rdmsr(MSR_FEATURE_CONTROL));
	report("cpuid", !(cpuid(1, 0).ecx & (LEAF1_ECX_VMX | LEAF1_ECX_SMX)), cpuid(1, 0).ecx);
	report("cr4-hidden", !(cr4 & CR4_VMXE), cr4);
	report("cr4-vmxe", run(stub_cr4, 0, cr4 | CR4_VMXE)->vector == VECTOR_GP, read_cr4());
	report("cr4-same", run(stub_cr4, 0, cr4)->vector == VECTOR_END && read_cr4() == cr4, read_cr4());
}

/* 16 KiB of RAM write-through, which splits a large page of the second level; then all MTRRs off, and restored. */
static void show_mtrrs(void)
{
	static uint8_t pages[0x8000] __attribute__((aligned(0x8000)));
	uint64_t base = (uint64_t)pages, def = rdmsr(MSR_MTRR_DEF_TYPE),
		 old_base = rdmsr(MTRR_BASE(MTRR_LAST)), old_mask = rdmsr(MTRR_MASK(MTRR_LAST));
	uint64_t mask = 0xffffff8000 | MTRR_VALID;

	wrmsr(MTRR_BASE(MTRR_LAST), base | TYPE_WT);
	wrmsr(MTRR_MASK(MTRR_LAST), mask);
	report("mtrr-base", rdmsr(MTRR_BASE(MTRR_LAST)) == (base | TYPE_WT), rdmsr(MTRR_BASE(MTRR_LAST)));
	report("mtrr-mask", rdmsr(MTRR_MASK(MTRR_LAST)) == mask, rdmsr(MTRR_MASK(MTRR_LAST)));
	for (unsigned i = 0; i < sizeof(pages); i++)
		pages[i] = (uint8_t)i;
	wrmsr(MSR_MTRR_DEF_TYPE, def & ~(uint64_t)DEF_TYPE_ENABLE);
	wrmsr(MSR_MTRR_DEF_TYPE, def);
	wrmsr(MTRR_MASK(MTRR_LAST), old_mask);
	wrmsr(MTRR_BASE(MTRR_LAST), old_base);
	report("mtrr-memory", pages[0x7fff] == 0xff && pages[0x1234] == 0x34, pages[0x7fff]);
	report("mtrr-bad-type", run(stub_wrmsr, MTRR_BASE(MTRR_LAST), 2)->vector == VECTOR_GP, 0);
}

EFI_STATUS guest_main(void)
{
	machine_take();
	show_instructions();
	show_mtrrs();
	machine_give_back();
	return EFI_SUCCESS;
}
