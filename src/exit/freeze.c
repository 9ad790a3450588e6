// SPDX-License-Identifier: MIT
#include "exit/freeze.h"
#include "log/log.h"
#include "hw/asm.h"
#include "apic/park.h"

/* In TSC ticks; ticks = 0: the rings are not frozen. */
static _Atomic uint64_t since, ticks;

/* A CPU's TSC may be slightly lower than another's. If the guest has set it back, the freeze ends. */
static uint64_t passed(void)
{
	uint64_t slack = boot_info.tsc_khz * 100, now = rdtsc() + slack - atomic_load(&since);

	return now > slack ? now - slack : 0;
}

static bool wanted(void)
{
	uint64_t n = atomic_load(&ticks);

	return n && passed() < n;
}

/* Every record that matches polls: so a frozen ring loses no record that comes after the end of the freeze. */
static uint32_t poll_mask(const struct trace_ring *ring)
{
	return ring->mask < CPU_POLL_RECORDS ? ring->mask : CPU_POLL_RECORDS - 1;
}

static void begin(struct cpu *cpu)
{
	ring_set_aside(&cpu->ring, &cpu->beside);
	cpu->poll_mask = poll_mask(&cpu->beside);
	atomic_store(&cpu->writing, &cpu->beside);
}

void freeze_end(struct cpu *cpu)
{
	uint64_t n;

	if (cpu->writing == &cpu->ring)
		return;
	n = ring_take_back(&cpu->ring, &cpu->beside);
	cpu->not_kept += n;
	cpu->poll_mask = poll_mask(&cpu->ring);
	atomic_store(&cpu->writing, &cpu->ring);
	if (n)
		log_line("trapline: not kept cpu=%u records=%lu why=\"the ring was frozen\"", cpu->number, n);
}

void freeze_serve(struct cpu *cpu)
{
	bool frozen = cpu->writing == &cpu->beside;

	if (wanted() == frozen)
		return;
	if (frozen)
		freeze_end(cpu);
	else
		begin(cpu);
}

void freeze_set(struct cpu *cpu, uint64_t seconds)
{
	atomic_store(&since, rdtsc());
	atomic_store(&ticks, seconds * boot_info.tsc_khz * 1000);
	freeze_serve(cpu);
	cpu_kick_others(cpu);
}

uint64_t freeze_left(void)
{
	uint64_t second = boot_info.tsc_khz * 1000, n = atomic_load(&ticks), gone = passed();

	return gone < n ? (n - gone + second - 1) / second : 0;
}

/* Includes records that the second ring has overwritten so far. */
uint64_t freeze_not_kept(void)
{
	uint64_t all = 0;

	for_each_cpu (c) {
		uint64_t beside;

		all += c->not_kept;
		beside = c->writing == &c->beside ? c->beside.head - c->ring.head : 0;
		if (beside > c->beside.mask + 1ull)
			all += beside - c->beside.mask - 1;
	}
	return all;
}
