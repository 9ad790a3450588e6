// SPDX-License-Identifier: MIT
/*
 * Writes registers with the names of their bits: cr0=0x80010033 (PE MP ET NE WP PG). SDM vol. 3A 2.3 to 2.5,
 * APM vol. 2 3.1.
 */
#ifndef TRAPLINE_BITS_H
#define TRAPLINE_BITS_H

#include <stdint.h>
#include "trace/text.h"

enum bits_register {
	BITS_CR0,
	BITS_CR4,
	BITS_EFER,
	BITS_RFLAGS
};

/* Adds the value in hexadecimal, then in brackets the names of the bits that are set. */
void bits_add(struct text *t, enum bits_register which, uint64_t value);

/*
 * Adds a segment's attributes in words: "code, readable, DPL 0, present, 64-bit, 4K units".
 *   attributes  as both vendors store them; bits 7:0: the descriptor's bits 47:40; bits 11:8: its bits 55:52
 */
void bits_add_segment(struct text *t, unsigned attributes);

#endif
