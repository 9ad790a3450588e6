// SPDX-License-Identifier: MIT
/*
 * All CPUs share the second-level tables, and each caches what it has read of them (SDM vol. 3C 29.4, APM vol. 2 15.16.1).
 * Each change gets a generation number. A CPU with an older number flushes before it runs the guest again. A
 * kick (CPU_WORK_KICK) announces the change, so that an exit without work needs no check.
 */
#ifndef TRAPLINE_FLUSH_H
#define TRAPLINE_FLUSH_H

#include "cpu/cpu.h"

/* A leaf has changed its rights or its page: this CPU flushes now, the others when the kick reaches them. Does not wait. */
void flush_changed(struct cpu *cpu);

/*
 * For a change that no CPU may see half done: memory types, or a large leaf that is split (some CPUs raise a machine check
 * when they fetch code through both sizes). Every other CPU leaves the guest, waits until flush_release(), and flushes. A CPU
 * that cannot be reached does not run the guest: it is in the VMM, or waits for a SIPI. The caller must not hold a lock for which
 * another CPU may wait.
 *   changed  false: there was no change after all
 */
void flush_hold(struct cpu *cpu);
void flush_release(struct cpu *cpu, bool changed);

/* Waits while another CPU holds this one, then flushes if necessary. Called after a kick, and wherever the VMM waits. */
void flush_serve(struct cpu *cpu);

/* Whether the tables have changed since this CPU flushed and no kick is under way. That is a bug if it is true at an entry. */
bool flush_is_missed(const struct cpu *cpu);

#endif
