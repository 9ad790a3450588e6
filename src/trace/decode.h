/*
 * What the code bytes of a record say: the instruction, the registers it reads and the memory it addresses,
 * with the values they had. Not for the exit path: it takes some ten thousand instructions and 3 KiB of
 * stack.
 *
 * The rule is that absent is better than wrong. What depends on something the record does not hold (vector
 * registers, bits beyond the code bytes that could be read) is left out.
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
	DECODE_NONE, /* no code bytes, or they end in the middle of the instruction */
	DECODE_BAD,  /* the bytes are no instruction in this mode */
	DECODE_OK,
};

/* A register that the instruction reads. */
struct decoded_reg {
	const char *name; /* as the manuals write it, in lower case, by the width that is read: "al", "ecx",
			     "r8d" */
	uint64_t value;   /* zero-extended from that width */
	bool is_msr;      /* it holds the number of the MSR of a RDMSR or WRMSR */
};

struct decoded {
	char text[DECODE_TEXT_MAX]; /* Intel syntax, lower case, branch targets and rip-relative addresses
				       absolute */
	uint8_t length;             /* in bytes */
	uint8_t regs;
	uint8_t mems;
	struct decoded_reg
		reg[DECODE_REGS_MAX];  /* explicit operands first, then address registers and implicit ones */
	uint64_t mem[DECODE_MEMS_MAX]; /* linear addresses; two for string moves: first operand first */
};

/*
 * Decodes the instruction at r->rip in r->mode. On AMD and Intel alike: an instruction that only one of them
 * has is shown by name. Fills in *d completely with DECODE_OK; otherwise leaves it empty (text "", no
 * registers, no address).
 */
enum decode_result decode(const struct trap_record *r, struct decoded *d);

#endif
