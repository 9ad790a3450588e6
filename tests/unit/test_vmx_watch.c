// SPDX-License-Identifier: MIT
/* VT-x: control registers that are written for a watch. The VMCS is an array, and the CPU's own CR0 a variable. */
#include "unit.h"
#include <string.h>
#include "mem/guest_ram.h"
#include "vmx/vmx.h"

#define HOST      (CR0_PG | CR0_PE | CR0_NE | CR0_WP | CR0_ET)
#define CR0_PLAIN (CR0_PG | CR0_PE | CR0_ET)

uint64_t fake_vmcs[FAKE_FIELDS], fake_cr0;
struct fake_ram fake_ram;
struct vmx_caps vmx_caps;

static struct vmx_cpu vmx;
static struct cpu cpu = {.vendor = &vmx};

uint64_t vmx_get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CR0 ? vmread(VMCS_GUEST_CR0) : 0;
}

void vmx_set_intercepts(struct cpu *c)
{
}

uint64_t fake_rdmsr(uint32_t msr)
{
	return 0;
}

void vmx_flush_guest_tlb(void)
{
}

void vmx_set_control(struct cpu *c, uint32_t control, bool on)
{
}

/* SDM vol. 3C 27.3.2.1: an entry leaves CD and NW as they are, so the CPU itself has to have them. */
static void caches(void **state)
{
	static const uint64_t rows[] = {CR0_CD, CR0_CD | CR0_NW, CR0_CD, 0};

	fake_cr0 = HOST;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		vmx_set_control_register(&cpu, GUEST_CR0, CR0_PLAIN | rows[i]);
		assert_int_equal(fake_cr0, HOST | rows[i]);
		assert_int_equal(vmread(VMCS_GUEST_CR0), CR0_PLAIN | CR0_NE | rows[i]);
	}
}

/* NE is the guest's own in the shadow only. */
static void numeric_error(void **state)
{
	vmx_set_control_register(&cpu, GUEST_CR0, CR0_PLAIN | CR0_NE);
	assert_int_equal(vmx.cr0_shadow, CR0_NE);
	vmx_set_control_register(&cpu, GUEST_CR0, CR0_PLAIN);
	assert_int_equal(vmx.cr0_shadow, 0);
	assert_true(vmread(VMCS_GUEST_CR0) & CR0_NE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(caches), cmocka_unit_test(numeric_error)};

	return cmocka_run_group_tests_name("vmx_watch", tests, NULL, NULL);
}
