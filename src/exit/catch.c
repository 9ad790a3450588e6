// SPDX-License-Identifier: MIT
#include "exit/catch.h"
#include "exit/run_stop.h"
#include "log/log.h"
#include "trace/vector.h"

_Atomic uint32_t catch_vectors;
static struct filter wanted;

/* A CPU that looks meanwhile sees no vector. */
void catch_set(const struct filter *f)
{
	atomic_store(&catch_vectors, 0);
	if (!f)
		return;
	wanted = *f;
	atomic_store(&catch_vectors, f->vectors);
}

void catch_look(struct cpu *cpu, const struct trap_record *r)
{
	if (!(atomic_load(&catch_vectors) >> (r->vector & 31) & 1) || r->flags & TRAP_TRIPLED ||
		!filter_match(&wanted, r))
		return;
	log_line("trapline: caught %s cpu=%u rip=0x%lx; it is delivered when the guest runs again",
		vector_name(r->vector), cpu->number, r->rip);
	cpu->run.vector = r->vector;
	run_stop(cpu, RUN_EXCEPTION);
}
