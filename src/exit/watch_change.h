// SPDX-License-Identifier: MIT
/* Brings the intercepts and second-level rights of all CPUs in line with the table of watches. */
#ifndef TRAPLINE_WATCH_CHANGE_H
#define TRAPLINE_WATCH_CHANGE_H

#include "cpu/cpu.h"
#include "watch/watch.h"

/*
 * Call it after each change of the table. When it returns, the change is in force on all CPUs that run the guest. The caller must not
 * hold a lock for which another CPU may wait.
 */
void watch_changed(struct cpu *cpu);

/* CPU_WORK_WATCH: a hit has changed the table. */
void watch_change_serve(struct cpu *cpu);

/*
 * Adds a watch and brings it into force.
 *   text  its words, cut in place
 *   id    out: its number
 *   bad   out: the wrong word, or ""
 * Returns NULL, or why not, with nothing changed.
 */
const char *watch_set(struct cpu *cpu, char *text, uint16_t *id, const char **bad);

/* The same for a watch that was not written in words. Returns NULL, or why not. */
const char *watch_put(struct cpu *cpu, const struct watch_spec *spec, uint16_t *id);

/*
 * Sets the watches of trapline.conf, before the guest runs. watch_memory_changed() is called with NULL then: no CPU has anything cached.
 * A line reports each that cannot be had.
 */
void watch_begin(void);

#endif
