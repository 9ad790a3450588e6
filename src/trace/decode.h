// SPDX-License-Identifier: MIT
/*
 * Decodes the code bytes of a record: the instruction, and the registers and memory that it reads, with their
 * values. Not for the exit path: it takes some ten thousand instructions and 3 KiB of
 * stack.
 *
 * Unknown values are omitted. That is everything that depends on vector registers or on code bytes that could not
 * be read, because the record does not hold them.
 */
#ifndef TRAPLINE_DECODE_H
#define TRAPLINE_DECODE_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

#define DECODE_TEXT_MAX 96
#define DECODE_REGS_MAX 12
#define DECODE_MEMS_MAX 2

enum decode_result {
	DECODE_NONE, /* no code bytes, or they end inside the instruction */
	DECODE_BAD,  /* the bytes are not an instruction in this mode */
	DECODE_OK,
};

/* A register that the instruction reads. */
struct decoded_reg {
	const char *name; /* of the part that is read, in lower case: al, ecx, r8d */
	uint64_t value;   /* zero-extended from that width */
	bool is_msr;      /* it holds the number of the MSR of a RDMSR or WRMSR */
};

struct decoded {
	/* Intel syntax in lower case; targets of branches and of rip-relative operands are absolute */
	char text[DECODE_TEXT_MAX];
	uint8_t length; /* in bytes */
	uint8_t regs;   /* number of entries in reg[] */
	uint8_t mems;   /* number of entries in mem[] */

	/* In the order of the text, implicit ones last; an MSR's number comes first. */
	struct decoded_reg reg[DECODE_REGS_MAX];

	/* Linear addresses; two for string moves, in the order of the operands. */
	uint64_t mem[DECODE_MEMS_MAX];
};

static inline bool decode_is_canonical(const struct trap_record *r, uint64_t address)
{
	unsigned unused = r->cr4 & 0x1000 /* LA57 */ ? 64 - 57 : 64 - 48;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

/*
 * The number of the record's code bytes that belong to the instruction. The walk of the exit path ignores the bits above the
 * linear address, so for a RIP that is not canonical it finds the bytes of another address.
 */
static inline unsigned decode_code_length(const struct trap_record *r)
{
	if (r->mode == 64 && !decode_is_canonical(r, r->rip))
		return 0;
	return r->code_len < TRAP_CODE_MAX ? r->code_len : TRAP_CODE_MAX;
}

/*
 * Decodes the instruction at r->rip in r->mode. An instruction that only AMD or only Intel has is shown by
 * name on both. With DECODE_OK *d is filled completely; otherwise it is empty (text "", no
 * registers, no address).
 */
enum decode_result decode(const struct trap_record *r, struct decoded *d);

#endif
