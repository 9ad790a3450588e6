// SPDX-License-Identifier: MIT
#include "exit/freeze.h"
#include "log/log.h"
#include "hw/asm.h"
#include "apic/park.h"

#define THAW_PART 6    /* records; an exit moves a part, and the command that waits for the end another one */
#define ANSWER_MS 1000 /* a CPU that has not answered by then is not waited for */

/* In TSC ticks; ticks = 0: the rings are not frozen. */
static _Atomic uint64_t since, ticks;

/* The TSC when a CPU began to wait for others; 0: none waits. */
static _Atomic uint64_t asked;

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

static bool is_frozen(const struct cpu *c)
{
	return atomic_load(&c->writing) == &c->beside;
}

/* Its own CPU sets it, and others read it. */
static bool is_thawing(const struct cpu *c)
{
	return __atomic_load_n(&c->thawing.ring, __ATOMIC_ACQUIRE);
}

/* A thaw that has begun ends first, whatever is ordered meanwhile: its records are in two rings. */
static bool is_to_thaw(const struct cpu *c)
{
	return is_frozen(c) && (is_thawing(c) || !wanted());
}

static bool is_due(const struct cpu *c)
{
	return is_to_thaw(c) || is_frozen(c) != wanted();
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
	__atomic_store_n(&cpu->thawing.ring, NULL, __ATOMIC_RELEASE);
	cpu->thawing.lost = 0; /* overwritten() may see the next thaw's ring before its count */
	__atomic_store_n(&cpu->not_kept, cpu->not_kept + n, __ATOMIC_RELEASE);
	cpu->poll_mask = poll_mask(&cpu->ring);
	atomic_store(&cpu->writing, &cpu->ring);
	if (n)
		log_line("trapline: not kept cpu=%u records=%lu why=\"the ring was frozen\"", cpu->number, n);
	return true;
}

void freeze_end(struct cpu *cpu)
{
	while (is_frozen(cpu))
		thaw(cpu, THAW_PART);
}

void freeze_serve(struct cpu *cpu)
{
	if (is_to_thaw(cpu))
		cpu_add_work(cpu, CPU_WORK_THAW);
	else if (is_due(cpu))
		begin(cpu);
}

void freeze_go_on(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_THAW);
	if (is_to_thaw(cpu)) {
		cpu->exit.is_long = true;
		thaw(cpu, THAW_PART);
	}
	freeze_serve(cpu); /* the next exit goes on */
}

void freeze_set(struct cpu *cpu, uint64_t seconds)
{
	atomic_store(&since, rdtsc());
	atomic_store(&ticks, seconds * boot_info.tsc_khz * 1000);
	freeze_serve(cpu);
}

/* Each kick makes one exit, and so one part: an idle CPU has no others. */
static bool kick_due(const struct cpu *self)
{
	bool some = false;

	for_each_cpu (c) {
		if (c == self || !is_due(c) || !cpu_takes_nmis(c) || atomic_load(&c->stopped.is))
			continue;
		cpu_kick(c);
		some = true;
	}
	return some;
}

/* The first caller begins the time. If the guest sets its TSC back, the time counts as passed. */
static bool in_time(void)
{
	uint64_t begun = 0, now = rdtsc(), limit = boot_info.tsc_khz * ANSWER_MS;

	if (atomic_compare_exchange_strong(&asked, &begun, now) || now - begun + limit < 2 * limit)
		return true;
	atomic_store(&asked, 0);
	return false;
}

bool freeze_hurry(const struct cpu *cpu)
{
	if (kick_due(cpu))
		return in_time() || is_due(cpu);
	atomic_store(&asked, 0);
	return is_due(cpu);
}

uint64_t freeze_left(void)
{
	uint64_t second = boot_info.tsc_khz * 1000, n = atomic_load(&ticks), gone = passed();

	return gone < n ? (n - gone + second - 1) / second : 0;
}

/*
 * Records that the second ring has overwritten so far. The first ring's head moves when the freeze ends: then the two belong to different ones.
 * Until then a thaw has its own count, because it has taken records out that are overwritten afterwards.
 */
static uint64_t overwritten(const struct cpu *c)
{
	uint64_t from, to, lost, room = c->beside.mask + 1ull;
	bool thaws;

	do {
		from = atomic_load(&c->ring.head);
		to = atomic_load(&c->beside.head);
		thaws = is_thawing(c);
		lost = __atomic_load_n(&c->thawing.lost, __ATOMIC_ACQUIRE);
		if (!is_frozen(c))
			return 0;
	} while (atomic_load(&c->ring.head) != from);
	if (thaws)
		return lost;
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
