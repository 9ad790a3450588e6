// SPDX-License-Identifier: MIT
#include "log/cmos.h"
#include <boot/cmos_note.h>
#include "cpu/cpu.h"
#include "hw/lock.h"

#define TRIES 100000 /* a CPU that was parked, or has failed, may hold the lock for ever */

static struct lock lock = LOCK_FREE;
static uint8_t index_of_guest;
static bool index_known;
static bool left; /* this run has left a note */

static void put_number(uint8_t bytes[8], uint64_t value)
{
	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
}

static struct cmos_note note_of(const struct trap_record *r, uint8_t flags)
{
	struct cmos_note n = {.vector = r->vector, .flags = flags};

	n.flags |= (r->flags & TRAP_HAS_CR2 ? CMOS_HAS_CR2 : 0) | (r->cpl == 3 ? CMOS_USER : 0);
	put_number(n.rip, r->rip);
	put_number(n.cr2, r->flags & TRAP_HAS_CR2 ? r->cr2 : 0);
	cmos_note_seal(&n);
	return n;
}

static void lock_soon(void)
{
	for (unsigned i = 0; i < TRIES && !lock_try(&lock); i++)
		cpu_pause();
}

/* The bits that the guest never wrote are the firmware's: some chipsets can read bit 7, others read it as one. */
static uint8_t latch(void)
{
	return index_known ? index_of_guest : (uint8_t)((inb(CMOS_INDEX) & CMOS_NO_NMI) | CMOS_AT_REST);
}

static void put_note(const struct cmos_note *n)
{
	const uint8_t *bytes = (const uint8_t *)n;
	uint8_t at = (uint8_t)boot_info.config.cmos, before;

	lock_soon();
	before = latch();
	for (unsigned i = 0; i < CMOS_NOTE_SIZE; i++)
		cmos_put((uint8_t)(at + i), before & CMOS_NO_NMI, bytes[i]);
	outb(CMOS_INDEX, before);
	cmos_end();
}

void cmos_leave(const struct trap_record *r, uint8_t flags)
{
	struct cmos_note n = note_of(r, flags);

	if (!boot_info.config.cmos)
		return;
	put_note(&n);
	left = true;
}

/* Writes zeroes, as the loader leaves the bytes. */
void cmos_forget(void)
{
	static const struct cmos_note none;

	if (left && boot_info.config.cmos)
		put_note(&none);
	left = false;
}

void cmos_give_up(void)
{
	boot_info.config.cmos = 0;
}

bool cmos_is_port(unsigned port, unsigned size)
{
	return boot_info.config.cmos && port <= CMOS_DATA && port + size > CMOS_INDEX;
}

void cmos_begin(void)
{
	lock_soon();
}

void cmos_end(void)
{
	lock_give(&lock);
}

void cmos_written(unsigned port, unsigned size, uint32_t value)
{
	if (port > CMOS_INDEX || port + size <= CMOS_INDEX)
		return;
	index_of_guest = (uint8_t)(value >> 8 * (CMOS_INDEX - port));
	index_known = true;
}
