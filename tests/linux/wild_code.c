// SPDX-License-Identifier: MIT
/* The random code of `wild`: see wild.h. */
#include "lib/array.h"
#include "wild.h"

#include <string.h>

/* Operand bytes of an instruction that are chosen when it is written. */
enum {
	ANY = 0x100,  /* any byte */
	REGISTER,     /* ModRM of two registers */
	MEMORY,       /* ModRM of a register and [register] */
	EITHER,       /* one of both */
	SVM,          /* 0f 01 d8 to df: but VMMCALL, see scrub() */
	INT,          /* an interrupt's number */
	NEAR,         /* a jump's short distance */
	FAR,          /* the far pointer of ea and 9a */
	SELECTOR,     /* a selector and the zeroes that make it a 32-bit immediate */
	SAFE_LEAF,    /* CPUID's leaf, as a 32-bit immediate, which is the same bare and under Trapline */
	PLUS_REGISTER /* the low three bits of the opcode before: a register */
};

#define NOP  0x90
#define INT1 0xf1
#define IRET 0xcf

#define PARTS_MAX 6
#define END       (-1)

static const int16_t special[][PARTS_MAX] = {
	/* virtualization, and what shares its opcode */
	{0x0f, 0x01, SVM, END},
	{0x66, 0x0f, 0x01, SVM, END},
	{0x67, 0x0f, 0x01, SVM, END},
	{0xf3, 0x0f, 0x01, SVM, END},
	{0x0f, 0x01, EITHER, END},
	{0x0f, 0x01, REGISTER, END},
	/* software interrupts and exceptions */
	{0xcd, INT, END},
	{0x66, 0xcd, INT, END},
	{0xcc, END},
	{0xf3, 0xcc, END},
	{0xce, END},
	{0xf1, END},
	{0x62, EITHER, END},
	{0x0f, 0x0b, END},
	{0x0f, 0xb9, EITHER, END},
	{0x0f, 0xff, EITHER, END},
	/* system calls, and the ways back from them */
	{0x0f, 0x05, END},
	{0x0f, 0x34, END},
	{0x0f, 0x35, END},
	{0x0f, 0x07, END},
	{0xcf, END},
	{0x48, 0xcf, END},
	/* what exits, or is refused in ring 3 */
	{0xb8, SAFE_LEAF, 0x0f, 0xa2, END},
	{0xb8, SAFE_LEAF, 0x66, 0x0f, 0xa2},
	{0x0f, 0x31, END},
	{0x0f, 0x32, END},
	{0x0f, 0x30, END},
	{0x0f, 0x33, END},
	{0xf4, END},
	{0xf3, 0xf4, END},
	{0xfa, END},
	{0xfb, END},
	{0xf3, 0x90, END},
	{0x0f, 0x06, END},
	{0x0f, 0x08, END},
	{0x0f, 0x09, END},
	{0x0f, 0x00, EITHER, END},
	{0x0f, 0x20, REGISTER, END},
	{0x0f, 0x22, REGISTER, END},
	{0x0f, 0x21, REGISTER, END},
	{0x0f, 0x23, REGISTER, END},
	{0x0f, 0xae, EITHER, END},
	{0x0f, 0xc7, EITHER, END},
	{0x0f, 0x38, 0x82, MEMORY, END},
	/* ports */
	{0xe4, ANY, END},
	{0xe7, ANY, END},
	{0xec, END},
	{0xef, END},
	{0x6c, END},
	{0xf3, 0x6f, END},
	/* segments */
	{0xea, FAR, END},
	{0x9a, FAR, END},
	{0xff, MEMORY, END},
	{0xca, ANY, 0x00, END},
	{0xcb, END},
	{0x48, 0xcb, END},
	{0xb8, SELECTOR, 0x8e, REGISTER, END},
	{0x8e, EITHER, END},
	{0x8c, EITHER, END},
	{0x68, SELECTOR, 0x07, END},
	{0x68, SELECTOR, 0x17, END},
	{0x68, SELECTOR, 0x1f, END},
	{0x68, SELECTOR, 0x0f, 0xa1, END},
	{0x68, SELECTOR, 0x0f, 0xa9, END},
	{0x68, SELECTOR, 0xcb, END},
	{0xb8, SELECTOR, 0x0f, 0x02, REGISTER},
	{0xb8, SELECTOR, 0x0f, 0x03, REGISTER},
	{0x0f, 0xb2, EITHER, END},
	{0xc4, EITHER, END},
	{0xc5, EITHER, END},
	{0x9d, END},
	{0x68, ANY, ANY, 0x00, 0x00, 0x9d},
};

/* Instructions that mostly do not fault, so that there are registers and memory to compare. */
static const int16_t plain[][PARTS_MAX] = {
	{0x9c, END},
	{0x9e, END},
	{0xfc, END},
	{0xfd, END},
	/* x87 and SSE */
	{0xd8, EITHER, END},
	{0xd9, EITHER, END},
	{0xdb, EITHER, END},
	{0xdd, EITHER, END},
	{0xdf, EITHER, END},
	{0x9b, END},
	{0x0f, 0x10, EITHER, END},
	{0x66, 0x0f, 0x6f, EITHER, END},
	{0xf2, 0x0f, 0x5e, REGISTER, END},
	/* integers, strings, stack and jumps */
	{0x01, EITHER, END},
	{0x8b, EITHER, END},
	{0x89, EITHER, END},
	{0x31, REGISTER, END},
	{0x85, REGISTER, END},
	{0xb8, ANY, ANY, ANY, ANY, END},
	{0x6a, ANY, END},
	{0x50, PLUS_REGISTER, END},
	{0x58, PLUS_REGISTER, END},
	{0xf7, EITHER, END},
	{0xff, EITHER, END},
	{0xa4, END},
	{0xf3, 0xaa, END},
	{0x74, NEAR, END},
	{0x75, NEAR, END},
	{0xeb, NEAR, END},
	{0xe2, NEAR, END},
	{0x90, END},
	{0x87, EITHER, END},
	{0xc8, ANY, 0x00, 0x00, END},
	{0xc9, END},
};

static const uint8_t prefixes[] = {
	0x66, 0x67, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x26, 0x3e, 0x64, 0x65};

uint64_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned dice_below(struct dice *dice, unsigned n)
{
	return (unsigned)(dice_next(dice) >> 32) % n;
}

/* The output; what does not fit is cut off. */
struct place {
	uint8_t *at, *end;
};

static void put(struct place *place, uint64_t value, int bytes)
{
	for (; bytes > 0 && place->at < place->end; bytes--, value >>= 8)
		*place->at++ = (uint8_t)value;
}

static uint16_t selector(struct dice *dice)
{
	static const uint16_t known[] = {
		USER_CS32, USER_DS, USER_CS64, 0, 3, 0x08, 0x10, 0x18, 0x28, 0x40, 0x43, 0x7b};
	unsigned n = dice_below(dice, ARRAY_SIZE(known) + LDT_ENTRIES + 1);

	if (n < ARRAY_SIZE(known))
		return known[n];
	if (n < ARRAY_SIZE(known) + LDT_ENTRIES)
		return LDT_SELECTOR(n - ARRAY_SIZE(known));
	return (uint16_t)dice_next(dice);
}

static uint32_t safe_leaf(struct dice *dice)
{
	static const uint32_t leaves[] = {0, 2, 5, 6, 0x80000000, 0x80000002, 0x80000005, 0x80000008};

	return leaves[dice_below(dice, ARRAY_SIZE(leaves))];
}

static uint8_t interrupt(struct dice *dice)
{
	static const uint8_t known[] = {0, 1, 2, 3, 4, 8, 13, 14, 0x20, 0x80, 0x80, 0xff};
	unsigned n = dice_below(dice, ARRAY_SIZE(known) + 1);

	return n < ARRAY_SIZE(known) ? known[n] : (uint8_t)dice_next(dice);
}

static void put_part(struct dice *dice, struct place *place, int part)
{
	uint8_t byte = (uint8_t)dice_next(dice);

	switch (part) {
	case REGISTER:
		return put(place, byte | 0xc0, 1);
	case MEMORY:
		return put(place, byte & 0x3f, 1);
	case EITHER:
		return put(place, byte & 0x40 ? byte | 0xc0 : byte & 0x3f, 1);
	case SVM:
		return put(place, 0xd8 | (byte & 7), 1);
	case INT:
		return put(place, interrupt(dice), 1);
	case NEAR:
		return put(place, byte & 0x10 ? (uint8_t) - (byte & 15) : byte & 7, 1);
	case FAR:
		put(place, CODE + byte, 4);
		return put(place, selector(dice), 2);
	case SELECTOR:
		return put(place, selector(dice), 4);
	case SAFE_LEAF:
		return put(place, safe_leaf(dice), 4);
	case PLUS_REGISTER:
		place->at[-1] |= byte & 7;
		return;
	default:
		return put(place, part == ANY ? byte : (uint8_t)part, 1);
	}
}

static void put_instruction(struct dice *dice, struct place *place, int long_mode)
{
	const int common = dice_below(dice, 3) != 0;
	const int16_t *parts = common ? plain[dice_below(dice, ARRAY_SIZE(plain))]
				      : special[dice_below(dice, ARRAY_SIZE(special))];

	while (dice_below(dice, common ? 8 : 3) == 0)
		put(place, prefixes[dice_below(dice, ARRAY_SIZE(prefixes))], 1);
	if (long_mode && dice_below(dice, 3) == 0)
		put(place, 0x40 | dice_below(dice, 16), 1);
	for (int i = 0; i < PARTS_MAX && parts[i] != END; i++)
		put_part(dice, place, parts[i]);
}

/* Instructions that differ for a reason, wherever their bytes are, because code may jump to them. */
static void scrub(uint8_t *code, size_t size, int all)
{
	for (size_t i = 0; i < size; i++) {
		if (!all && (code[i] == INT1 || code[i] == IRET))
			code[i] = NOP;
		if (i < 2 || code[i - 2] != 0x0f)
			continue;
		/* VMCALL and VMMCALL are Trapline's; RDRAND, RDSEED and RDPID depend on chance and on the CPU. */
		if (code[i - 1] == 0x01 && (code[i] == 0xc1 || code[i] == 0xd9))
			code[i] = 0xd8;
		if (code[i - 1] == 0xc7 && code[i] >= 0xf0)
			code[i] &= 0x7f;
	}
}

void wild_code(struct dice *dice, uint8_t *code, size_t size, int long_mode, int all)
{
	struct place place = {code, code + size};
	int raw = dice_below(dice, 4) == 0;

	while (place.at < place.end) {
		if (raw)
			put(&place, dice_next(dice), 8);
		else
			put_instruction(dice, &place, long_mode);
	}
	scrub(code, size, all);
}
