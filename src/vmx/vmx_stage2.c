// SPDX-License-Identifier: MIT
/* EPT entries: one to one, with the memory types of the guest's MTRRs (SDM vol. 3C 29.3.7). */
#include "vmx/vmx.h"
#include "hw/asm.h"
#include "vmx/vmx_mtrr.h"
#include "stage2/stage2.h"

#define ALL_CONTEXTS 2
#define ONE_CONTEXT  1

uint64_t vmx_ept_pointer(void)
{
	return vmx_ept_pointer_of(stage2_tables.root);
}

uint64_t vmx_ept_pointer_of(uint64_t root)
{
	return root | EPT_WALK_4 | MEMORY_WB;
}

static uint64_t execute_bits(unsigned rights)
{
	bool by_mode = vmx_caps.controls.cpu2 & CPU2_MODE_EXECUTE;

	return (rights & STAGE2_FETCH ? EPT_EXECUTE : 0) |
	       (by_mode && rights & (STAGE2_FETCH | STAGE2_FETCH_USER) ? EPT_EXECUTE_USER : 0);
}

/*
 * An entry that can be written and not read is a misconfiguration, and on some CPUs so is one that can only be executed
 * (29.3.3.1). IPAT stays clear, so the guest's PAT is combined with these types as it is with the MTRRs' bare.
 */
uint64_t vmx_stage2_bits(uint64_t gpa, uint64_t *size, unsigned rights)
{
	if (!(rights & STAGE2_READ))
		rights &= vmx_caps.ept_vpid & EPT_CAP_EXECUTE_ONLY ? STAGE2_FETCH : 0;
	return (rights & STAGE2_READ ? EPT_READ : 0) | (rights & STAGE2_WRITE ? EPT_WRITE : 0) |
	       execute_bits(rights) | EPT_TYPE(vmx_mtrr_type(gpa, size));
}

static void invalidate(bool ept, uint64_t type, uint64_t word)
{
	const uint64_t descriptor[2] = {word, 0};

	if (ept)
		__asm__ volatile("invept %1, %0" : : "r"(type), "m"(descriptor) : "memory", "cc");
	else
		__asm__ volatile("invvpid %1, %0" : : "r"(type), "m"(descriptor) : "memory", "cc");
}

void vmx_flush_ept(uint64_t pointer)
{
	invalidate(true, vmx_caps.ept_vpid & EPT_CAP_INVEPT_SINGLE ? ONE_CONTEXT : ALL_CONTEXTS, pointer);
}

void vmx_stage2_flush(struct cpu *cpu)
{
	vmx_flush_ept(vmx_ept_pointer());
}

void vmx_flush_guest_tlb(void)
{
	if (vmx_caps.controls.cpu2 & CPU2_VPID)
		invalidate(false, ALL_CONTEXTS, 0);
}
