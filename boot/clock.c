// SPDX-License-Identifier: MIT
/* The frequency of the TSC. */
#include "loader.h"
#include "hw/asm.h"

#define TRIES        3
#define STALL_US     20000
#define KHZ_MIN      1000 /* Bochs counts instructions: some millions a second */
#define KHZ_MAX      20000000
#define KHZ_FALLBACK 1000000

/* Stall() waits at least the requested time (UEFI specification 7.5), so the shortest of several tries is the most exact. */
uint64_t clock_tsc_khz(void)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		uint64_t start = rdtsc();
		BS->Stall(STALL_US);
		uint64_t ticks = rdtsc() - start;
		best = ticks < best ? ticks : best;
	}
	uint64_t khz = best / (STALL_US / 1000);
	if (khz >= KHZ_MIN && khz <= KHZ_MAX)
		return khz;
	say("the TSC seems to run at %lu kHz; times in the log assume 1 GHz", khz);
	return KHZ_FALLBACK;
}
