// SPDX-License-Identifier: MIT
/*
 * Decodes an entry of an interrupt table: the gate through which an event was delivered, or why it could not be.
 * SDM vol. 3A 6.11 and 6.14.1, APM vol. 2 4.8.4 and 8.9; real mode: SDM vol. 3B 21.1.4. Pure.
 */
#ifndef TRAPLINE_GATE_H
#define TRAPLINE_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include "trace/text.h"

#define GATE_SIZE_MAX 16

/* The format in which the CPU reads its interrupt table. */
enum gate_kind {
	GATE_REAL,
	GATE_PROTECTED,
	GATE_LONG
};

struct gate_info {
	uint16_t selector;
	uint64_t offset;
	uint8_t type; /* bits 3:0 of the type byte; unused in real mode */
	uint8_t dpl;
	uint8_t ist;
	bool present;
};

/* The size in bytes of an entry: 4, 8 or 16. */
unsigned gate_size(enum gate_kind kind);

/* The kind for these values of CR0.PE and EFER.LMA. */
enum gate_kind gate_kind_of(uint64_t cr0, uint64_t efer);

/*
 * Decodes an entry.
 *   bytes  gate_size() bytes
 */
struct gate_info gate_decode(enum gate_kind kind, const uint8_t *bytes);

/* Writes `gate="64-bit interrupt gate" to=0x8:0x1234 dpl=0 ist=1`, and `why="..."` if the CPU rejects it. */
void gate_format(struct text *t, enum gate_kind kind, const struct gate_info *g);

/* Whether the CPU can use the gate, as far as the gate itself shows. */
bool gate_usable(enum gate_kind kind, const struct gate_info *g);

#endif
