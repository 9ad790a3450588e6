// SPDX-License-Identifier: MIT
/*
 * libFuzzer: stores that the VMM carries out, from any bytes. If the fast decoder accepts an instruction, its result must be
 * that of Zydis; and nothing reads beyond the bytes. The source
 * is included, because the fast decoder is static.
 */
#include "input.h"
#include "cpu/cpu.h"
#include "guest/store.c"

static unsigned mode;

static bool same(const struct store *a, const struct store *b)
{
	return a->kind == b->kind && a->length == b->length && a->from_register == b->from_register &&
	       (!a->from_register || a->reg == b->reg) && a->immediate == b->immediate &&
	       a->count == b->count && a->width == b->width && a->segment == b->segment &&
	       a->repeated == b->repeated;
}

/*
 * Zydis again, with another question: one operand of 32 bits in memory is written, and none belongs to the FPU,
 * MMX or SSE.
 */
static void check_against_zydis(const uint8_t *code, unsigned length, const struct store *s)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	unsigned written = 0;

	assert(ZYAN_SUCCESS(zydis_init_mode(&decoder, mode, mode)));
	assert(ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, length, &insn, op)));
	for (unsigned i = 0; i < insn.operand_count; i++) {
		written += op[i].type == ZYDIS_OPERAND_TYPE_MEMORY && op[i].size == 32 &&
			   (op[i].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE);
		if (op[i].type == ZYDIS_OPERAND_TYPE_REGISTER)
			assert(ZydisRegisterGetClass(op[i].reg.value) < ZYDIS_REGCLASS_X87 ||
				ZydisRegisterGetClass(op[i].reg.value) > ZYDIS_REGCLASS_ZMM);
	}
	assert(written == 1 && s->length == insn.length);
	assert(s->repeated == !!(insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
							   ZYDIS_ATTRIB_HAS_REPNE)));
}

static void check_store(const uint8_t *code, unsigned length)
{
	struct store s, by_hand, by_decoder;
	bool usual = decode_usual(code, length, mode, &by_hand);
	bool any = decode_any(code, length, mode, &by_decoder);

	assert(store_decode(code, length, mode, &s) == (usual || any));
	if (!usual && !any)
		return;
	assert(s.length && s.length <= length && s.length <= TRAP_CODE_MAX && s.reg < 16);
	assert(s.kind < STORE_KINDS && s.segment < SEG_LDTR && (s.count < 32 || s.count == STORE_BY_CL));
	assert((s.kind == STORE_STOSD || s.kind == STORE_MOVSD) == (s.width != 0));
	check_against_zydis(code, length, &s);
	if (usual)
		assert(any && same(&by_hand, &by_decoder));
}

/*
 * With register operands both execute the CPU's own instruction: it must neither fault nor change another
 * flag of the VMM's.
 */
static void check_operation(void)
{
	struct store_values v = {.value = take32(), .operand = take32(), .flags = take32(), .count = take8()};
	uint64_t flags = v.flags, status = RFLAGS_STATUS;

	store_operate(take8() % STORE_KINDS, &v);
	assert((v.flags & ~status) == (flags & ~status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t modes[] = {64, 32, 16};
	unsigned length;
	uint8_t *code;

	input_begin(data, size);
	mode = modes[take8() % 3];
	length = input_left < TRAP_CODE_MAX ? (unsigned)input_left : TRAP_CODE_MAX;
	code = malloc(length + !length); /* of exactly this size, so that one byte more is caught */
	assert(code);
	take(code, length);
	check_store(code, length);
	check_operation();
	free(code);
	return 0;
}
