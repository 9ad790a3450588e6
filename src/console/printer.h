// SPDX-License-Identifier: MIT
/*
 * The path of records to the operator: from the CPUs' queues, through the filter, as lines into the log. It also counts the losses on
 * this path.
 */
#ifndef TRAPLINE_PRINTER_H
#define TRAPLINE_PRINTER_H

#include "cpu/cpu.h"
#include "trace/filter.h"

/* Takes trapline.conf's filter. Returns NULL, or what is wrong, with the word at *bad. */
const char *printer_init(const char **bad);

/*
 * Moves one record, or the count of lost ones, into the text. False: there was nothing to do. Called with the log's
 * lock held.
 */
bool printer_turn(void);

/* The same, but only for a line that it has begun. */
bool printer_go_on(void);

/* Completes the line that it is writing. */
void printer_finish_line(void);

/* Takes a notice, shorter than LOG_NOTICE_SIZE, that comes after this line, whose exception was before it. False: no line is being written. */
bool printer_add_notice(const char *notice);

/* Whether losses have to be printed now: at most once a second. */
bool printer_losses_due(void);

/* The number of records that wait, of all CPUs. */
uint64_t printer_waiting(void);

/* Prints everything that waits, records included, and waits for the UART. */
void printer_finish(void);

/*
 * The filter of printed records. Its vectors and its `important` are boot_info.config.print, which the exit path reads.
 *   words  see trace/filter.h; cut in place
 *   bad    out: the wrong word
 * console_set_filter() returns NULL, or what is wrong.
 */
const char *console_set_filter(char *words, const char **bad);
void console_get_filter(struct filter *f);

/* Lines that were not printed since the start, by reason. */
struct console_losses {
	uint64_t lost;     /* the queue was full */
	uint64_t limited;  /* excluded by the filter's rate */
	uint64_t filtered; /* excluded by its other conditions */
};
void console_count(struct console_losses *l);

#endif
