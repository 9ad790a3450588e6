/*
 * Stores decoded by hand against Zydis: whatever the short way takes, the decoder must see the same in it.
 * Its source is included, since what it tries first is nobody else's business.
 */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "exit/store.c"

#define ROUNDS 300000
#define BYTES  15

struct sample {
	const char *what;
	unsigned mode;
	uint8_t code[BYTES];
	struct store is;
};

/* What compilers make of stores to the APIC, and the rest of what is understood. */
static const struct sample samples[] = {
	{"mov [rdi+0xb0], esi", 64, {0x89, 0xb7, 0xb0, 0, 0, 0}, {STORE_MOV, 6, 4, true, 6, 0}},
	{"mov [rax], r9d", 64, {0x44, 0x89, 0x08}, {STORE_MOV, 3, 4, true, 9, 0}},
	{"mov [rip+x], ecx", 64, {0x89, 0x0d, 1, 2, 3, 4}, {STORE_MOV, 6, 4, true, 1, 0}},
	{"mov [0xff5fc0b0], imm", 64, {0xc7, 0x04, 0x25, 0xb0, 0xc0, 0x5f, 0xff, 0x44, 0x33, 0x22, 0x11},
		{STORE_MOV, 11, 4, false, 0, 0x11223344}},
	{"mov [rsp+8], edi", 64, {0x89, 0x7c, 0x24, 8}, {STORE_MOV, 4, 4, true, 7, 0}},
	{"mov [r12+r13*4+x], r14d", 64, {0x47, 0x89, 0xb4, 0xac, 1, 2, 3, 4}, {STORE_MOV, 8, 4, true, 14, 0}},
	{"mov [eax], ecx", 64, {0x67, 0x89, 0x08}, {STORE_MOV, 3, 4, true, 1, 0}},
	{"mov [moffs], eax", 64, {0xa3, 0, 0, 0xe0, 0xfe, 0, 0, 0, 0}, {STORE_MOV, 9, 4, true, 0, 0}},
	{"mov [rax], rcx", 64, {0x48, 0x89, 0x08}, {STORE_MOV, 3, 8, true, 1, 0}},
	{"mov [rax], cx", 64, {0x66, 0x89, 0x08}, {STORE_MOV, 3, 2, true, 1, 0}},
	{"mov [rax], cl", 64, {0x88, 0x08}, {STORE_MOV, 2, 1, true, 1, 0}},
	{"xchg [rdi], esi", 64, {0x87, 0x37}, {STORE_XCHG, 2, 4, true, 6, 0}},
	{"and [rax], imm8", 64, {0x83, 0x20, 0xf0}, {STORE_AND, 3, 4, false, 0, 0xfffffff0}},
	{"or [rax], imm32", 64, {0x81, 0x08, 1, 0, 0, 0}, {STORE_OR, 6, 4, false, 0, 1}},
	{"xor [rax], edx", 64, {0x31, 0x10}, {STORE_XOR, 2, 4, true, 2, 0}},
	{"mov [ebx], eax", 32, {0x89, 0x03}, {STORE_MOV, 2, 4, true, 0, 0}},
	{"mov [moffs], eax", 32, {0xa3, 0, 0, 0xe0, 0xfe}, {STORE_MOV, 5, 4, true, 0, 0}},
	{"mov [esi], eax", 16, {0x67, 0x66, 0x89, 0x06}, {STORE_MOV, 4, 4, true, 0, 0}},
};

static void known(void **state)
{
	for (unsigned i = 0; i < COUNT(samples); i++) {
		const struct sample *s = &samples[i];
		struct store got;

		if (!store_decode(s->code, BYTES, s->mode, &got))
			fail_msg("%s: not understood", s->what);
		if (got.kind != s->is.kind || got.length != s->is.length || got.size != s->is.size ||
			got.from_register != s->is.from_register ||
			(got.from_register && got.reg != s->is.reg) ||
			(!got.from_register && got.immediate != s->is.immediate))
			fail_msg("%s: kind %d length %u size %u register %d %u immediate %x", s->what,
				got.kind, got.length, got.size, got.from_register, got.reg, got.immediate);
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
		{64, {0xf3, 0xab}},             /* rep stosd */
		{64, {0xa5}},                   /* movsd */
		{64, {0x50}},                   /* push */
		{64, {0xff, 0x00}},             /* inc */
		{64, {0x0f, 0xb1, 0x08}},       /* cmpxchg */
		{64, {0x88, 0x20}},             /* mov [rax], ah */
		{64, {0x8c, 0x18}},             /* mov [rax], ds */
		{64, {0xc7, 0xf8, 0, 0, 0, 0}}, /* xbegin */
		{64, {0x0f, 0x0b}},             /* ud2 */
		{64, {0x06}},                   /* nothing at all */
		{64, {0x39, 0x08}},             /* cmp: it writes nothing */
	};
	struct store s;

	for (unsigned i = 0; i < COUNT(bad); i++)
		if (store_decode(bad[i].code, BYTES, bad[i].mode, &s))
			fail_msg("row %u is taken for a store", i);
	assert_false(store_decode(samples[0].code, 3, 64, &s)); /* cut off */
	assert_false(store_decode(samples[0].code, 0, 64, &s));
}

static bool same(const struct store *a, const struct store *b)
{
	return a->kind == b->kind && a->length == b->length && a->size == b->size &&
	       a->from_register == b->from_register &&
	       (a->from_register ? a->reg == b->reg : a->immediate == b->immediate);
}

/* Bytes that begin as the short way likes them, and any others. */
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),
		cmocka_unit_test(refused),
		cmocka_unit_test(agrees_with_zydis),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
