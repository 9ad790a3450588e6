// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the interrupt command register, any word to any APICs, against the manual's table of
 * destinations (SDM vol. 3A 11.6); and the effect of INITs and SIPIs in any order on a CPU.
 */
#include "input.h"
#include "apic/icr.h"

#define CPUS     200
#define COMMANDS 32

/* Physical, xAPIC flat, xAPIC cluster, x2APIC cluster. */
static bool is_meant(const struct icr *icr, const struct apic_names *a)
{
	uint32_t to = icr->destination, logical = a->ldr >> 24;
	unsigned model = a->dfr >> 28;

	if (!(icr->low >> 11 & 1))
		return to == a->id || to == (icr->x2apic ? 0xffffffff : 0xff);
	if (a->x2apic)
		return to == 0xffffffff || (to / 0x10000 == a->ldr / 0x10000 && (to & a->ldr & 0xffff));
	if (model == 15)
		return to & logical;
	return model == 0 && (to & logical & 15) &&
	       ((to >> 4 & 15) == 15 || (to >> 4 & 15) == (logical >> 4 & 15));
}

static void check_targets(void)
{
	struct apic_names names[CPUS];
	unsigned count = take8() % (CPUS + 1), self = count ? take8() % count : 0;
	struct icr icr = {.low = take32(), .destination = take32(), .x2apic = take8() & 1};
	struct cpu_set targets;

	if (!icr.x2apic)
		icr.destination &= 0xff;
	for (unsigned n = 0; n < count; n++)
		names[n] = (struct apic_names){.there = take8() & 3,
			.x2apic = take8() & 1,
			.id = take8(),
			.ldr = take32(),
			.dfr = take32() | (take8() & 1 ? 0xf0000000 : 0)};
	targets = icr_targets(&icr, names, count, self);
	for (unsigned n = 0; n < CPUS; n++) {
		unsigned shorthand = icr.low >> 18 & 3;
		bool meant = n < count && names[n].there &&
			     (shorthand == 0          ? is_meant(&icr, &names[n])
				     : shorthand == 1 ? n == self
						      : shorthand == 2 || n != self);

		assert(cpu_set_has(&targets, n) == meant);
	}
}

/* A CPU runs, waits, or waits and has got its start address: the first SIPI after an INIT counts. */
static void check_start(void)
{
	uint32_t word = 0;
	bool waits = false, told = false;
	uint8_t vector = 0;

	for (unsigned i = 0; i < COMMANDS && input_left; i++) {
		uint32_t low = (take32() & ~0x700u) | (take8() & 1 ? 5 : 6) << 8;
		bool init = (low >> 8 & 7) == 5, deassert = (low >> 15 & 1) && !(low >> 14 & 1);

		assert(icr_starts(low));
		word = start_after(word, low);
		if (init && !deassert) {
			waits = true;
			told = false;
		} else if (!init && waits && !told) {
			told = true;
			vector = (uint8_t)low;
		}
		assert(!!(word & START_WAIT) == waits && !!(word & START_INIT) == waits);
		assert(!!(word & START_SIPI) == told && (!told || START_VECTOR(word) == vector));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_begin(data, size);
	check_targets();
	check_start();
	return 0;
}
