// SPDX-License-Identifier: MIT
/*
 * The fast decoder of stores against Zydis: for every store that the fast decoder accepts, Zydis must give the same result.
 * The source is included, because the fast decoder is static.
 */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "guest/store.c"

#define ROUNDS 300000
#define BYTES  15

struct sample {
	const char *what;
	unsigned mode;
	uint8_t code[BYTES];
	struct store is;
};

/* Typical stores to the APIC from compilers, and the other supported ones. */
static const struct sample samples[] = {
	{"mov [rdi+0xb0], esi", 64, {0x89, 0xb7, 0xb0, 0, 0, 0},
		{.kind = STORE_MOV, .length = 6, .from_register = true, .reg = 6}},
	{"mov [rax], r9d", 64, {0x44, 0x89, 0x08},
		{.kind = STORE_MOV, .length = 3, .from_register = true, .reg = 9}},
	{"mov [rip+x], ecx", 64, {0x89, 0x0d, 1, 2, 3, 4},
		{.kind = STORE_MOV, .length = 6, .from_register = true, .reg = 1}},
	{"mov [0xff5fc0b0], imm", 64, {0xc7, 0x04, 0x25, 0xb0, 0xc0, 0x5f, 0xff, 0x44, 0x33, 0x22, 0x11},
		{.kind = STORE_MOV, .length = 11, .immediate = 0x11223344}},
	{"mov [rsp+8], edi", 64, {0x89, 0x7c, 0x24, 8},
		{.kind = STORE_MOV, .length = 4, .from_register = true, .reg = 7}},
	{"mov [r12+r13*4+x], r14d", 64, {0x47, 0x89, 0xb4, 0xac, 1, 2, 3, 4},
		{.kind = STORE_MOV, .length = 8, .from_register = true, .reg = 14}},
	{"mov [eax], ecx", 64, {0x67, 0x89, 0x08},
		{.kind = STORE_MOV, .length = 3, .from_register = true, .reg = 1}},
	{"mov [moffs], eax", 64, {0xa3, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0},
		{.kind = STORE_MOV, .length = 9, .from_register = true, .reg = 0}},
	{"movnti [rdi], edx", 64, {0x0f, 0xc3, 0x17},
		{.kind = STORE_MOVNTI, .length = 3, .from_register = true, .reg = 2}},
	{"movdiri [rdi], edx", 64, {0x0f, 0x38, 0xf9, 0x17},
		{.kind = STORE_MOVDIRI, .length = 4, .from_register = true, .reg = 2}},
	{"movbe [rdi], edx", 64, {0x0f, 0x38, 0xf1, 0x17},
		{.kind = STORE_MOVBE, .length = 4, .from_register = true, .reg = 2}},
	{"stosd", 64, {0xab},
		{.kind = STORE_STOSD, .length = 1, .from_register = true, .reg = 0, .width = 64}},
	{"rep stosd", 64, {0xf3, 0xab},
		{.kind = STORE_STOSD,
			.length = 2,
			.from_register = true,
			.reg = 0,
			.width = 64,
			.repeated = true}},
	{"repne stosd", 32, {0xf2, 0xab},
		{.kind = STORE_STOSD,
			.length = 2,
			.from_register = true,
			.reg = 0,
			.width = 32,
			.repeated = true}},
	{"rep stosd, 16-bit address", 32, {0xf3, 0x67, 0xab},
		{.kind = STORE_STOSD,
			.length = 3,
			.from_register = true,
			.reg = 0,
			.width = 16,
			.repeated = true}},
	{"movsd", 64, {0xa5}, {.kind = STORE_MOVSD, .length = 1, .width = 64, .segment = 3}},
	{"rep movsd from gs", 64, {0x65, 0xf3, 0x67, 0xa5},
		{.kind = STORE_MOVSD, .length = 4, .width = 32, .segment = 5, .repeated = true}},
	{"movsd from es", 32, {0x26, 0xa5}, {.kind = STORE_MOVSD, .length = 2, .width = 32, .segment = 0}},
	{"pop dword [edi]", 32, {0x8f, 0x07}, {.kind = STORE_POP, .length = 2}},
	{"xchg [rdi], esi", 64, {0x87, 0x37},
		{.kind = STORE_XCHG, .length = 2, .from_register = true, .reg = 6}},
	{"xchg [rdi], esp", 64, {0x87, 0x27},
		{.kind = STORE_XCHG, .length = 2, .from_register = true, .reg = 4}},
	{"xadd [rdi], r10d", 64, {0x44, 0x0f, 0xc1, 0x17},
		{.kind = STORE_XADD, .length = 4, .from_register = true, .reg = 10}},
	{"lock cmpxchg [rax], ecx", 64, {0xf0, 0x0f, 0xb1, 0x08},
		{.kind = STORE_CMPXCHG, .length = 4, .from_register = true, .reg = 1}},
	{"and [rax], imm8", 64, {0x83, 0x20, 0xf0},
		{.kind = STORE_AND, .length = 3, .immediate = 0xfffffff0}},
	{"or [rax], imm32", 64, {0x81, 0x08, 1, 0, 0, 0}, {.kind = STORE_OR, .length = 6, .immediate = 1}},
	{"xor [rax], edx", 64, {0x31, 0x10},
		{.kind = STORE_XOR, .length = 2, .from_register = true, .reg = 2}},
	{"add [rax], edx", 64, {0x01, 0x10},
		{.kind = STORE_ADD, .length = 2, .from_register = true, .reg = 2}},
	{"inc [rax]", 64, {0xff, 0x00}, {.kind = STORE_INC, .length = 2}},
	{"neg [rax]", 64, {0xf7, 0x18}, {.kind = STORE_NEG, .length = 2}},
	{"bts [rax], ecx", 64, {0x0f, 0xab, 0x08},
		{.kind = STORE_BTS, .length = 3, .from_register = true, .reg = 1}},
	{"btr [rax], 31", 64, {0x0f, 0xba, 0x30, 31}, {.kind = STORE_BTR, .length = 4, .immediate = 31}},
	{"shl [rdi], 1", 64, {0xd1, 0x27}, {.kind = STORE_SHL, .length = 2, .count = 1}},
	{"sar [rdi], cl", 64, {0xd3, 0x3f}, {.kind = STORE_SAR, .length = 2, .count = STORE_BY_CL}},
	{"rcl [rdi], 33", 64, {0xc1, 0x17, 33}, {.kind = STORE_RCL, .length = 3, .count = 1}},
	{"shld [rdi], edx, 8", 64, {0x0f, 0xa4, 0x17, 8},
		{.kind = STORE_SHLD, .length = 4, .from_register = true, .reg = 2, .count = 8}},
	{"shrd [rdi], edx, cl", 64, {0x0f, 0xad, 0x17},
		{.kind = STORE_SHRD, .length = 3, .from_register = true, .reg = 2, .count = STORE_BY_CL}},
	{"mov [ebx], eax", 32, {0x89, 0x03},
		{.kind = STORE_MOV, .length = 2, .from_register = true, .reg = 0}},
	{"mov [moffs], eax", 32, {0xa3, 0, 0, 0xe0, 0xfe},
		{.kind = STORE_MOV, .length = 5, .from_register = true, .reg = 0}},
	{"mov [esi], eax", 16, {0x67, 0x66, 0x89, 0x06},
		{.kind = STORE_MOV, .length = 4, .from_register = true, .reg = 0}},
	{"stosd", 16, {0x66, 0xab},
		{.kind = STORE_STOSD, .length = 2, .from_register = true, .reg = 0, .width = 16}},
};

static bool same(const struct store *a, const struct store *b)
{
	return a->kind == b->kind && a->length == b->length && a->from_register == b->from_register &&
	       (!a->from_register || a->reg == b->reg) && a->immediate == b->immediate &&
	       a->count == b->count && a->width == b->width && a->segment == b->segment &&
	       a->repeated == b->repeated;
}

static void known(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		struct store got;

		if (!store_decode(s->code, BYTES, s->mode, &got))
			fail_msg("%s: not understood", s->what);
		if (!same(&got, &s->is))
			fail_msg("%s: kind %d length %u register %d %u immediate %x count %u width %u "
				 "segment %u repeated %d",
				s->what, got.kind, got.length, got.from_register, got.reg, got.immediate,
				got.count, got.width, got.segment, got.repeated);
	}
}

static void refused(void **state)
{
	static const struct {
		unsigned mode;
		uint8_t code[BYTES];
	} bad[] = {
		{64, {0x8b, 0x08}},             /* a load */
		{64, {0x89, 0xc8}},             /* register to register */
		{64, {0x0f, 0x29, 0x00}},       /* movaps */
		{64, {0x48, 0x89, 0x08}},       /* mov [rax], rcx */
		{64, {0x66, 0x89, 0x08}},       /* mov [rax], cx */
		{64, {0x88, 0x08}},             /* mov [rax], cl */
		{64, {0xaa}},                   /* stosb */
		{64, {0x48, 0xab}},             /* stosq */
		{64, {0xf2, 0x0f, 0x11, 0x00}}, /* movsd [rax], xmm0 */
		{64, {0x0f, 0x7e, 0x00}},       /* movd [rax], mm0 */
		{64, {0xd9, 0x18}},             /* fstp dword [rax] */
		{64, {0x50}},                   /* push */
		{32, {0x50}},                   /* push */
		{64, {0x8f, 0x07}},             /* pop qword [rdi] */
		{64, {0x6d}},                   /* insd */
		{64, {0x0f, 0x94, 0x00}},       /* sete */
		{64, {0x88, 0x20}},             /* mov [rax], ah */
		{64, {0x8c, 0x18}},             /* mov [rax], ds */
		{64, {0xc7, 0xf8, 0, 0, 0, 0}}, /* xbegin */
		{64, {0x0f, 0x0b}},             /* ud2 */
		{64, {0x06}},                   /* nothing at all */
		{64, {0x39, 0x08}},             /* cmp: it writes nothing */
	};
	struct store s;

	for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
		if (store_decode(bad[i].code, BYTES, bad[i].mode, &s))
			fail_msg("row %u is taken for a store", i);
	assert_false(store_decode(samples[0].code, 3, 64, &s)); /* cut off */
	assert_false(store_decode(samples[0].code, 0, 64, &s));
}

/* Bytes that begin like a usual store, and any others. */
static void fill(uint8_t code[BYTES], unsigned round)
{
	unsigned at = 0;

	for (unsigned i = 0; i < BYTES; i++)
		code[i] = (uint8_t)(rand() >> 7);
	if (round & 1)
		code[at++] = (uint8_t)(0x40 | (rand() >> 7 & 0xf));
	if (round & 2)
		code[at] = round & 4 ? OPCODE_MOV_IMMEDIATE : OPCODE_MOV_REGISTER;
	if (round & 8)
		code[at + 1] &= 0xc7;
}

static void agrees_with_zydis(void **state)
{
	unsigned taken = 0;

	srand(4);
	for (unsigned round = 0; round < ROUNDS; round++) {
		uint8_t code[BYTES];
		unsigned mode = round & 16 ? 64 : 32;
		struct store quick, full;

		fill(code, round);
		if (!decode_usual(code, BYTES, mode, &quick))
			continue;
		taken++;
		if (!decode_any(code, BYTES, mode, &full) || !same(&quick, &full))
			fail_msg("mode %u: %02x %02x %02x %02x %02x: lengths %u and %u", mode, code[0],
				code[1], code[2], code[3], code[4], quick.length, full.length);
	}
	assert_in_range(taken, ROUNDS / 10, ROUNDS);
}

/* The results by the manual (SDM vol. 2), with CF and ZF; the caller's other flags do not change. */
static void operations(void **state)
{
	enum {
		CF = 1,
		ZF = 0x40,
		IF = 0x200
	};
	static const struct {
		enum store_kind kind;
		struct store_values before, after;
	} rows[] = {
		/* value, operand, accumulator, flags, count */
		{STORE_MOV, {5, 9, 1, CF | IF, 0}, {9, 9, 1, CF | IF, 0}},
		{STORE_MOVBE, {5, 0x11223344, 1, ZF, 0}, {0x44332211, 0x11223344, 1, ZF, 0}},
		{STORE_XCHG, {5, ~0ull, 1, 0, 0}, {0xffffffff, 5, 1, 0, 0}},
		{STORE_XADD, {5, 0xffffffff0000000aull, 1, CF, 0}, {15, 5, 1, 0, 0}},
		{STORE_CMPXCHG, {5, 9, 0xff00000005ull, 0, 0}, {9, 9, 0xff00000005ull, ZF, 0}},
		{STORE_CMPXCHG, {5, 9, 0xff00000006ull, ZF, 0}, {5, 9, 5, 0, 0}},
		{STORE_ADC, {0xffffffff, 0, 1, CF, 0}, {0, 0, 1, CF | ZF, 0}},
		{STORE_SBB, {7, 6, 1, CF, 0}, {0, 6, 1, ZF, 0}},
		{STORE_INC, {0xffffffff, 6, 1, CF, 0}, {0, 6, 1, CF | ZF, 0}},
		{STORE_NOT, {0xffffffff, 6, 1, CF, 0}, {0, 6, 1, CF, 0}},
		{STORE_BTR, {8, 35, 1, 0, 0}, {0, 35, 1, CF, 0}},
		{STORE_RCL, {0, 6, 1, CF, 4}, {8, 6, 1, 0, 4}},
		{STORE_SHL, {0x80000001, 6, 1, CF, 1}, {2, 6, 1, CF, 1}},
		{STORE_SHLD, {0x12345678, 0xf0000000, 1, 0, 8}, {0x345678f0, 0xf0000000, 1, 0, 8}},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct store_values v = rows[i].before;
		const struct store_values *is = &rows[i].after;

		store_operate(rows[i].kind, &v);
		if ((uint32_t)v.value != is->value || v.operand != is->operand ||
			v.accumulator != is->accumulator ||
			(v.flags & (CF | IF)) != (is->flags & (CF | IF)) ||
			(rows[i].kind != STORE_BTR && (v.flags & ZF) != (is->flags & ZF)))
			fail_msg("row %u: value %lx operand %lx accumulator %lx flags %lx", i, v.value,
				v.operand, v.accumulator, v.flags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(refused),
		cmocka_unit_test(agrees_with_zydis),
		cmocka_unit_test(operations),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
