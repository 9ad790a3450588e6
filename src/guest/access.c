// SPDX-License-Identifier: MIT
#include "guest/access.h"

#define ANY     4096 /* XSAVE and the like */
#define PUSHES  64
#define VECTOR  64
#define REX_W   8
#define LOCK    0xf0
#define OPSIZE  0x66
#define ESCAPE  0x0f
#define REG(m)  ((m) >> 3 & 7)
#define CODE(i) ((i) < c->length ? c->code[i] : 0)

/* The prefixes, and where the opcode begins. */
struct cursor {
	const uint8_t *code;
	unsigned length, mode, at;
	bool opsize, lock, rep, repne;
	uint8_t rex;
};

static bool is_prefix(uint8_t b)
{
	return b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || b == 0x64 || b == 0x65 || b == 0x66 ||
	       b == 0x67 || b == LOCK || b == 0xf2 || b == 0xf3;
}

/* A REX prefix counts only right before the opcode. */
static void read_prefixes(struct cursor *c)
{
	for (; c->at < c->length; c->at++) {
		uint8_t b = c->code[c->at];
		bool rex = c->mode == 64 && (b & 0xf0) == 0x40;

		if (!rex && !is_prefix(b))
			break;
		c->rex = rex ? b : 0;
		c->opsize |= b == OPSIZE;
		c->lock |= b == LOCK;
		c->repne |= b == 0xf2;
		c->rep |= b == 0xf3;
	}
}

/* Of the operand-size attribute: SDM vol. 1 table 3-4. */
static uint8_t word(const struct cursor *c)
{
	if (c->rex & REX_W)
		return 8;
	return (c->mode == 16) != c->opsize ? 2 : 4;
}

/* Of a push or pop: in 64-bit mode never 4. */
static uint8_t stack_word(const struct cursor *c)
{
	if (c->mode == 64)
		return c->opsize && !(c->rex & REX_W) ? 2 : 8;
	return word(c);
}

static struct access exact(uint8_t size)
{
	return (struct access){.size = size, .bound = size};
}

static struct access within(uint16_t bound, uint16_t below)
{
	return (struct access){.bound = bound, .below = below};
}

/* In 64-bit mode Intel's CPUs ignore the operand size of near branches, AMD's do not. */
static struct access branch(const struct cursor *c)
{
	return c->mode == 64 && c->opsize ? within(8, 8) : exact(stack_word(c));
}

/* 80 to 8f, a0 to af, c0 and on: bit 0 clear means bytes. */
static struct access by_bit0(const struct cursor *c, uint8_t op)
{
	return exact(op & 1 ? word(c) : 1);
}

static struct access group5(const struct cursor *c, uint8_t op)
{
	switch (REG(CODE(c->at + 1))) {
	case 3:
	case 5: /* far */
		return within(16, PUSHES);
	case 2:
	case 4:
		return branch(c);
	case 6:
		return exact(stack_word(c));
	default:
		return by_bit0(c, op);
	}
}

/* 60 to 6f. */
static struct access row6(const struct cursor *c, uint8_t op)
{
	if (op == 0x68 || op == 0x6a)
		return exact(stack_word(c));
	if (op == 0x69 || op == 0x6b)
		return exact(word(c));
	if (op == 0x63)
		return exact(c->mode == 64 ? 4 : 2);
	if (op == 0x6c || op == 0x6e)
		return exact(1);
	if (op == 0x6d || op == 0x6f)
		return exact(word(c) == 2 ? 2 : 4);
	return within(32, PUSHES); /* PUSHA, POPA, BOUND; EVEX has its own way */
}

/* c0 to cf. */
static struct access row_c(const struct cursor *c, uint8_t op)
{
	if (op == 0xc2 || op == 0xc3)
		return branch(c);
	if (op == 0xc9)
		return exact(stack_word(c));
	if (op == 0xc8 || op >= 0xca || op == 0xc4 || op == 0xc5)
		return within(PUSHES, PUSHES);
	return by_bit0(c, op);
}

static struct access one_byte(const struct cursor *c, uint8_t op)
{
	struct access a;

	switch (op >> 4) {
	case 0:
	case 1:
	case 2:
	case 3:
		return (op & 7) < 6 ? by_bit0(c, op)
				    : exact(stack_word(c)); /* ALU; PUSH and POP of a segment */
	case 5:
		return exact(stack_word(c));
	case 6:
		return row6(c, op);
	case 8:
		if (op == 0x8c || op == 0x8e)
			return exact(2);
		if (op == 0x8f)
			return exact(stack_word(c));
		a = by_bit0(c, op);
		a.locked = op == 0x86 || op == 0x87; /* XCHG locks by itself */
		return a;
	case 9:
		return op == 0x9a ? within(16, PUSHES) : exact(stack_word(c)); /* PUSHF, POPF */
	case 0xa:
		return by_bit0(c, op);
	case 0xc:
		return row_c(c, op);
	case 0xd:
		if (op >= 0xd8)
			return within(128, 0); /* x87 */
		return op == 0xd7 ? exact(1) : by_bit0(c, op);
	case 0xe:
		return op == 0xe8 ? branch(c) : exact(1);
	case 0xf:
		return op == 0xff ? group5(c, op) : by_bit0(c, op);
	default:
		return within(8, 0);
	}
}

/* Vector moves without VEX: the prefix chooses. */
static uint8_t sse_move(const struct cursor *c, uint8_t op)
{
	switch (op) {
	case 0x10:
	case 0x11:
		return c->rep ? 4 : c->repne ? 8 : 16;
	case 0x28:
	case 0x29:
	case 0x2b:
		return 16;
	case 0x12:
	case 0x16:
		return c->rep ? 16 : 8;
	case 0x13:
	case 0x17:
	case 0xd6:
		return 8;
	case 0x6f:
	case 0x7f:
		return c->opsize || c->rep ? 16 : 8;
	case 0xe7:
		return c->opsize ? 16 : 8;
	case 0x6e:
		return c->rex & REX_W ? 8 : 4;
	case 0x7e:
		return c->rep || c->rex & REX_W ? 8 : 4;
	default:
		return 0;
	}
}

static struct access group9(const struct cursor *c)
{
	if (REG(CODE(c->at + 1)) == 1) /* CMPXCHG8B, CMPXCHG16B */
		return exact(c->rex & REX_W ? 16 : 8);
	return within(ANY, 0);
}

static struct access two_bytes(const struct cursor *c, uint8_t op)
{
	uint8_t size = sse_move(c, op);

	if (size)
		return exact(size);
	if ((op & 0xf0) == 0x90 || op == 0xb6 || op == 0xbe || op == 0xb0 || op == 0xc0)
		return exact(1);
	if (op == 0xb7 || op == 0xbf)
		return exact(2);
	if (op == 0xa0 || op == 0xa1 || op == 0xa8 || op == 0xa9)
		return exact(stack_word(c));
	if (op == 0xc7)
		return group9(c);
	if (op == 0xc3)
		return exact(c->rex & REX_W ? 8 : 4);
	if ((op & 0xf0) == 0x40 || (op >= 0xa3 && op <= 0xa5) || (op >= 0xab && op <= 0xad) || op == 0xaf ||
		op == 0xb1 || op == 0xb3 || (op >= 0xb8 && op <= 0xbd) || op == 0xc1)
		return exact(word(c));
	if (op == 0xae)
		return within(ANY, 0);
	return within(op == 0x38 || op == 0x3a ? VECTOR : 16, 0);
}

/* C4 and C5 are LES and LDS outside of 64-bit mode, 62 is BOUND, unless the byte after them has both upper bits set. */
static bool is_vector(const struct cursor *c, uint8_t op)
{
	return (op == 0xc4 || op == 0xc5 || op == 0x62) && (c->mode == 64 || CODE(c->at + 1) >= 0xc0);
}

struct access access_of(const uint8_t *code, unsigned length, unsigned mode)
{
	struct cursor at = {.code = code, .length = length, .mode = mode}, *c = &at;
	struct access a;
	uint8_t op;

	read_prefixes(c);
	if (c->at >= length)
		return within(ANY, PUSHES);
	op = CODE(c->at);
	if (is_vector(c, op))
		return within(VECTOR, 0);
	if (op == ESCAPE) {
		c->at++;
		a = two_bytes(c, CODE(c->at));
	} else {
		a = one_byte(c, op);
	}
	a.locked |= c->lock;
	return a;
}
