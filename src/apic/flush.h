/*
 * The second-level tables are all CPUs' own, and each CPU caches what it has read of them (SDM vol. 3C 29.4, APM vol.
 * 2 15.16.1). A change has a generation number; a CPU that has not flushed since does so before it runs the guest again. What tells
 * it is a kick (CPU_WORK_KICK), so that an exit without work looks at nothing.
 */
#ifndef TRAPLINE_FLUSH_H
#define TRAPLINE_FLUSH_H

#include "cpu/cpu.h"

/* A leaf has changed its rights or its page: this CPU flushes now, the others when the kick reaches them. Does not wait. */
void flush_changed(struct cpu *cpu);

/*
 * For a change that no CPU may run on half done: of memory types, or of a large leaf that is split while it is live (a machine check on
 * some CPUs, where instructions are fetched through both sizes). Every other CPU leaves the guest and waits, until
 * flush_release(), behind which it flushes. One that cannot be reached does not run the guest either: it is in the VMM, or
 * waits for a SIPI. The caller holds nothing that another CPU could wait for.
 *   changed  false: it came to nothing
 */
void flush_hold(struct cpu *cpu);
void flush_release(struct cpu *cpu, bool changed);

/* With a kick, and wherever a CPU waits in the VMM: steps aside while another one holds it, and flushes what is due. */
void flush_serve(struct cpu *cpu);

/* Whether the tables have changed since this CPU flushed, and nothing is under way to tell it. Must not be, at an entry. */
bool flush_is_missed(const struct cpu *cpu);

#endif
