/* One record in one plain sentence, and which record that is to be. Pure: tested on the host. */
#ifndef TRAPLINE_VERDICT_H
#define TRAPLINE_VERDICT_H

#include <stdbool.h>
#include <stdint.h>
#include "trace/reserve.h"
#include "trace/text.h"

/*
 * Adds what happened, without a full stop: "the kernel wrote to address 0x30 through rdi, which was 0: a null pointer".
 */
void verdict_add(struct text *t, const struct trap_record *r);

/* All that was recorded, of a run that goes on or of the last one. */
struct verdict_source {
	unsigned cpus;
	const struct reserve *const *kept;     /* a CPU each; NULL: none */
	const struct trap_record *const *ring; /* a CPU each, `records` slots, those beside it among them */
	uint32_t records;
	bool (*believes)(const struct trap_record *r); /* whether a record counts; NULL: all do */
	uint64_t second;                               /* in ticks of the TSC */
};

/*
 * The record that the end came from: the first of the last burst of the kernel's important records that were not mended.
 *   since, until  TSC: only records from `since` on, and before `until`, count
 * Returns false where there is none.
 */
bool verdict_find(const struct verdict_source *s, uint64_t since, uint64_t until, struct trap_record *out);

/* For an end without a record of the kernel's: the newest important record of a program that it did not survive, from `since` on. */
bool verdict_find_program(const struct verdict_source *s, uint64_t since, struct trap_record *out);

/*
 * verdict_find() for what came since a story was told, without probes of MSRs: a dying kernel probes the devices that it turns
 * off.
 */
bool verdict_find_newer(const struct verdict_source *s, uint64_t since, struct trap_record *out);

/* The kernel's newest important record before `before` that was not mended, without probes of MSRs. */
bool verdict_find_before(
	const struct verdict_source *s, uint64_t since, uint64_t before, struct trap_record *out);

/*
 * When the first program faulted: a kernel that runs one has started. Many map their own memory as it is touched before that.
 * Returns UINT64_MAX where none has.
 */
uint64_t verdict_started(const struct verdict_source *s);

#endif
