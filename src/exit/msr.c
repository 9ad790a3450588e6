// SPDX-License-Identifier: MIT
/* RDMSR and WRMSR that exit: the vendor's own MSRs, and every number outside the permission map. */
#include "apic/apic.h"
#include "exit/apic_page.h"
#include "exit/apic_base.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "exit/handlers.h"
#include "exit/exception.h"
#include "trace/vector.h"
#include "vendor.h"

static void refuse(struct cpu *cpu)
{
	cpu->stats.bad_guest[BAD_MSR]++;
	exception_raise(cpu, VEC_GP, 0);
}

SLOW_PATH static bool read_cpus(uint32_t msr, enum msr_result vendors, uint64_t *value)
{
	return vendors == MSR_NOT_MINE && rdmsr_safe(msr, value);
}

void exit_rdmsr(struct cpu *cpu)
{
	uint64_t value;
	enum msr_result result = vendor->exits.msr(cpu, (uint32_t)cpu->gpr[TRAP_RCX], false, &value);

	if (result != MSR_DONE && !read_cpus((uint32_t)cpu->gpr[TRAP_RCX], result, &value)) {
		refuse(cpu);
		return;
	}
	cpu->gpr[TRAP_RAX] = (uint32_t)value;
	cpu->gpr[TRAP_RDX] = value >> 32;
	exit_skip(cpu);
}

static enum msr_result write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	if (msr == MSR_APIC_BASE)
		return apic_base_wrmsr(cpu, value);
	return apic_watches_msr(msr) ? apic_wrmsr(cpu, msr, value)
				     : vendor->exits.msr(cpu, msr, true, &value);
}

void exit_wrmsr(struct cpu *cpu)
{
	uint32_t msr = (uint32_t)cpu->gpr[TRAP_RCX];
	uint64_t value = cpu->gpr[TRAP_RDX] << 32 | (uint32_t)cpu->gpr[TRAP_RAX];
	enum msr_result result = write(cpu, msr, value);

	if (result == MSR_NOT_MINE)
		result = wrmsr_safe(msr, value) ? MSR_DONE : MSR_FAULT;
	if (result == MSR_FAULT)
		refuse(cpu);
	else
		exit_skip(cpu);
}
