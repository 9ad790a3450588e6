// SPDX-License-Identifier: MIT
/*
 * The verdict in the RTC's CMOS (boot/cmos_note.h), if trapline.conf's `cmos` is on. The guest's accesses to the index
 * and data ports then exit: the index register cannot be read, so Trapline remembers its value and restores it after its own accesses.
 */
#ifndef TRAPLINE_CMOS_H
#define TRAPLINE_CMOS_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

/*
 * Writes a record's vector, RIP and CR2. Does nothing if `cmos` is off.
 *   flags  CMOS_OWN, CMOS_RESET
 */
void cmos_leave(const struct trap_record *r, uint8_t flags);

/* Erases the note of this run, if there is one: the run has ended well. */
void cmos_forget(void);

/* The guest's accesses no longer exit. The selected index is unknown from then on, so no more notes are written. */
void cmos_give_up(void);

/* Whether an access reaches the RTC's ports while they are watched. */
bool cmos_is_port(unsigned port, unsigned size);

/* Call these before and after a guest's access, so that no note is written between its index and its data. */
void cmos_begin(void);
void cmos_end(void);

/* The guest has written to these ports. */
void cmos_written(unsigned port, unsigned size, uint32_t value);

#endif
