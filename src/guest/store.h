// SPDX-License-Identifier: MIT
/*
 * Decodes a 32-bit store to a device's register: the value that is stored, and the length of the instruction. The address comes from
 * the second-level page fault. Pure: tested on the host.
 */
#ifndef TRAPLINE_STORE_H
#define TRAPLINE_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

/*
 * The supported instructions, by Zydis' names, and the effect of each on the register and its operands: %[value],
 * %[operand], CL and the accumulator in RAX. Those before XCHG only write. XCHG and all after it read first. Those from ROL
 * on have a count. The string instructions and POP are MOVs here: store_run.c moves their pointers.
 */
#define STORE_OPERATIONS(X)                                                                                  \
	X(MOV, "mov %k[operand], %k[value]")                                                                 \
	X(MOVNTI, "mov %k[operand], %k[value]")                                                              \
	X(MOVDIRI, "mov %k[operand], %k[value]")                                                             \
	X(MOVBE, "mov %k[operand], %k[value]; bswap %k[value]")                                              \
	X(STOSD, "mov %k[operand], %k[value]")                                                               \
	X(MOVSD, "mov %k[operand], %k[value]")                                                               \
	X(POP, "mov %k[operand], %k[value]")                                                                 \
	X(XCHG, "xchg %k[operand], %k[value]")                                                               \
	X(XADD, "xadd %k[operand], %k[value]")                                                               \
	X(CMPXCHG, "cmpxchg %k[operand], %k[value]")                                                         \
	X(ADD, "add %k[operand], %k[value]")                                                                 \
	X(OR, "or %k[operand], %k[value]")                                                                   \
	X(ADC, "adc %k[operand], %k[value]")                                                                 \
	X(SBB, "sbb %k[operand], %k[value]")                                                                 \
	X(AND, "and %k[operand], %k[value]")                                                                 \
	X(SUB, "sub %k[operand], %k[value]")                                                                 \
	X(XOR, "xor %k[operand], %k[value]")                                                                 \
	X(INC, "incl %k[value]")                                                                             \
	X(DEC, "decl %k[value]")                                                                             \
	X(NOT, "notl %k[value]")                                                                             \
	X(NEG, "negl %k[value]")                                                                             \
	X(BTS, "bts %k[operand], %k[value]")                                                                 \
	X(BTR, "btr %k[operand], %k[value]")                                                                 \
	X(BTC, "btc %k[operand], %k[value]")                                                                 \
	X(ROL, "roll %%cl, %k[value]")                                                                       \
	X(ROR, "rorl %%cl, %k[value]")                                                                       \
	X(RCL, "rcll %%cl, %k[value]")                                                                       \
	X(RCR, "rcrl %%cl, %k[value]")                                                                       \
	X(SHL, "shll %%cl, %k[value]")                                                                       \
	X(SHR, "shrl %%cl, %k[value]")                                                                       \
	X(SAR, "sarl %%cl, %k[value]")                                                                       \
	X(SHLD, "shldl %%cl, %k[operand], %k[value]")                                                        \
	X(SHRD, "shrdl %%cl, %k[operand], %k[value]")

#define X(name, code) STORE_##name,
enum store_kind {
	STORE_OPERATIONS(X) STORE_KINDS
};
#undef X

#define STORE_BY_CL 0x80

struct store {
	uint8_t kind;   /* enum store_kind */
	uint8_t length; /* of the instruction */
	/* The operand is register `reg`, in encoding order (0 RAX to 15 R15), or `immediate`. */
	bool from_register;
	uint8_t reg;
	uint32_t immediate;
	uint8_t count;   /* of a shift or rotation: 0 to 31, or STORE_BY_CL */
	uint8_t width;   /* STOSD, MOVSD: width in bits of the address, and so of RSI, RDI and RCX */
	uint8_t segment; /* MOVSD: the segment that it reads, by enum segment */
	bool repeated;   /* STOSD, MOVSD: REP */
};

/*
 * Decodes an instruction.
 *   code, length  the bytes at RIP
 *   mode          16, 32 or 64
 * Returns false unless STORE_OPERATIONS lists it and it has an operand of 32 bits in memory.
 */
bool store_decode(const uint8_t *code, unsigned length, unsigned mode, struct store *out);

/* Stores of a register except RSP, or of a constant: the ones that operating systems use for every interrupt. */
static inline bool store_is_usual(const struct store *s)
{
	return s->kind == STORE_MOV && s->reg != TRAP_RSP;
}

/* Whether the instruction reads the register first. */
static inline bool store_reads(const struct store *s)
{
	return s->kind >= STORE_XCHG;
}

/* The inputs and results of an operation, as whole registers of the guest. */
struct store_values {
	uint64_t value;       /* the device register's, in its low half */
	uint64_t operand;     /* XCHG and XADD change it */
	uint64_t accumulator; /* CMPXCHG changes it */
	/* In: the status flags. Out: those of the operation; the other flags do not change. */
	uint64_t flags;
	uint8_t count;
};

void store_operate(enum store_kind kind, struct store_values *v);

#endif
