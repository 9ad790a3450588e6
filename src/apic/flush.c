// SPDX-License-Identifier: MIT
#include "apic/flush.h"
#include "apic/park.h"
#include "cpu/moment.h"
#include "hw/asm.h"
#include "hw/lock.h"
#include "vendor.h"

#define ANSWER_MS 100

static _Atomic uint32_t generation;     /* of the tables as they are */
static _Atomic uint32_t announced;      /* the next generation while a change is under way */
static struct lock holding = LOCK_FREE; /* held by the CPU that holds the others */

/* A change during this flush has a later number, so another flush is due; its kick follows the number. */
static void flush(struct cpu *cpu)
{
	uint32_t now = atomic_load(&generation);

	vendor->stage2.flush(cpu);
	atomic_store(&cpu->flushed, now);
	atomic_store(&cpu->flush_due, false);
	if (atomic_load(&announced) != now)
		atomic_store(&cpu->flush_due, true);
}

/* The marks are set first: when the new number is visible, every CPU with an older one already has its mark. */
static void next_generation(struct cpu *cpu)
{
	atomic_fetch_add(&announced, 1);
	for_each_cpu (c)
		if (c != cpu)
			atomic_store(&c->flush_due, true);
	atomic_fetch_add(&generation, 1);
	flush(cpu);
}

void flush_changed(struct cpu *cpu)
{
	next_generation(cpu);
	cpu_kick_others(cpu);
}

/* This CPU as the lock's holder. */
static uint32_t name_of(const struct cpu *cpu)
{
	return cpu->number + 1;
}

static bool is_held(const struct cpu *cpu)
{
	uint32_t by = lock_holder(&holding);

	return by != LOCK_NOBODY && by != name_of(cpu);
}

/* The next holder may find `aside` still set, so this checks for a holder again after clearing it. */
static void step_aside(struct cpu *cpu)
{
	while (is_held(cpu)) {
		atomic_store(&cpu->aside, true);
		while (is_held(cpu)) {
			cpu_park_if_asked(cpu);
			moment();
		}
		atomic_store(&cpu->aside, false);
	}
}

void flush_serve(struct cpu *cpu)
{
	step_aside(cpu);
	if (atomic_load(&cpu->flushed) != atomic_load(&generation))
		flush(cpu);
}

bool flush_is_missed(const struct cpu *cpu)
{
	return atomic_load(&cpu->flushed) != atomic_load(&generation) && !atomic_load(&cpu->flush_due);
}

static bool are_out(const struct cpu *cpu)
{
	for_each_cpu (c)
		if (c != cpu && !atomic_load(&c->aside) && cpu_takes_nmis(c))
			return false;
	return true;
}

/*
 * A CPU that does not answer is busy in the VMM, and flushes before its next entry. Or the guest has turned its APIC off, so a kick cannot
 * reach it: then it uses its cached entries, and flushes at its next exit with work.
 */
static void wait_for_others(const struct cpu *cpu)
{
	uint64_t since = rdtsc();

	while (!are_out(cpu) && rdtsc() - since < boot_info.tsc_khz * ANSWER_MS)
		moment();
}

void flush_hold(struct cpu *cpu)
{
	while (lock_claim(&holding, name_of(cpu)) != LOCK_NOBODY)
		step_aside(cpu);
	if (atomic_load(&cpus_active) < 2)
		return;
	cpu_kick_others(cpu);
	wait_for_others(cpu);
}

void flush_release(struct cpu *cpu, bool changed)
{
	if (changed)
		next_generation(cpu);
	lock_give(&holding);
}
