// SPDX-License-Identifier: MIT
/*
 * A verdict in a few bytes of the RTC's battery-powered CMOS, for machines whose memory does not survive a reset. The VMM writes
 * it; the loader of the next start reads and clears it. It is checked first, because a guest may write there as well.
 */
#ifndef TRAPLINE_CMOS_NOTE_H
#define TRAPLINE_CMOS_NOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <hw/asm.h>

#define CMOS_INDEX   0x70 /* bit 7: no NMI reaches the CPU */
#define CMOS_DATA    0x71
#define CMOS_NO_NMI  0x80
#define CMOS_AT_REST 0x0d /* the index is left at this register, because it cannot be written */

#define CMOS_MAGIC      0xb6
#define CMOS_HAS_CR2    0x01
#define CMOS_USER       0x02 /* the fault is a program's, not the kernel's */
#define CMOS_OWN        0x04 /* the fault is Trapline's */
#define CMOS_RESET      0x08 /* Trapline was about to reset the machine */
#define CMOS_KNOWN      0x0f
#define CMOS_VECTOR_MAX 31

/* Bytes only, so there is no padding; numbers are little endian. */
struct cmos_note {
	uint8_t magic;
	uint8_t flags;
	uint8_t vector;
	uint8_t rip[8];
	uint8_t cr2[8];
	uint8_t sum[2];
};

#define CMOS_NOTE_SIZE 21

_Static_assert(sizeof(struct cmos_note) == CMOS_NOTE_SIZE, "config.def has its limits from this");

/* Fletcher's checksum, modulo 256: it also detects swapped bytes, and is not 0 for a note of zeroes. */
static inline uint16_t cmos_note_sum(const struct cmos_note *n)
{
	const uint8_t *bytes = (const uint8_t *)n;
	uint8_t a = 1, b = 0;

	for (unsigned i = 0; i < CMOS_NOTE_SIZE - sizeof(n->sum); i++) {
		a = (uint8_t)(a + bytes[i]);
		b = (uint8_t)(b + a);
	}
	return (uint16_t)(a | b << 8);
}

static inline void cmos_note_seal(struct cmos_note *n)
{
	uint16_t sum;

	n->magic = CMOS_MAGIC;
	sum = cmos_note_sum(n);
	n->sum[0] = (uint8_t)sum;
	n->sum[1] = (uint8_t)(sum >> 8);
}

static inline bool cmos_note_valid(const struct cmos_note *n)
{
	uint16_t sum = cmos_note_sum(n);

	return n->magic == CMOS_MAGIC && n->sum[0] == (uint8_t)sum && n->sum[1] == sum >> 8 &&
	       n->vector <= CMOS_VECTOR_MAX && !(n->flags & ~CMOS_KNOWN);
}

/* Whether the bytes are unused: all zeroes or all ones. */
static inline bool cmos_note_blank(const struct cmos_note *n)
{
	const uint8_t *bytes = (const uint8_t *)n;

	for (unsigned i = 0; i < CMOS_NOTE_SIZE; i++)
		if (bytes[i] != bytes[0])
			return false;
	return bytes[0] == 0x00 || bytes[0] == 0xff;
}

/*
 * Reads one byte.
 *   no_nmi  CMOS_NO_NMI or 0
 */
static inline uint8_t cmos_get(uint8_t at, uint8_t no_nmi)
{
	outb(CMOS_INDEX, at | no_nmi);
	return inb(CMOS_DATA);
}

static inline void cmos_put(uint8_t at, uint8_t no_nmi, uint8_t value)
{
	outb(CMOS_INDEX, at | no_nmi);
	outb(CMOS_DATA, value);
}

#endif
