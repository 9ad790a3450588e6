// SPDX-License-Identifier: MIT
#include "exit/freeze.h"
#include "log/log.h"
#include "hw/asm.h"
#include "apic/park.h"

#define THAW_PART 4 /* records; an exit may move two parts */

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

/* Moves so many records at most. False: there are more. */
static bool thaw(struct cpu *cpu, unsigned records)
{
	uint64_t n;

	if (!cpu->thawing.ring)
		cpu->thawing = ring_to_take_back(&cpu->ring, &cpu->beside);
	if (!ring_take_some_back(&cpu->ring, &cpu->thawing, records))
		return false;
	n = cpu->thawing.lost;
	cpu->thawing.ring = NULL;
	cpu->not_kept += n;
	cpu->poll_mask = poll_mask(&cpu->ring);
	atomic_store(&cpu->writing, &cpu->ring);
	if (n)
		log_line("trapline: not kept cpu=%u records=%lu why=\"the ring was frozen\"", cpu->number, n);
	return true;
}

void freeze_end(struct cpu *cpu)
{
	while (cpu->writing == &cpu->beside)
		thaw(cpu, THAW_PART);
}

bool freeze_thaws(const struct cpu *cpu)
{
	return cpu->writing == &cpu->beside && !wanted();
}

void freeze_serve(struct cpu *cpu)
{
	bool frozen = cpu->writing == &cpu->beside;

	if (wanted() == frozen)
		return;
	cpu->exit.is_long = frozen;
	if (!frozen)
		begin(cpu);
	else if (!thaw(cpu, THAW_PART))
		cpu_add_work(cpu, CPU_WORK_KICK); /* the next exit goes on */
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

/* Records that the second ring has overwritten so far. The first ring's head moves when the freeze ends: then the two belong to different ones. */
static uint64_t overwritten(const struct cpu *c)
{
	uint64_t from, to, room = c->beside.mask + 1ull;

	do {
		from = atomic_load(&c->ring.head);
		to = atomic_load(&c->beside.head);
		if (atomic_load(&c->writing) != &c->beside)
			return 0;
	} while (atomic_load(&c->ring.head) != from);
	return to > from + room ? to - from - room : 0;
}

/* The count of the freezes that are over comes first: no record is counted twice. */
uint64_t freeze_not_kept(void)
{
	uint64_t all = 0;

	for_each_cpu (c) {
		all += __atomic_load_n(&c->not_kept, __ATOMIC_ACQUIRE);
		all += overwritten(c);
	}
	return all;
}
