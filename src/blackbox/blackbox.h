// SPDX-License-Identifier: MIT
/*
 * The black box (include/boot/blackbox_layout.h): the rings, the histories and the console's text are
 * in memory where the next start of Trapline finds them after a warm reset.
 */
#ifndef TRAPLINE_BLACKBOX_H
#define TRAPLINE_BLACKBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <boot/boot_info.h>

/* Finds its memory and divides it. Called before cpu_create(), once the host's page tables are loaded. Returns false if it is too small. */
bool blackbox_init(const struct boot_info *info);

/* Whether the box is at a place where the next start searches. */
bool blackbox_is_there(void);

/* Zeroed memory for what is CPU n's, as include/boot/blackbox_layout.h has it. */
struct blackbox_cpu {
	void *ring, *beside, *reserve, *history;
};
struct blackbox_cpu blackbox_cpu(uint32_t n);

/* From here on the next start can find the box. Call it after the last cpu_create(). */
void blackbox_open(const char *version, const char *backend);

/* Appends a line of the console. After a mark only as many as fit; the others are counted. */
void blackbox_line(const char *line);
void blackbox_add_line(const char *line, size_t length);

/*
 * The core: an ELF file in the box. blackbox_core_begin() returns the room for it, at a page, and takes the old one away; NULL: trapline.conf
 * wants none. blackbox_core_end() makes its checksum: a multiple of 8 bytes. The caller ensures that no two CPUs are at it.
 */
void *blackbox_core_begin(uint64_t *room);
void blackbox_core_end(uint64_t bytes);

struct blackbox_header;
/*
 * Takes the core of the last run's box, whose header can be trusted, if there is room. Once, at the start.
 *   written  this start has written it to core_file
 */
void blackbox_core_take(const struct blackbox_header *last, bool written);

/*
 * The core that is kept; NULL: there is none.
 *   *age  set to BLACKBOX_CORE_MADE, _LAST or _EARLIER
 */
const void *blackbox_core(uint64_t *bytes, uint64_t *age);

/*
 * How many were begun in this run. Another CPU may begin one at any time: what was read of a core is right if this was the same before and
 * afterwards.
 */
uint32_t blackbox_core_number(void);

/* The report of a failure begins here: the next start shows it. */
void blackbox_mark(void);

/* A story begins here, of a guest that may continue: the next start shows it if the run ends without a report. */
void blackbox_note_story(void);

/* Takes blackbox_mark() back: it was not a report. */
void blackbox_unmark(void);

/*
 * The run ends here: makes the checksums and writes the caches back to memory, because a reset discards caches.
 *   why      the end in words
 *   failure  a triple fault or a fault of Trapline's own
 */
void blackbox_seal(const char *why, bool failure);

/* Seals the box for a guest that says that it is dying but still runs: its real end replaces this seal. */
void blackbox_say(const char *why);

/*
 * Opens the box again if the guest still runs seconds after a seal (the reset did not happen, or the sleep is over) or
 * minutes after it said that it is dying. Returns whether it did.
 */
bool blackbox_goes_on(void);

/* What runs from now on is not the guest: the seal stays. */
void blackbox_keep(void);

#endif
