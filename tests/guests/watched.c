// SPDX-License-Identifier: MIT
/*
 * Writes each register that Trapline can watch, and prints `write name= old= new=` for it: bare and watched these lines must be the same,
 * and the trace must have the same values in the same order.
 *
 * What makes it hard: two writes follow each other at once, with nothing in between that exits (CR0.WP is cleared and set again); a
 * value is refused; a table is loaded through a pointer, or through GS; LMSW reads memory; a program at CPL 3 writes DR7; CR0.CD is kept
 * by the CPU itself.
 *
 * Addresses, which Trapline's own memory moves, are not printed.
 */
#include "hw/msr.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

const char guest_name[] = "watched";

TRAP_STUB(wrmsr, "wrmsr");
TRAP_STUB(cr0, "mov %rax, %cr0");
TRAP_STUB(cr3, "mov %rax, %cr3");
TRAP_STUB(cr4, "mov %rax, %cr4");
TRAP_STUB(dr7, "mov %rax, %dr7");
TRAP_STUB(clts, "clts");
TRAP_STUB(lmsw, "lmsw %ax");
TRAP_STUB(lmsw_memory, "lmsw (%rax)");
TRAP_STUB(lgdt, "lgdt (%rax)");
TRAP_STUB(lgdt_gs, "lgdt %gs:(%rax)");
TRAP_STUB(lidt, "lidt (%rax)");
TRAP_STUB(twice, "mov %rax, %cr0; mov %rdx, %cr0");

/* Runs the code with RAX, RDX and RCX. Returns the vector of the exception, 3 for the INT3 behind the code. */
static unsigned run_in(
	uint16_t cs, uint16_t ss, const uint8_t *code, uint64_t rax, uint64_t rdx, uint64_t rcx)
{
	struct trap_state start = {
		.rip = (uint64_t)code,
		.cs = cs,
		.ss = ss,
		.rflags = RFLAGS_FIXED,
		.rsp = machine_stub_stack(),
	};

	start.gpr[REG_RAX] = rax;
	start.gpr[REG_RDX] = rdx;
	start.gpr[REG_RCX] = rcx;
	return trap_run(&start, 0)->event[0].vector;
}

static unsigned run(const uint8_t *code, uint64_t rax, uint64_t rdx, uint64_t rcx)
{
	return run_in(SEG_CODE, SEG_DATA, code, rax, rdx, rcx);
}

static void tell(const char *name, uint64_t old, uint64_t new, unsigned vector)
{
	print("write name=%s old=0x%lx new=0x%lx vector=%u\n", name, old, new, vector);
}

static void write_msr(const char *name, uint32_t msr, uint64_t value)
{
	uint64_t old = rdmsr(msr);
	unsigned vector = run(stub_wrmsr, (uint32_t)value, value >> 32, msr);

	tell(name, old, rdmsr(msr), vector);
	if (rdmsr(msr) != old)
		wrmsr(msr, old);
}

static void write_control(void)
{
	uint64_t old = read_cr0();

	tell("cr0", old, old ^ CR0_WP, run(stub_twice, old ^ CR0_WP, old, 0));
	if (!(guest_emulator() & EMU_QEMU)) /* QEMU 7.2 aborts bare: PG without PE */
		tell("cr0", old, read_cr0(), run(stub_cr0, old & ~(uint64_t)CR0_PE, 0, 0));
	run(stub_cr0, old | CR0_TS, 0, 0);
	tell("cr0", old, read_cr0(), 3);
	tell("cr0", old | CR0_TS, read_cr0(), run(stub_clts, 0, 0, 0));
	run(stub_lmsw, (old & 0xf) | CR0_MP, 0, 0);
	tell("cr0", old, read_cr0(), 3);
	run(stub_cr0, old, 0, 0);
}

static void write_rare_bits(void)
{
	uint64_t old = read_cr0();
	uint16_t word = (uint16_t)((old & 0xf) | CR0_TS);
	unsigned vector = run(stub_lmsw_memory, (uint64_t)&word, 0, 0);

	tell("cr0", old, read_cr0(), vector);
	run(stub_clts, 0, 0, 0);
	vector = run(stub_cr0, old | CR0_CD, 0, 0);
	tell("cr0", old, read_cr0(), vector);
	run(stub_cr0, old, 0, 0);
	tell("cr0", old, read_cr0(), 3);
}

static void write_others(void)
{
	uint64_t cr3 = read_cr3(), cr4 = read_cr4();
	unsigned vector;

	tell("cr3", 0, read_cr3() ^ cr3, run(stub_cr3, cr3, 0, 0));
	vector = run(stub_cr4, cr4 ^ CR4_DE, 0, 0);
	tell("cr4", cr4, read_cr4(), vector);
	run(stub_cr4, cr4, 0, 0);
	if (!(guest_emulator() & EMU_QEMU)) { /* it accepts the value in long mode */
		vector = run(stub_cr4, cr4 & ~(uint64_t)CR4_PAE, 0, 0);
		tell("cr4", cr4, read_cr4(), vector);
	}
	vector = run(stub_dr7, 0x700, 0, 0);
	tell("dr7", DR7_FIXED, read_dr7(), vector);
	vector = run(stub_dr7, 1ull << 32, 0, 0);
	tell("dr7", 0x700, read_dr7(), vector);
	run(stub_dr7, DR7_FIXED, 0, 0);
	vector = run_in(SEG_USER_CODE | 3, SEG_USER_DATA | 3, stub_dr7, 0x700, 0, 0);
	tell("dr7", DR7_FIXED, read_dr7(), vector);
}

/* Without GS's base the operand would be zeros. */
static void load_by_gs(const struct descriptor_table *gdt)
{
	struct {
		uint8_t empty[64];
		struct descriptor_table gdt;
	} memory = {.gdt = *gdt};
	uint64_t base = rdmsr(MSR_GS_BASE);
	unsigned vector;

	wrmsr(MSR_GS_BASE, sizeof(memory.empty));
	vector = run(stub_lgdt_gs, (uint64_t)&memory, 0, 0);
	wrmsr(MSR_GS_BASE, base);
	tell("gdtr", 0, sgdt().base ^ gdt->base, vector);
}

static void load_tables(void)
{
	struct descriptor_table gdt = sgdt(), idt, odd;

	__asm__ volatile("sidt %0" : "=m"(idt));
	odd = idt;
	odd.base = 1ull << 62;
	tell("gdtr", 0, 0, run(stub_lgdt, (uint64_t)&gdt, 0, 0));
	tell("idtr", 0, 0, run(stub_lidt, (uint64_t)&idt, 0, 0));
	load_by_gs(&gdt);
	if (!(guest_emulator() & EMU_QEMU)) /* it accepts the base */
		tell("idtr", 0, 0, run(stub_lidt, (uint64_t)&odd, 0, 0));
	tell("idtr", 0, 0, run(stub_lidt, 1ull << 62, 0, 0));
	tell("idtr", 0, 0, run(stub_lidt, 0x7ffffffff000, 0, 0)); /* not mapped */
}

EFI_STATUS guest_main(void)
{
	machine_take();
	write_msr("IA32_LSTAR", MSR_LSTAR, 0xffff800000001000);
	write_msr("IA32_KERNEL_GS_BASE", MSR_KERNEL_GS_BASE, 0x7fff12345678);
	write_msr("IA32_STAR", MSR_STAR, 0x0023001000000000);
	write_control();
	write_rare_bits();
	write_others();
	load_tables();
	machine_give_back();
	return EFI_SUCCESS;
}
