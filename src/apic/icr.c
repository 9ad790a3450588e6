// SPDX-License-Identifier: MIT
#include "apic/icr.h"

#define ALL_8  0xffu
#define ALL_32 0xffffffffu

#define DFR_MODEL(dfr)   ((dfr) >> 28)
#define DFR_FLAT         0xfu
#define DFR_CLUSTER      0u
#define CLUSTER(address) ((address) >> 4 & 0xf)
#define MEMBERS(address) ((address)&0xf)

static bool physical_match(const struct icr *icr, const struct apic_names *a)
{
	if (icr->destination == (icr->x2apic ? ALL_32 : ALL_8))
		return true;
	return a->id == icr->destination;
}

/* SDM vol. 3A 11.12.10.1: the cluster in the upper half, one bit for each member in the lower half. */
static bool logical_match_x2apic(uint32_t destination, uint32_t ldr)
{
	if (destination == ALL_32)
		return true;
	return destination >> 16 == ldr >> 16 && (destination & ldr & 0xffff);
}

/* SDM vol. 3A 11.6.2.2. Other models are reserved and address no CPU. */
static bool logical_match_xapic(uint32_t destination, const struct apic_names *a)
{
	uint32_t logical = a->ldr >> 24;

	switch (DFR_MODEL(a->dfr)) {
	case DFR_FLAT:
		return destination & logical;
	case DFR_CLUSTER:
		return (CLUSTER(destination) == 0xf || CLUSTER(destination) == CLUSTER(logical)) &&
		       (MEMBERS(destination) & MEMBERS(logical));
	default:
		return false;
	}
}

static bool destination_match(const struct icr *icr, const struct apic_names *a)
{
	if (!(icr->low & ICR_LOGICAL))
		return physical_match(icr, a);
	return a->x2apic ? logical_match_x2apic(icr->destination, a->ldr)
			 : logical_match_xapic(icr->destination, a);
}

static bool match(const struct icr *icr, const struct apic_names *a, bool is_self)
{
	switch (ICR_SHORTHAND(icr->low)) {
	case ICR_TO_SELF:
		return is_self;
	case ICR_TO_ALL:
		return true;
	case ICR_TO_OTHERS:
		return !is_self;
	default:
		return destination_match(icr, a);
	}
}

struct cpu_set icr_targets(
	const struct icr *icr, const struct apic_names *names, unsigned count, unsigned self)
{
	struct cpu_set targets = {0};

	for (unsigned n = 0; n < count; n++)
		if (names[n].there && match(icr, &names[n], n == self))
			cpu_set_add(&targets, n);
	return targets;
}

/*
 * INIT level de-assert, level triggered, only sets the arbitration identifiers of old APICs (SDM vol.
 * 3A 11.6.1). Only one SIPI counts after each INIT (11.4.3 and 9.4.4.1: the second of two has no effect).
 */
uint32_t start_after(uint32_t word, uint32_t low)
{
	if (ICR_MODE(low) == ICR_MODE_INIT)
		return (low & ICR_LEVEL) && !(low & ICR_ASSERT) ? word : START_INIT | START_WAIT;
	if (!(word & START_WAIT) || (word & START_SIPI))
		return word;
	return word | START_SIPI | ICR_VECTOR(low) << 8;
}
