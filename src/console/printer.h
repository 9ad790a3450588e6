/*
 * Records on their way to the operator: from the CPUs' queues, through the filter, as lines into the log; and what was lost on
 * that way.
 */
#ifndef TRAPLINE_PRINTER_H
#define TRAPLINE_PRINTER_H

#include "cpu/cpu.h"
#include "trace/filter.h"

/* Takes trapline.conf's filter. Returns NULL, or what is wrong, with the word at *bad. */
const char *printer_init(const char **bad);

/*
 * Moves one record, or the count of those that were lost, into the text. False when there was nothing to do. With the log's
 * lock held.
 */
bool printer_turn(void);

/* Whether losses are to be printed now: once a second at most. */
bool printer_losses_due(void);

/* Records that wait, of all CPUs. */
uint64_t printer_waiting(void);

/* Prints all that waits, records included, and waits for the UART. */
void printer_finish(void);

/*
 * The filter of what is printed. Its vectors and its `important` are boot_info.config.print, which the exit path reads.
 *   words  as trace/filter.h has them; is cut in place
 * console_set_filter() returns NULL, or what is wrong, with the word at *bad.
 */
const char *console_set_filter(char *words, const char **bad);
void console_get_filter(struct filter *f);

/* Lines that were not printed since the start, all reasons together. */
struct console_losses {
	uint64_t lost;     /* no room */
	uint64_t limited;  /* over the filter's rate */
	uint64_t filtered; /* by its other conditions */
};
void console_count(struct console_losses *l);

#endif
