// SPDX-License-Identifier: MIT
#include "exit/watch_hit.h"
#include "apic/pause.h"
#include "exit/record.h"
#include "exit/run_stop.h"
#include "guest/insn.h"
#include "log/log.h"

/* The vendor fills all in front of this member; behind it there are few. */
#define REST offsetof(struct trap_record, error_code)

void watch_hit_begin(struct cpu *cpu, struct trap_record *r)
{
	__builtin_memset((char *)r + REST, 0, sizeof(*r) - REST);
	vendor->state.capture(cpu, r);
	insn_fetch(cpu);
	r->seq = 0;
	r->tsc = rdtsc();
	r->dr6 = 0;
	r->cpu = (uint16_t)cpu->number;
	r->code_len = cpu->exit.code_len;
	__builtin_memcpy(r->code, cpu->exit.code, TRAP_CODE_MAX);
}

void watch_hit_values(struct trap_record *r, uint64_t old, uint64_t new)
{
	r->type = TRAP_TYPE_WATCH;
	r->watch_old = old;
	r->watch_new = new;
}

static void write_record(struct cpu *cpu, const struct trap_record *from)
{
	struct trap_record *r = ring_begin(atomic_load_explicit(&cpu->writing, memory_order_relaxed));

	/* ring_begin() has set seq, which readers look at. */
	__builtin_memcpy((char *)r + sizeof(r->seq), (const char *)from + sizeof(from->seq),
		sizeof(*r) - sizeof(r->seq));
	record_other(cpu, r);
}

static void stop(struct cpu *cpu, bool silent, uint16_t id)
{
	if (!silent && !pause_wanted())
		log_line(
			"trapline: watch %u stopped the guest cpu=%u; go lets it run again", id, cpu->number);
	cpu->run.watch = id;
	run_stop(cpu, RUN_WATCH);
}

void watch_hit_break(struct cpu *cpu, struct watch *w, uint32_t generation)
{
	struct watch_spec spec;
	uint32_t now;

	if (!watch_read(w, &cpu->run.watch, &spec, &now) || now != generation)
		return;
	atomic_fetch_add_explicit(&w->hits, 1, memory_order_relaxed);
	run_stop(cpu, RUN_BREAKPOINT);
}

/* Page walks and deliveries of events are not the instruction's own accesses. A watch of execution has tested its ranges. */
static bool is_excepted(const struct watch_spec *spec, const struct trap_record *r)
{
	return spec->space != WATCH_EXEC && !(r->watch_flags & (TRAP_WATCH_WALK | TRAP_WATCH_DELIVERY)) &&
	       watch_excepts(spec, r->rip);
}

/* What a hit needs of its watch. */
struct order {
	uint8_t action;
	bool silent, excepted;
};

/* Reads of the watch what is needed, in place of all of it: watch_read(). False: it is another one by now. */
static bool find_order(const struct watch *w, uint32_t generation, struct trap_record *r, struct order *o)
{
	if (atomic_load_explicit(&w->generation, memory_order_acquire) != generation)
		return false;
	r->watch_id = w->id;
	*o = (struct order){w->spec.action, w->spec.silent, is_excepted(&w->spec, r)};
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&w->generation, memory_order_relaxed) == generation;
}

void watch_hit_end(struct cpu *cpu, struct watch *w, uint32_t generation, struct trap_record *r)
{
	struct order o;

	if (!find_order(w, generation, r, &o))
		return;
	if (o.excepted) {
		atomic_fetch_add_explicit(&w->excepted, 1, memory_order_relaxed);
		return;
	}
	r->vector = (uint8_t)r->watch_id;
	if (o.action == WATCH_ONCE && !watch_retire(w, generation))
		return;
	if (watch_hit(w, r->tsc, boot_info.tsc_khz * 1000) && !o.silent)
		write_record(cpu, r);
	if (o.action == WATCH_ONCE)
		cpu_add_work(cpu, CPU_WORK_WATCH);
	else if (o.action == WATCH_STOP)
		stop(cpu, o.silent, r->watch_id);
}
