// SPDX-License-Identifier: MIT
/* One record in one plain sentence, and the choice of that record. Pure: tested on the host. */
#ifndef TRAPLINE_VERDICT_H
#define TRAPLINE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>
#include "trace/reserve.h"
#include "trace/text.h"

/* Adds what happened, without a full stop: "the kernel wrote to address 0x30 through rdi, which was 0: a null pointer". */
void verdict_add(struct text *t, const struct trap_record *r);

/* All records, of the current run or of the last one. */
struct verdict_source {
	unsigned cpus;
	const struct reserve *const *reserve; /* one for each CPU; NULL: none */
	const struct trap_record *const
		*ring; /* one for each CPU, `records` slots, including those of the second ring */
	uint32_t records;
	bool (*believes)(const struct trap_record *r); /* whether a record is valid; NULL: all are */
	uint64_t second;                               /* TSC ticks of a second */
};

/*
 * Finds the record that caused an end: the first of the kernel's last burst of important records that were not mended.
 *   since, until  TSC: only records from `since` on, and before `until`, count
 * Returns false if there is none.
 */
bool verdict_find(const struct verdict_source *s, uint64_t since, uint64_t until, struct trap_record *out);

/* For an end without a record of the kernel: finds the newest important record, from `since` on, of which a program died. */
bool verdict_find_program(const struct verdict_source *s, uint64_t since, struct trap_record *out);

/* verdict_find() for records since a story was printed, without probes of MSRs: a dying kernel probes the devices that it turns off. */
bool verdict_find_newer(const struct verdict_source *s, uint64_t since, struct trap_record *out);

/* Finds the kernel's newest important record before `before` that was not mended, without probes of MSRs. */
bool verdict_find_before(
	const struct verdict_source *s, uint64_t since, uint64_t before, struct trap_record *out);

/*
 * The TSC of the first fault of a program: a kernel that runs one has started. Before that many kernels map their own memory on first access.
 * Returns UINT64_MAX if no program has faulted.
 */
uint64_t verdict_started(const struct verdict_source *s);

#endif
