// SPDX-License-Identifier: MIT
#include "exit/watch_hit.h"
#include "apic/pause.h"
#include "exit/record.h"
#include "exit/run_stop.h"
#include "guest/insn.h"
#include "log/log.h"

void watch_hit_begin(struct cpu *cpu, struct trap_record *r)
{
	insn_record(cpu, r);
	r->tsc = rdtsc();
	r->dr6 = 0;
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

static void stop(struct cpu *cpu, const struct watch_spec *spec, uint16_t id)
{
	if (!spec->silent && !pause_wanted())
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

void watch_hit_end(struct cpu *cpu, struct watch *w, uint32_t generation, struct trap_record *r)
{
	struct watch_spec spec;
	uint32_t now;

	if (!watch_read(w, &r->watch_id, &spec, &now) || now != generation)
		return;
	if (is_excepted(&spec, r)) {
		atomic_fetch_add_explicit(&w->excepted, 1, memory_order_relaxed);
		return;
	}
	r->vector = (uint8_t)r->watch_id;
	if (spec.action == WATCH_ONCE && !watch_retire(w, generation))
		return;
	if (watch_hit(w, r->tsc, boot_info.tsc_khz * 1000) && !spec.silent)
		write_record(cpu, r);
	if (spec.action == WATCH_ONCE)
		cpu_add_work(cpu, CPU_WORK_WATCH);
	else if (spec.action == WATCH_STOP)
		stop(cpu, &spec, r->watch_id);
}
