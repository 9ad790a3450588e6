// SPDX-License-Identifier: MIT
#include "cpu/system_registers.h"
#include "hw/features.h"
#include "hw/msr.h"
#include "lib/array.h"
#include "vendor.h"

/* What a system sets up for itself, and what a debugger asks for. */
static const uint32_t msrs[] = {MSR_APIC_BASE, MSR_SPEC_CTRL, MSR_SYSENTER_CS, MSR_SYSENTER_ESP,
	MSR_SYSENTER_EIP, MSR_MCG_STATUS, MSR_MISC_ENABLE, MSR_DEBUGCTL, MSR_PAT, MSR_S_CET, MSR_EFER,
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_FMASK, MSR_FS_BASE, MSR_GS_BASE, MSR_KERNEL_GS_BASE, MSR_TSC_AUX};
static const uint8_t debug[] = {0, 1, 2, 3, 6, 7};

_Static_assert(ARRAY_SIZE(debug) + 1 + ARRAY_SIZE(msrs) == CORE_SYSTEM_MAX, "a place for each");

/* Trapline does not use DR0 to DR3, so they hold the guest's values. */
static uint64_t read_debug(const struct cpu *cpu, unsigned n)
{
	if (n < 4)
		return debug_address(n);
	return vendor->state.get(cpu, n == 6 ? GUEST_DR6 : GUEST_DR7);
}

/* XCR0 is the guest's also while Trapline runs. */
static struct core_system_register read_xcr(void)
{
	if (!features.xsave)
		return (struct core_system_register){0};
	return (struct core_system_register){CORE_XCR, 0, read_xcr0()};
}

void system_registers(struct cpu *cpu, struct core_system_register to[CORE_SYSTEM_MAX])
{
	for (unsigned i = 0; i < ARRAY_SIZE(debug); i++)
		*to++ = (struct core_system_register){CORE_DEBUG, debug[i], read_debug(cpu, debug[i])};
	*to++ = read_xcr();
	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++, to++) {
		*to = (struct core_system_register){CORE_MSR, msrs[i], 0};
		if (!guest_read_msr(cpu, msrs[i], &to->value))
			*to = (struct core_system_register){0};
	}
}
