// SPDX-License-Identifier: MIT
/* A core of the guest, kept in the black box: docs/cores.md. */
#ifndef TRAPLINE_REPORT_CORE_H
#define TRAPLINE_REPORT_CORE_H

#include "cpu/cpu.h"

/* What it has; all zero if trapline.conf wants none, or its room is too small. */
struct core_kept {
	uint64_t bytes;
	uint32_t cpus, pages;
};

/*
 * Keeps a core of all CPUs that have stopped or paused, this one first, and replaces the last one. Protected by report_begin().
 *   at  this CPU's state, of a fault; NULL: as it is now
 */
struct core_kept core_keep(struct cpu *cpu, const struct trap_record *at);

#endif
