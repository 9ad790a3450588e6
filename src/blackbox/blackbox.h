/*
 * The black box (include/boot/blackbox_layout.h): the rings, the histories and everything that goes to the console
 * lie where the next start of Trapline finds them after a warm reset.
 */
#ifndef TRAPLINE_BLACKBOX_H
#define TRAPLINE_BLACKBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <boot/boot_info.h>

/* Finds its memory. Before cpu_create(), once the host's page tables are loaded. */
void blackbox_init(const struct boot_info *info);

/* Whether the box lies at a place where the next start looks. */
bool blackbox_is_there(void);

/* Zeroed memory for what is one CPU's, whole pages, the same for every CPU; NULL when it is used up. */
void *blackbox_take(uint64_t size);

/* Notes where CPU n has its kept records and its history's entries, when it has taken all that is to be its own. */
void blackbox_note_cpu(uint32_t n, const void *kept, const void *entries);

/* From here on the next start can find it. After the last cpu_create(). */
void blackbox_open(const char *version, const char *backend);

/* Appends a line of the console's; behind a mark, as long as there is room: the rest is counted. */
void blackbox_line(const char *line);

/* Here a report of a failure begins: what the next start shows. */
void blackbox_mark(void);

/* Here a story begins, of a guest that may go on: what the next start shows if the run ends without a word. */
void blackbox_note_story(void);

/* It was no report after all. */
void blackbox_unmark(void);

/*
 * The run ends here, why in words: checksums over everything, and what is in the caches goes to memory,
 * because a reset throws caches away.
 */
void blackbox_seal(const char *why, bool failure);

/* Seals the box for a guest that says that it is dying, and still runs: its real end replaces this seal. */
void blackbox_say(const char *why);

/*
 * Opens the box again, where the guest has gone on for seconds after a seal: the reset did not happen, or the sleep is over; or
 * for minutes after it has said that it ends. Returns whether it did.
 */
bool blackbox_goes_on(void);

#endif
