// SPDX-License-Identifier: MIT
#include "vmx/vmx_mtrr.h"
#include "apic/flush.h"
#include "lib/string.h"
#include "mem/mtrr.h"
#include "stage2/stage2.h"

/* The MTRRs from which the tables were made. All CPUs share the tables, because their MTRRs have to be equal (SDM vol. 3A 12.11.8). */
static struct mtrr_state tables;

void vmx_mtrr_init(void)
{
	mtrr_read(&tables);
}

void vmx_mtrr_begin(struct mtrr_shadow *s)
{
	struct mtrr_state firmware;

	mtrr_read(&firmware);
	mtrr_shadow_init(s, &firmware, mtrr_capabilities());
}

unsigned vmx_mtrr_type(uint64_t gpa, uint64_t *size)
{
	return memory_type(&tables, gpa, size);
}

/*
 * Each CPU writes its own MTRRs, all to the same values (12.11.8). The first CPU updates the tables, while no
 * other runs the guest; the others then find no difference.
 */
static void apply(struct cpu *cpu, const struct mtrr_state *wanted)
{
	bool changes;

	flush_hold(cpu);
	changes = memcmp(wanted, &tables, sizeof(tables));
	if (changes) {
		tables = *wanted;
		stage2_retype();
	}
	flush_release(cpu, changes);
}

/* The CPU's own registers do not change: they are for the host and for SMM, and have no effect on the guest's memory (29.3.7.2). */
bool vmx_mtrr_write(struct cpu *cpu, struct mtrr_shadow *s, uint32_t msr, uint64_t value)
{
	enum mtrr_write result = mtrr_shadow_write(s, msr, value);

	if (result == MTRR_APPLIES)
		apply(cpu, &s->used);
	return result != MTRR_REFUSED;
}
