#include "vmx/vmx_mtrr.h"
#include "apic/flush.h"
#include "lib/string.h"
#include "mem/mtrr.h"
#include "stage2/stage2.h"

/* What the tables were made from; they are the same for all CPUs, as the MTRRs have to be (SDM vol. 3A 12.11.8). */
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
 * Each CPU writes its own MTRRs, all to the same values (12.11.8): the first one to come brings the tables up to date, while no
 * other runs the guest, and the others find that they are.
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

/* The CPU's own registers stay: they are the host's, and SMM's. For the guest's memory they mean nothing (29.3.7.2). */
bool vmx_mtrr_write(struct cpu *cpu, struct mtrr_shadow *s, uint32_t msr, uint64_t value)
{
	enum mtrr_write result = mtrr_shadow_write(s, msr, value);

	if (result == MTRR_APPLIES)
		apply(cpu, &s->used);
	return result != MTRR_REFUSED;
}
