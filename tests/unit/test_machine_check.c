/* Machine checks of the VMM's time: whose they are, and when the guest gets one. RDMSR faults here, and is carried out. */
#define _GNU_SOURCE
#include "unit.h"
#undef skip /* cmocka's */
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include "exit/exception.h"
#include "exit/halt.h"
#include "exit/machine_check.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "trace/vector.h"
#include "vendor.h"

#define RIPV 1
#define EIPV 2
#define MCIP 4

static struct cpu cpu;
static uint64_t status, cr4;
static bool injects, watched;
static unsigned raised;

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

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	assert_int_equal(r, GUEST_CR4);
	return cr4;
}

static bool fake_injects(const struct cpu *c)
{
	return injects;
}

static void watch_interrupts(struct cpu *c, bool on)
{
	watched = on;
}

static const struct vendor fake = {.get = get, .injects = fake_injects, .watch_interrupts = watch_interrupts};
const struct vendor *vendor = &fake;

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	assert_int_equal(vector, VEC_MC);
	assert_int_equal(error, 0);
	assert_int_equal(c->exit.code_len, EXIT_CODE_UNREAD);
	raised++;
}

void halt_over(struct cpu *c)
{
}

static int setup(void **state)
{
	memset(&cpu, 0, sizeof(cpu));
	cpu.vendor = &cpu;
	injects = watched = false;
	raised = 0;
	return 0;
}

static void whose(void **state)
{
	static const struct {
		uint64_t status, cr4;
		bool guests;
	} cases[] = {
		{RIPV | MCIP, CR4_MCE, true}, {RIPV | EIPV | MCIP, CR4_MCE, true},
		{MCIP, CR4_MCE, false},        /* what was interrupted cannot go on: the VMM */
		{EIPV | MCIP, CR4_MCE, false}, /* and it is to blame */
		{RIPV | MCIP, 0, false},       /* the guest would shut down */
	};
	const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(state);
		status = cases[i].status;
		cr4 = cases[i].cr4;
		assert_int_equal(machine_check_note(&cpu), cases[i].guests);
		assert_int_equal(!!(cpu.work & CPU_WORK_MC), cases[i].guests);
	}
	setup(state);
	cpu.vendor = NULL; /* no guest yet */
	status = RIPV;
	cr4 = CR4_MCE;
	assert_false(machine_check_note(&cpu));
}

/* Once, and never in the place of another event. */
static void goes_in(void **state)
{
	setup(state);
	cpu_add_work(&cpu, CPU_WORK_MC | CPU_WORK_CONSOLE);
	injects = true;
	machine_check_pass(&cpu);
	assert_int_equal(raised, 0);
	assert_true(watched);
	assert_true(cpu.work & CPU_WORK_MC);
	injects = false;
	machine_check_pass(&cpu);
	assert_int_equal(raised, 1);
	assert_int_equal(cpu.work, CPU_WORK_CONSOLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose),
		cmocka_unit_test(goes_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
