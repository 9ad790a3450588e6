/*
 * The verdict in the RTC's CMOS (boot/cmos_note.h), where trapline.conf's `cmos` says so. The guest's accesses to the index
 * and data port exit then: what it has put into the index register, which cannot be read, is put back behind our own.
 */
#ifndef TRAPLINE_CMOS_H
#define TRAPLINE_CMOS_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

/* Leaves what a record says. flags: CMOS_OWN, CMOS_RESET. Does nothing where it is off. */
void cmos_leave(const struct trap_record *r, uint8_t flags);

/* Whether an access touches the RTC's ports while they are watched. */
bool cmos_is_port(unsigned port, unsigned size);

/* Around an access of the guest's to them, so that a note does not come between index and data. */
void cmos_begin(void);
void cmos_end(void);

/* The guest has written there. */
void cmos_written(unsigned port, unsigned size, uint32_t value);

#endif
