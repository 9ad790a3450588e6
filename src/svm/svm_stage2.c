// SPDX-License-Identifier: MIT
/* Nested paging (APM vol. 2 15.25): bits of its entries, and what makes CPUs forget them (15.16.1). */
#include "hw/x86.h"
#include "svm/svm.h"

#define TLB_FLUSH_ALL  1
#define TLB_FLUSH_ASID 3

uint64_t svm_stage2_bits(uint64_t gpa, uint64_t *size, unsigned rights)
{
	/* A page that cannot be read is not present. */
	if (!(rights & STAGE2_READ))
		return 0;
	/* Nested walks are user accesses (15.25.5). The memory type here is WB; the host's MTRRs decide (15.25.8). */
	return PTE_PRESENT | PTE_USER | (rights & STAGE2_WRITE ? PTE_WRITE : 0) |
	       (rights & STAGE2_FETCH ? 0 : PTE_NX);
}

void svm_stage2_flush(struct cpu *cpu)
{
	vmcb_of(cpu)->control.tlb_control =
		svm_caps.features & SVM_FEATURE_FLUSHASID ? TLB_FLUSH_ASID : TLB_FLUSH_ALL;
	svm_set_pending(cpu, SVM_TLB_REQUEST);
}
