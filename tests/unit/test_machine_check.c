// SPDX-License-Identifier: MIT
/* Machine checks while the VMM runs: whether they go to the guest. RDMSR faults here, and is emulated. */
#define _GNU_SOURCE
#include "unit.h"
#undef skip /* cmocka's */
#include <asm/prctl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>
#include "cpu/host_trap.h"
#include "cpu/machine_check.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "trace/vector.h"

#define RIPV 1
#define EIPV 2
#define MCIP 4

static uint64_t status;

static void on_fault(int number, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	const uint8_t *code = (const uint8_t *)r[REG_RIP];

	if (code[0] != 0x0f || code[1] != 0x32 || (uint32_t)r[REG_RCX] != MSR_MCG_STATUS) {
		signal(number, SIG_DFL); /* a fault of this program's own */
		return;
	}
	r[REG_RAX] = (greg_t)status;
	r[REG_RDX] = 0;
	r[REG_RIP] += 2;
}

/* For each test: cmocka has handlers of its own. */
static void carry_out(void)
{
	const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
}

static void whose(void **state)
{
	static const struct {
		uint64_t status, cr4;
		bool guests;
	} cases[] = {
		{RIPV | MCIP, CR4_MCE, true}, {RIPV | EIPV | MCIP, CR4_MCE, true},
		{MCIP, CR4_MCE, false},        /* the interrupted code cannot continue: the VMM */
		{EIPV | MCIP, CR4_MCE, false}, /* and it caused the error */
		{RIPV | MCIP, 0, false},       /* the guest would shut down */
	};

	carry_out();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		status = cases[i].status;
		assert_int_equal(machine_check_is_guests(cases[i].cr4), cases[i].guests);
	}
}

/* The state that the handler sees, and the functions of other sources that are called. */
static struct cpu cpu = {.self = &cpu};
static unsigned notes, faults, fixes;
static bool fixable;
const char cpu_wait_begin[16], cpu_wait_end[16];

static bool note(struct cpu *c)
{
	assert_ptr_equal(c, &cpu);
	notes++;
	return status & RIPV;
}

static jmp_buf after_fault;

__attribute__((noreturn)) static void fault(const struct trap_frame *frame)
{
	faults++;
	longjmp(after_fault, 1);
}

bool idt_fix_up(struct trap_frame *frame)
{
	fixes += fixable;
	return fixable;
}

/* The instruction that raised it is not executed again; otherwise execution continues. */
static void of_the_vmm(void **state)
{
	static const struct host_trap_takers takers = {.machine_check = note, .fault = fault};
	static const struct {
		uint64_t status;
		bool fixable;
		unsigned faults, fixes;
	} cases[] = {{RIPV | MCIP, false, 0, 0}, {RIPV | MCIP, true, 0, 0}, {RIPV | EIPV | MCIP, false, 1, 0},
		{RIPV | EIPV | MCIP, true, 0, 1}, {EIPV | MCIP, true, 1, 0}, {MCIP, true, 1, 0}};

	carry_out();
	assert_int_equal(syscall(SYS_arch_prctl, ARCH_SET_GS, &cpu), 0);
	host_trap_init(&takers);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_frame frame = {.vector = VEC_MC};

		notes = faults = fixes = 0;
		status = cases[i].status;
		fixable = cases[i].fixable;
		if (!setjmp(after_fault))
			host_trap(&frame);
		assert_int_equal(notes, 1);
		assert_int_equal(faults, cases[i].faults);
		assert_int_equal(fixes, cases[i].fixes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose),
		cmocka_unit_test(of_the_vmm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
