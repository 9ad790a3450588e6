/* EPT entries: one to one, with the memory types that the guest's MTRRs give (SDM vol. 3C 29.3.7). */
#include "vmx/vmx.h"
#include "hw/asm.h"
#include "lib/string.h"
#include "mem/mtrr.h"
#include "mem/stage2.h"

#define ALL_CONTEXTS 2
#define ONE_CONTEXT  1

/* What the tables were made from; they are the same for all CPUs, as the MTRRs have to be (12.11.8). */
static struct mtrr_state mtrrs;
static atomic_flag busy = ATOMIC_FLAG_INIT;

void vmx_ept_init(void)
{
	mtrr_read(&mtrrs);
}

uint64_t vmx_ept_pointer(void)
{
	return stage2_tables.root | EPT_WALK_4 | MEMORY_WB;
}

/* IPAT stays clear: the guest's PAT has its say, as it has over the MTRRs' types bare. */
uint64_t vmx_stage2_bits(uint64_t gpa, uint64_t *size, bool write)
{
	return EPT_READ | EPT_EXECUTE | (write ? EPT_WRITE : 0) | EPT_TYPE(memory_type(&mtrrs, gpa, size));
}

unsigned vmx_stage2_largest(void)
{
	return vmx_caps.ept_vpid & EPT_CAP_1G ? 3 : 2;
}

static void invalidate(bool ept, uint64_t type, uint64_t word)
{
	const uint64_t descriptor[2] = {word, 0};

	if (ept)
		__asm__ volatile("invept %1, %0" : : "r"(type), "m"(descriptor) : "memory", "cc");
	else
		__asm__ volatile("invvpid %1, %0" : : "r"(type), "m"(descriptor) : "memory", "cc");
}

void vmx_stage2_flush(struct cpu *cpu)
{
	invalidate(true, vmx_caps.ept_vpid & EPT_CAP_INVEPT_SINGLE ? ONE_CONTEXT : ALL_CONTEXTS,
		vmx_ept_pointer());
}

void vmx_flush_guest_tlb(void)
{
	if (vmx_caps.controls.cpu2 & CPU2_VPID)
		invalidate(false, ALL_CONTEXTS, 0);
}

/*
 * After a WRMSR of the guest's. Each CPU writes its own MTRRs, all to the same values, with its caches off in
 * between (12.11.8): the first one to come brings the tables up to date, and each flushes what it has cached
 * of them.
 */
void vmx_mtrr_changed(struct cpu *cpu)
{
	static struct mtrr_state now;

	while (atomic_flag_test_and_set_explicit(&busy, memory_order_acquire))
		cpu_pause();
	mtrr_read(&now);
	if (memcmp(&now, &mtrrs, sizeof(now))) {
		mtrrs = now;
		stage2_retype();
	}
	atomic_flag_clear_explicit(&busy, memory_order_release);
	vmx_stage2_flush(cpu);
}
