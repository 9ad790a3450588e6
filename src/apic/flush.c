#include "apic/flush.h"
#include "apic/park.h"
#include "cpu/moment.h"
#include "hw/asm.h"
#include "hw/lock.h"
#include "vendor.h"

#define ANSWER_MS 100

static _Atomic uint32_t generation;     /* of the tables */
static _Atomic uint32_t announced;      /* the generation to be, where a change is under way */
static struct lock holding = LOCK_FREE; /* of the CPU that holds the others */

/* What changes while it flushes has a later number, and is due again: its kick comes behind the number. */
static void flush(struct cpu *cpu)
{
	uint32_t now = atomic_load(&generation);

	vendor->stage2.flush(cpu);
	atomic_store(&cpu->flushed, now);
	atomic_store(&cpu->flush_due, false);
	if (atomic_load(&announced) != now)
		atomic_store(&cpu->flush_due, true);
}

/* The marks go first: with the new number each CPU that is behind it has one. */
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

/* As the lock's holder. */
static uint32_t name_of(const struct cpu *cpu)
{
	return cpu->number + 1;
}

static bool is_held(const struct cpu *cpu)
{
	uint32_t by = lock_holder(&holding);

	return by != LOCK_NOBODY && by != name_of(cpu);
}

/* The next one to hold may find `aside` still set: it is looked at once more behind the mark's end. */
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
 * Who does not answer is in the VMM for longer, and flushes when it leaves; or the guest has turned its APIC off, so that no kick gets
 * to it: it goes on with what it has cached, and flushes at its next exit with work.
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
