// SPDX-License-Identifier: MIT
/* VT-x: watched MSRs of which the CPU has the host's value during an exit. The VMCS is an array, and so are the CPU's own MSRs. */
#include "unit.h"
#include <string.h>
#include "hw/asm.h"
#include "exit/apic_page.h"
#include "hw/features.h"
#include "hw/mitigations.h"
#include "hw/msr.h"
#include "mem/pool.h"
#include "vmx/vmx.h"
#include "vmx/vmx_mtrr.h"

#define HOST_SPEC_CTRL 1u /* IBRS */

uint64_t fake_vmcs[FAKE_FIELDS];
struct vmx_caps vmx_caps;

static struct vmx_cpu vmx;
static struct cpu cpu;
static struct {
	uint32_t msr;
	uint64_t first, last; /* values that were written */
	uint64_t reserved;    /* bits that the CPU refuses */
	unsigned writes;
} host;

bool fake_wrmsr(uint32_t msr, uint64_t value)
{
	assert_int_equal(msr, host.msr);
	if (value & host.reserved)
		return false;
	if (!host.writes++)
		host.first = value;
	host.last = value;
	return true;
}

uint64_t fake_rdmsr(uint32_t msr)
{
	return 0;
}

void vmx_flush_guest_tlb(void)
{
}

bool apic_watches_msr(uint32_t msr)
{
	return false;
}

uint64_t pool_alloc(uint64_t pages)
{
	return 0;
}

bool vmx_mtrr_write(struct cpu *c, struct mtrr_shadow *s, uint32_t msr, uint64_t value)
{
	return false;
}

static int setup(void **state)
{
	memset(&cpu, 0, sizeof(cpu));
	memset(&vmx, 0, sizeof(vmx));
	memset(&host, 0, sizeof(host));
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(&features, 0, sizeof(features));
	cpu.vendor = &vmx;
	return 0;
}

static enum msr_result write(uint32_t msr, uint64_t value, uint64_t reserved)
{
	memset(&host, 0, sizeof(host));
	host.msr = msr;
	host.reserved = reserved;
	return vmx_msr(&cpu, msr, true, &value);
}

static uint64_t read(uint32_t msr)
{
	uint64_t value = 0;

	assert_int_equal(vmx_msr(&cpu, msr, false, &value), MSR_DONE);
	return value;
}

static bool is_the_cpus(uint32_t msr)
{
	uint64_t value = 0;

	return vmx_msr(&cpu, msr, false, &value) == MSR_NOT_MINE &&
	       vmx_msr(&cpu, msr, true, &value) == MSR_NOT_MINE;
}

/* With IBRS the stubs exchange it. The host's stays in force, also while the value is tried. */
static void spec_ctrl(void **state)
{
	assert_true(is_the_cpus(MSR_SPEC_CTRL));
	cpu.mitigating = MITIGATE_IBRS;
	cpu.host_spec_ctrl = HOST_SPEC_CTRL;
	cpu.guest_spec_ctrl = 4;
	assert_int_equal(read(MSR_SPEC_CTRL), 4);
	assert_int_equal(write(MSR_SPEC_CTRL, 2, ~7ull), MSR_DONE);
	assert_int_equal(cpu.guest_spec_ctrl, 2);
	assert_int_equal(host.first, 2 | HOST_SPEC_CTRL);
	assert_int_equal(host.last, HOST_SPEC_CTRL);
	assert_int_equal(write(MSR_SPEC_CTRL, 8, ~7ull), MSR_FAULT);
	assert_int_equal(write(MSR_SPEC_CTRL, 1ull << 32, 0), MSR_FAULT);
	assert_int_equal(cpu.guest_spec_ctrl, 2);
}

/* Once an entry loads them, the fields count. The CPU decides which values are legal. */
static void shadow_stacks(void **state)
{
	assert_true(is_the_cpus(MSR_S_CET) && is_the_cpus(MSR_INTERRUPT_SSP_TABLE_ADDR));
	vmwrite(VMCS_ENTRY_CONTROLS, ENTRY_LOAD_CET);
	assert_int_equal(write(MSR_S_CET, 3, ~3ull), MSR_DONE);
	assert_int_equal(vmread(VMCS_GUEST_S_CET), 3);
	assert_int_equal(read(MSR_S_CET), 3);
	assert_int_equal(write(MSR_S_CET, 4, ~3ull), MSR_FAULT);
	assert_int_equal(vmread(VMCS_GUEST_S_CET), 3);
	assert_int_equal(write(MSR_INTERRUPT_SSP_TABLE_ADDR, 0x1000, 0), MSR_DONE);
	assert_int_equal(read(MSR_INTERRUPT_SSP_TABLE_ADDR), 0x1000);
	assert_int_equal(write(MSR_INTERRUPT_SSP_TABLE_ADDR, 1ull << 62, 0), MSR_FAULT);
}

/* No branch of the host is stored or sent while a value is tried; without a debug store the CPU itself refuses these bits. */
static void debugctl(void **state)
{
	features.debug_store = true;
	assert_int_equal(write(MSR_DEBUGCTL, 0x1c3, ~0x5fc3ull), MSR_DONE);
	assert_int_equal(host.first, 3);
	assert_int_equal(host.last, 0);
	assert_int_equal(host.writes, 2);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), 0x1c3);
	assert_int_equal(write(MSR_DEBUGCTL, 1ull << 20, ~0x5fc3ull), MSR_FAULT);
	features.debug_store = false;
	assert_int_equal(write(MSR_DEBUGCTL, 0x80, ~3ull), MSR_FAULT);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), 0x1c3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(spec_ctrl, setup),
		cmocka_unit_test_setup(shadow_stacks, setup),
		cmocka_unit_test_setup(debugctl, setup),
	};

	return cmocka_run_group_tests_name("vmx_msr", tests, NULL, NULL);
}
