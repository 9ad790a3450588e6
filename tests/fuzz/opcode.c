// SPDX-License-Identifier: MIT
/*
 * libFuzzer: the instruction that the bytes are, and its length, against Zydis. If opcode_find() finds an instruction, Zydis
 * names the same; if Zydis names an instruction of the list, it is found. Nothing reads beyond the bytes.
 */
#include <trapline/record.h>
#include "input.h"
#include <Zydis/Zydis.h>
#include "guest/opcode.h"
#include "trace/zydis_mode.h"

#define ZYDIS_MNEMONIC_MOV_CR ZYDIS_MNEMONIC_MOV
#define X(name, more, ...)    [OPCODE_##name] = ZYDIS_MNEMONIC_##name,
static const ZydisMnemonic mnemonics[OPCODE_COUNT] = {OPCODES(X)};
#undef X

static bool decode(const uint8_t *code, unsigned length, unsigned mode, ZydisDecodedInstruction *insn)
{
	ZydisDecoder decoder;

	return ZYAN_SUCCESS(zydis_init_mode(&decoder, mode, mode)) &&
	       ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code, length, insn));
}

/* MOV has many opcodes, of which one is in the list. */
static enum opcode listed(const ZydisDecodedInstruction *insn)
{
	if (insn->mnemonic == ZYDIS_MNEMONIC_MOV)
		return insn->opcode_map == ZYDIS_OPCODE_MAP_0F && insn->opcode == 0x22 ? OPCODE_MOV_CR
										       : OPCODE_NONE;
	for (unsigned n = 0; n < OPCODE_COUNT; n++)
		if (mnemonics[n] == insn->mnemonic)
			return n;
	return OPCODE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t modes[] = {64, 32, 16};
	struct found_opcode found;
	ZydisDecodedInstruction insn;
	enum opcode opcode;
	unsigned mode, length;
	uint8_t *code;
	bool decoded;

	input_begin(data, size);
	mode = modes[take8() % 3];
	length = input_left < TRAP_CODE_MAX ? (unsigned)input_left : TRAP_CODE_MAX;
	code = malloc(length + !length); /* of exactly this size, so that one byte more is caught */
	assert(code);
	take(code, length);
	opcode = opcode_find(code, length, mode, &found);
	decoded = decode(code, length, mode, &insn);
	if (opcode != OPCODE_NONE)
		assert(found.opcode == opcode && found.length && found.length <= length &&
			found.length >= opcode_length(opcode));
	if (decoded && listed(&insn) != OPCODE_NONE)
		assert(opcode == listed(&insn) && found.length == insn.length);
	if (decoded && opcode != OPCODE_NONE)
		assert(insn.mnemonic == mnemonics[opcode]);
	if (decoded && opcode == OPCODE_INT)
		assert(found.byte == insn.raw.imm[0].value.u);
	if (decoded && opcode == OPCODE_MOV_CR)
		assert((found.byte >> 3 & 7) == insn.raw.modrm.reg && (found.byte & 7) == insn.raw.modrm.rm &&
			(found.rex & 1) == insn.raw.rex.B);
	free(code);
	return 0;
}
