/* Machine checks of the VMM's time: whose they are. RDMSR faults here, and is carried out. */
#define _GNU_SOURCE
#include "unit.h"
#undef skip /* cmocka's */
#include <signal.h>
#include <ucontext.h>
#include "cpu/machine_check.h"
#include "hw/msr.h"
#include "hw/x86.h"

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
		status = cases[i].status;
		assert_int_equal(machine_check_is_guests(cases[i].cr4), cases[i].guests);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
