// SPDX-License-Identifier: MIT
/* AMD-V: what a record takes from the VMCB. */
#include "unit.h"
#include <string.h>
#include "svm/svm.h"
#include "record_fields.h"

void svm_stage2_flush(struct cpu *cpu)
{
}

static struct vmcb vmcb;
static struct cpu cpu;

unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, struct code_page *page, uint8_t *code)
{
	return 0;
}

/* The VMCB and the registers contain ones, but for the mode. */
static void see(uint16_t cs_attributes, uint64_t efer)
{
	memset(&vmcb, 0xff, sizeof(vmcb));
	memset(cpu.gpr, 0xff, sizeof(cpu.gpr));
	cpu.vendor_asm[2] = (uint64_t)&vmcb; /* vmcb_of() */
	vmcb.save.cs.attrib = cs_attributes;
	vmcb.save.cpl = 3;
	vmcb.save.efer = efer;
	see_capture(svm_capture, &cpu);
}

static void all_fields(void **state)
{
	see(ATTRIB_LONG, EFER_LMA);
	see(ATTRIB_BIG, EFER_SVME);
	see(0, 0);
	expect_all_fields(true);
	expect_widths();
	assert_int_equal(ones_seen.mode, 64 | 32 | 16);
	assert_int_equal(ones_seen.efer, EFER_LMA); /* SVME is not the guest's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_fields)};

	return cmocka_run_group_tests_name("svm_state", tests, NULL, NULL);
}
