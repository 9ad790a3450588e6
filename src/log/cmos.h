/*
 * The verdict in the RTC's CMOS (boot/cmos_note.h), where trapline.conf's `cmos` says so. The guest's accesses to the index
 * and data ports exit then: the index register cannot be read, so its value is noted and restored after each access of ours.
 */
#ifndef TRAPLINE_CMOS_H
#define TRAPLINE_CMOS_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

/* Writes a record's vector, RIP and CR2. flags: CMOS_OWN, CMOS_RESET. Does nothing where it is off. */
void cmos_leave(const struct trap_record *r, uint8_t flags);

/* Takes back what was left, if anything was: the run has ended well. */
void cmos_forget(void);

/* The guest's accesses do not exit any more: nothing is written there from here on, as where its index stands is not known. */
void cmos_give_up(void);

/* Whether an access touches the RTC's ports while they are watched. */
bool cmos_is_port(unsigned port, unsigned size);

/* Around a guest's access to them, so that no note is written between its index and its data. */
void cmos_begin(void);
void cmos_end(void);

/* The guest has written there. */
void cmos_written(unsigned port, unsigned size, uint32_t value);

#endif
