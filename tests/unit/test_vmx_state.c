// SPDX-License-Identifier: MIT
/* VT-x: what a record takes from the VMCS, which is an array here. */
#include "unit.h"
#include <string.h>
#include "vmx/vmx.h"
#include "record_fields.h"

uint64_t fake_vmcs[FAKE_FIELDS], fake_dr6 = 0xffff4ff0;

void vmx_set_control_register(struct cpu *cpu, enum guest_register r, uint64_t value)
{
}

static struct vmx_cpu vmx;
static struct cpu cpu;

unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, struct code_page *page, uint8_t *code)
{
	return 0;
}

void vmx_end_shadow(struct cpu *c)
{
}

/* The VMCS and the registers contain ones, but for the mode. */
static void see(uint64_t cs_rights, uint64_t efer)
{
	memset(fake_vmcs, 0xff, sizeof(fake_vmcs));
	memset(cpu.gpr, 0xff, sizeof(cpu.gpr));
	cpu.vendor = &vmx;
	cpu.vendor_asm[0] = ~0ull;
	vmwrite(VMCS_GUEST_CS_RIGHTS, cs_rights);
	vmwrite(VMCS_GUEST_EFER, efer);
	vmx_reread(&cpu);
	see_capture(vmx_capture, &cpu);
}

static void all_fields(void **state)
{
	see(RIGHTS_LONG, EFER_LMA);
	see(RIGHTS_BIG, 0);
	see(0, 0);
	expect_all_fields(true);
	expect_widths();
	assert_int_equal(ones_seen.mode, 64 | 32 | 16);
	assert_false(ones_seen.cr4 & CR4_OWNED); /* these bits are not the guest's */
	assert_int_equal(ones_seen.dr6, fake_dr6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_fields)};

	return cmocka_run_group_tests_name("vmx_state", tests, NULL, NULL);
}
