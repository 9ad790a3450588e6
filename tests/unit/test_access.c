// SPDX-License-Identifier: MIT
/*
 * How many bytes an instruction accesses (guest/access.h), against Zydis: a size that is known is the size of each operand in memory,
 * and no operand is larger than the bound.
 */
#include <stdlib.h>
#include <Zydis/Zydis.h>
#include "unit.h"
#include "guest/access.h"

#define ROUNDS 400000
#define BYTES  15

static const struct sample {
	const char *what;
	unsigned mode;
	uint8_t code[BYTES];
	unsigned size;
	bool locked;
} samples[] = {
	{"mov [rdi], rax", 64, {0x48, 0x89, 0x07}, 8, false},
	{"mov byte [rdi+1], imm", 64, {0xc6, 0x47, 0x01, 0x33}, 1, false},
	{"add dword [rdi], imm", 64, {0x83, 0x07, 0x05}, 4, false},
	{"add word [bx], imm", 16, {0x83, 0x07, 0x05}, 2, false},
	{"xchg [rdi], rax", 64, {0x48, 0x87, 0x07}, 8, true},
	{"lock cmpxchg", 64, {0xf0, 0x48, 0x0f, 0xb1, 0x0f}, 8, true},
	{"lock cmpxchg16b", 64, {0xf0, 0x48, 0x0f, 0xc7, 0x0f}, 16, true},
	{"rep stosb", 64, {0xf3, 0xaa}, 1, false},
	{"movsq", 64, {0x48, 0xa5}, 8, false},
	{"push imm", 64, {0x68, 1, 2, 3, 4}, 8, false},
	{"push imm, 32", 32, {0x68, 1, 2, 3, 4}, 4, false},
	{"pushfq", 64, {0x9c}, 8, false},
	{"call", 64, {0xe8, 0, 0, 0, 0}, 8, false},
	{"call [rax]", 64, {0xff, 0x10}, 8, false},
	{"movups [rdi], xmm0", 64, {0x0f, 0x11, 0x07}, 16, false},
	{"movss [rdi], xmm0", 64, {0xf3, 0x0f, 0x11, 0x07}, 4, false},
	{"movntq [rdi], mm0", 64, {0x0f, 0xe7, 0x07}, 8, false},
	{"bts [rdi], imm", 64, {0x0f, 0xba, 0x2f, 0x09}, 4, false},
	{"setc [rdi]", 64, {0x0f, 0x92, 0x07}, 1, false},
	{"sidt [rdi]", 64, {0x0f, 0x01, 0x0f}, 0, false},
	{"fxsave [rdi]", 64, {0x0f, 0xae, 0x07}, 0, false},
	{"vmovdqu [rdi], ymm0", 64, {0xc5, 0xfe, 0x7f, 0x07}, 0, false},
};

static void knows_these(void **state)
{
	for (unsigned i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct access a = access_of(samples[i].code, BYTES, samples[i].mode);

		if (a.size != samples[i].size || a.locked != samples[i].locked)
			print_error("%s: %u %d\n", samples[i].what, a.size, a.locked);
		assert_int_equal(a.size, samples[i].size);
		assert_int_equal(a.locked, samples[i].locked);
	}
}

/* The operand's bytes. Gathers have several of an element each; far and system operands have the size of what they hold. */
static unsigned bytes_of(const ZydisDecodedOperand *o)
{
	return o->size / 8;
}

static bool is_memory(const ZydisDecodedInstruction *insn, const ZydisDecodedOperand *o)
{
	return insn->mnemonic != ZYDIS_MNEMONIC_UD0 && insn->mnemonic != ZYDIS_MNEMONIC_UD1 &&
	       o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.type != ZYDIS_MEMOP_TYPE_AGEN && o->actions &&
	       o->size;
}

static void show(const uint8_t *code, const char *name, unsigned mode, const struct access *a, unsigned bytes)
{
	for (unsigned i = 0; i < 8; i++)
		print_error("%02x ", code[i]);
	print_error("%s mode=%u size=%u bound=%u Zydis=%u\n", name, mode, a->size, a->bound, bytes);
}

static unsigned errors;

static unsigned compare(const ZydisDecoder *decoder, const uint8_t *code, unsigned mode)
{
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	struct access a = access_of(code, BYTES, mode);
	unsigned checked = 0;

	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(decoder, code, BYTES, &insn, op)))
		return 0;
	for (unsigned i = 0; i < insn.operand_count; i++) {
		unsigned bytes = bytes_of(&op[i]);

		if (!is_memory(&insn, &op[i]))
			continue;
		if ((a.size && a.size != bytes) || (!a.size && a.bound + a.below < bytes && a.bound < 4096)) {
			show(code, ZydisMnemonicGetString(insn.mnemonic), mode, &a, bytes);
			errors++;
		}
		checked++;
	}
	return checked;
}

static void agrees_with_zydis(void **state)
{
	static const struct {
		unsigned mode;
		ZydisMachineMode machine;
		ZydisStackWidth stack;
	} modes[] = {
		{16, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16},
		{32, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32},
		{64, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64},
	};
	unsigned checked = 0;

	srand(1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		ZydisDecoder decoder;
		uint8_t code[BYTES];

		for (unsigned j = 0; j < BYTES; j++)
			code[j] = (uint8_t)(rand() >> 8);
		if (i % 3 == 0)
			code[rand() % 3] = 0x0f;
		assert_true(
			ZYAN_SUCCESS(ZydisDecoderInit(&decoder, modes[i % 3].machine, modes[i % 3].stack)));
		checked += compare(&decoder, code, modes[i % 3].mode);
	}
	assert_true(checked > ROUNDS / 10);
	assert_int_equal(errors, 0);
}

static void reads_no_further(void **state)
{
	static const uint8_t prefixes[BYTES] = {
		0x66, 0xf0, 0x66, 0xf0, 0x66, 0xf0, 0x66, 0xf0, 0x66, 0xf0, 0x66, 0xf0, 0x66, 0xf0, 0x66};

	for (unsigned n = 0; n <= BYTES; n++)
		assert_int_equal(access_of(prefixes, n, 64).size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_these),
		cmocka_unit_test(agrees_with_zydis),
		cmocka_unit_test(reads_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
