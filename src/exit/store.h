/*
 * A store to a device's register, from the bytes of its instruction: what is stored, and where the next
 * instruction begins. Where it goes, the second-level page fault has said. Pure: tested on the host.
 */
#ifndef TRAPLINE_STORE_H
#define TRAPLINE_STORE_H

#include <stdbool.h>
#include <stdint.h>

enum store_kind {
	STORE_MOV,
	STORE_XCHG,
	STORE_AND,
	STORE_OR,
	STORE_XOR
};

struct store {
	enum store_kind kind;
	uint8_t length;     /* of the instruction */
	uint8_t size;       /* bytes that are stored: 1, 2, 4 or 8 */
	bool from_register; /* the operand is register `reg`, in encoding order (0 RAX to 15 R15), or
			       `immediate` */
	uint8_t reg;
	uint32_t immediate; /* the low half */
};

/*
 *   code, length  the bytes at RIP
 *   mode          16, 32 or 64
 * Returns false for everything but MOV, XCHG, AND, OR and XOR to memory from a register or an immediate.
 */
bool store_decode(const uint8_t *code, unsigned length, unsigned mode, struct store *out);

#endif
