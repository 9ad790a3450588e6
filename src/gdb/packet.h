// SPDX-License-Identifier: MIT
/*
 * Packets of the GDB remote serial protocol (the manual of GDB, appendix E "Remote Protocol"): `$` data `#` and two digits, the sum of the bytes.
 * Pure: tested and fuzzed on the host.
 */
#ifndef TRAPLINE_GDB_PACKET_H
#define TRAPLINE_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_DATA_MAX  4096                   /* bytes of data, as both sides are told */
#define GDB_FRAME_MAX (2 * GDB_DATA_MAX + 4) /* a packet on the line: each byte may be escaped */

enum gdb_event {
	GDB_NOTHING,   /* a byte in a packet */
	GDB_PACKET,    /* its last: data and length are set */
	GDB_DAMAGED,   /* its last, but the sum is wrong, or it was too long */
	GDB_ACK,       /* the other side has got the last packet */
	GDB_RESEND,    /* it has not */
	GDB_INTERRUPT, /* ^C outside of a packet */
	GDB_OTHER      /* a byte outside of a packet that has no meaning there */
};

/* All zeros at the start. */
struct gdb_receiver {
	uint8_t state;
	bool escaped, too_long;
	uint8_t sum, said;
	size_t length;
	char data[GDB_DATA_MAX + 1]; /* after GDB_PACKET: with a NUL behind it */
};

/* Takes one byte. A `$` in a packet starts another one, because there it would be escaped. */
enum gdb_event gdb_receive(struct gdb_receiver *r, char byte);

/* Whether the last byte was part of a packet that is not complete. */
bool gdb_is_inside(const struct gdb_receiver *r);

/* Forgets a packet that is not complete. */
void gdb_forget(struct gdb_receiver *r);

/*
 * Writes a packet as it goes on the line: escaped, with runs of a byte shortened.
 *   to  room for GDB_FRAME_MAX bytes
 *   n   GDB_DATA_MAX at most
 * Returns its length.
 */
size_t gdb_frame(char *to, const char *data, size_t n);

/* The words of a packet, read from the front. */
struct gdb_words {
	const char *at, *end;
};

/* Reads a hexadecimal number of 1 to 16 digits. */
bool gdb_take_number(struct gdb_words *w, uint64_t *value);

/* Reads n bytes of two digits each. */
bool gdb_take_hex(struct gdb_words *w, void *to, size_t n);

/* Skips a text, if it is next. */
bool gdb_take_text(struct gdb_words *w, const char *text);

#endif
