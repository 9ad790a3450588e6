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
	const char *name; /* of the part that is read, in lower case: al, ecx, r8d */
	uint64_t value;   /* zero-extended from that width */
	bool is_msr;      /* it holds the number of the MSR of a RDMSR or WRMSR */
};

struct decoded {
	char text[DECODE_TEXT_MAX]; /* Intel syntax in lower case; branch targets and rip-relative ones
				       absolute */
	uint8_t length;             /* in bytes */
	uint8_t regs;               /* how many of reg[] */
	uint8_t mems;               /* how many of mem[] */

	/* In the order of the text, implicit ones last; an MSR's number first of all. */
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
 * How many of the record's code bytes are the instruction's. The walk on the exit path does not look at the bits above the
 * linear address: what it found for a RIP that is not canonical is somebody else's.
 */
static inline unsigned decode_code_length(const struct trap_record *r)
{
	if (r->mode == 64 && !decode_is_canonical(r, r->rip))
		return 0;
	return r->code_len < TRAP_CODE_MAX ? r->code_len : TRAP_CODE_MAX;
}

/*
 * Decodes the instruction at r->rip in r->mode. On AMD and Intel alike: an instruction that only one of them
 * has is shown by name. Fills in *d completely with DECODE_OK; otherwise leaves it empty (text "", no
 * registers, no address).
 */
enum decode_result decode(const struct trap_record *r, struct decoded *d);

#endif
