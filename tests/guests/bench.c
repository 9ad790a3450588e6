/*
 * What an exit costs, in instructions.
 *
 * Time on an emulator says nothing about hardware, but a count of instructions does, if it is exact: under
 * QEMU's -icount shift=5 every instruction is 32 ticks of the TSC, the VMM's own ones included, and on Bochs
 * with one CPU every instruction is one tick. The first line measures which it is; everything else is given
 * in that unit, in hundredths (per=31250 is 312.5 instructions), for one pass of the code in the loop, the
 * loop itself taken off.
 *
 * Faults are skipped by handlers of two or three instructions, whose own count is in the figure, as it is
 * bare: the difference to the same line bare is what Trapline costs.
 *
 * Load option: n=1000 passes.
 */
#include <trapline/services.h>
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

const char guest_name[] = "bench";

#define WARM_UP       64
#define PASSES        1000
#define NONCANONICAL  0x0000800000000000ull
#define APIC          0xfee00000 /* its end-of-interrupt register takes any number of writes */
#define NO_CALL       0x7fffffff /* a number that no service has */
#define CALIBRATION   100000
#define UNITS_PER_ONE 100

/* Handlers that skip an instruction of two bytes, which each one here has: without an error code, with one,
 * and for the trap, which needs no help. */
extern const uint8_t bench_skip[], bench_skip_error[], bench_return[];
__asm__(".text\n"
	".balign 16\n"
	"bench_skip_error: add $8, %rsp\n"
	"bench_skip: addq $2, (%rsp)\n"
	"bench_return: iretq\n");

/* Ticks of n passes of a loop around `code`, which may use RAX, RCX, RDX and RBX; RSI and RDI are its
 * arguments. */
#define LOOP(name, code)                                                                                     \
	static uint64_t loop_##name(uint64_t n, uint64_t rsi, uint64_t rdi)                                  \
	{                                                                                                    \
		uint64_t start = rdtsc();                                                                    \
                                                                                                             \
		__asm__ volatile(".balign 16\n1: " code "\n dec %0\n jnz 1b"                                 \
				 : "+r"(n)                                                                   \
				 : "S"(rsi), "D"(rdi)                                                        \
				 : "rax", "rbx", "rcx", "rdx", "memory", "cc");                              \
		return rdtsc() - start;                                                                      \
	}

LOOP(empty, "")
LOOP(cpuid, "xor %%eax, %%eax; xor %%ecx, %%ecx; cpuid")
LOOP(cpuid_setup, "xor %%eax, %%eax; xor %%ecx, %%ecx")
LOOP(rdmsr, "mov %%edi, %%ecx; rdmsr")
LOOP(rdmsr_setup, "mov %%edi, %%ecx")
LOOP(rdmsr_wrmsr, "mov %%edi, %%ecx; rdmsr; wrmsr")
LOOP(vmcall, "mov %%edi, %%eax; vmcall")
LOOP(vmmcall, "mov %%edi, %%eax; vmmcall")
LOOP(lookup, "mov %%rsi, %%rbx; xor %%eax, %%eax; vmmcall")
LOOP(lookup_setup, "mov %%rsi, %%rbx; xor %%eax, %%eax")
LOOP(ud2, "ud2")
LOOP(int3, "int3")
LOOP(load, "mov (%%rsi), %%al")
LOOP(in, "in $0x21, %%al")
LOOP(eoi_immediate, "movl $0, 0xb0(%%rsi)")
LOOP(eoi_register, "mov %%edi, 0xb0(%%rsi)")
LOOP(eoi_xchg, "xor %%eax, %%eax; xchg %%eax, 0xb0(%%rsi)")
LOOP(mov_cr3, "mov %%cr3, %%rax; mov %%rax, %%cr3")
LOOP(mov_cr0, "mov %%cr0, %%rax; mov %%rax, %%cr0")

typedef uint64_t loop(uint64_t n, uint64_t rsi, uint64_t rdi);

enum need {
	ALWAYS,
	TRAPLINE_INTEL,
	TRAPLINE_AMD
};

static const struct row {
	const char *name;
	loop *measured;
	loop *baseline;
	uint64_t rsi, rdi;
	enum need need;
} rows[] = {
	{"cpuid", loop_cpuid, loop_cpuid_setup, 0, 0, ALWAYS},
	{"rdmsr_lstar", loop_rdmsr, loop_rdmsr_setup, 0, MSR_LSTAR, ALWAYS},
	{"rdmsr_efer", loop_rdmsr, loop_rdmsr_setup, 0, MSR_EFER, ALWAYS},
	{"rdmsr_wrmsr_efer", loop_rdmsr_wrmsr, loop_rdmsr_setup, 0, MSR_EFER, ALWAYS},
	{"vmcall", loop_vmcall, loop_rdmsr_setup, 0, NO_CALL, TRAPLINE_INTEL},
	{"vmmcall", loop_vmmcall, loop_rdmsr_setup, 0, NO_CALL, TRAPLINE_AMD},
	{"vmmcall_null", loop_vmmcall, loop_rdmsr_setup, 0, TRAPLINE_CALL_null, TRAPLINE_AMD},
	{"vmmcall_lookup", loop_lookup, loop_lookup_setup, (uint64_t) "a name of sixteen", 0, TRAPLINE_AMD},
	{"ud2", loop_ud2, loop_empty, 0, 0, ALWAYS},
	{"int3", loop_int3, loop_empty, 0, 0, ALWAYS},
	{"gp", loop_load, loop_empty, NONCANONICAL, 0, ALWAYS},
	{"pf", loop_load, loop_empty, WINDOW_AT(PAGE_ABSENT_INDEX), 0, ALWAYS},
	{"in", loop_in, loop_empty, 0, 0, ALWAYS},
	{"apic_immediate", loop_eoi_immediate, loop_empty, APIC, 0, ALWAYS},
	{"apic_register", loop_eoi_register, loop_empty, APIC, 0, ALWAYS},
	{"apic_xchg", loop_eoi_xchg, loop_empty, APIC, 0, ALWAYS},
	{"mov_cr0", loop_mov_cr0, loop_empty, 0, 0, ALWAYS},
	{"mov_cr3", loop_mov_cr3, loop_empty, 0, 0, ALWAYS},
};

static bool applies(const struct row *row)
{
	bool intel = cpuid(0, 0).ecx == 0x6c65746e; /* "ntel" of GenuineIntel */

	if (row->need == ALWAYS)
		return true;
	return guest_under_trapline() && intel == (row->need == TRAPLINE_INTEL);
}

static uint64_t number(const char *text, uint64_t otherwise)
{
	uint64_t value = 0;

	if (!text || !*text)
		return otherwise;
	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (*text - '0');
	return value ? value : otherwise;
}

/* Ticks of an instruction, in hundredths: DEC and JNZ are two. */
static uint64_t calibrate(void)
{
	uint64_t short_run = loop_empty(CALIBRATION, 0, 0);
	uint64_t long_run = loop_empty(2 * CALIBRATION, 0, 0);

	return ((long_run - short_run) * UNITS_PER_ONE + CALIBRATION) / (2 * CALIBRATION);
}

static void install_handlers(void)
{
	machine_set_handler(VECTOR_UD, bench_skip);
	machine_set_handler(VECTOR_BP, bench_return);
	machine_set_handler(VECTOR_GP, bench_skip_error);
	machine_set_handler(VECTOR_PF, bench_skip_error);
}

static void measure(const struct row *row, uint64_t n, uint64_t unit)
{
	uint64_t baseline, total;

	row->baseline(WARM_UP, row->rsi, row->rdi);
	baseline = row->baseline(n, row->rsi, row->rdi);
	row->measured(WARM_UP, row->rsi, row->rdi);
	total = row->measured(n, row->rsi, row->rdi);
	total = total > baseline ? total - baseline : 0;
	print("bench name=%s n=%lu tsc=%lu per=%lu\n", row->name, n, total,
		total * UNITS_PER_ONE * UNITS_PER_ONE / unit / n);
}

EFI_STATUS guest_main(void)
{
	uint64_t n = number(guest_value("n"), PASSES);
	uint64_t unit;

	machine_take();
	install_handlers();
	unit = calibrate();
	print("bench name=instruction ticks=%lu under=%s\n", unit,
		guest_under_trapline() ? "trapline" : "nothing");
	for (unsigned i = 0; unit && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (applies(&rows[i]))
			measure(&rows[i], n, unit);
	machine_give_back();
	return EFI_SUCCESS;
}
