// SPDX-License-Identifier: MIT
#include "guest/store.h"
#include <Zydis/Zydis.h>
#include "hw/x86.h"
#include "trace/zydis_mode.h"

#define OPCODE_MOV_REGISTER  0x89
#define OPCODE_MOV_IMMEDIATE 0xc7
#define IS_REX(byte)         (((byte)&0xf0) == 0x40)
#define REX_W                8
#define REX_R                4
#define MODRM_MOD(m)         ((m) >> 6)
#define MODRM_REG(m)         ((m) >> 3 & 7)
#define MODRM_RM(m)          ((m)&7)
#define RM_SIB               4
#define RM_DISP32            5 /* with mod 0; also as the base of a SIB */
#define REG_SP               4

/*
 * The length of ModRM, SIB and displacement; 0 for a register operand. SDM vol. 2A tables 2-2 and 2-3. Reads two
 * bytes.
 */
static unsigned address_length(const uint8_t *modrm)
{
	unsigned mod = MODRM_MOD(*modrm), rm = MODRM_RM(*modrm), sib = rm == RM_SIB;

	if (mod == 3)
		return 0;
	if (mod == 0) {
		bool disp32 = sib ? MODRM_RM(modrm[1]) == RM_DISP32 : rm == RM_DISP32;

		return 1 + sib + (disp32 ? 4 : 0);
	}
	return 1 + sib + (mod == 1 ? 1 : 4);
}

static uint32_t load32(const uint8_t *at)
{
	uint32_t v;

	__builtin_memcpy(&v, at, sizeof(v));
	return v;
}

/*
 * Decodes a MOV of 32 bits from a register or an immediate, which compilers use to store to a register of the APIC.
 * Returns false for everything else, including rare encodings of the same.
 */
static bool decode_usual(const uint8_t *code, unsigned length, unsigned mode, struct store *out)
{
	const uint8_t *at = code;
	uint8_t rex = 0;
	unsigned address;

	if (length < 15 || mode == 16)
		return false;
	if (mode == 64 && IS_REX(*at))
		rex = *at++;
	if ((*at != OPCODE_MOV_REGISTER && *at != OPCODE_MOV_IMMEDIATE) || (rex & REX_W))
		return false;
	address = address_length(at + 1);
	if (!address)
		return false;
	*out = (struct store){.kind = STORE_MOV, .from_register = *at == OPCODE_MOV_REGISTER};
	out->reg = (uint8_t)(MODRM_REG(at[1]) | (rex & REX_R ? 8 : 0));
	out->length = (uint8_t)(at + 1 - code + address);
	if (out->from_register)
		return true;
	if (MODRM_REG(at[1])) /* C7 /0 is MOV, /7 XBEGIN */
		return false;
	out->immediate = load32(code + out->length);
	out->length = (uint8_t)(out->length + 4);
	return true;
}

#define X(name, code)                                                                                        \
	case ZYDIS_MNEMONIC_##name:                                                                          \
		*kind = STORE_##name;                                                                        \
		return true;
static bool kind_of(ZydisMnemonic mnemonic, uint8_t *kind)
{
	switch (mnemonic) {
		STORE_OPERATIONS(X)
	default:
		return false;
	}
}
#undef X

static bool take_register(ZydisRegister reg, struct store *out)
{
	int id = ZydisRegisterGetId(reg);

	if (reg == ZYDIS_REGISTER_CL) {
		out->count = STORE_BY_CL;
		return true;
	}
	out->from_register = true;
	out->reg = (uint8_t)id;
	return ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR32 && id >= 0 && id < 16;
}

/* Takes the source operand. MOVSD has one in memory. */
static bool take_operand(const ZydisDecodedOperand *op, struct store *out)
{
	switch (op->type) {
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		if (out->kind >= STORE_ROL)
			out->count = op->imm.value.u & 31;
		else
			out->immediate = (uint32_t)op->imm.value.u;
		return true;
	case ZYDIS_OPERAND_TYPE_REGISTER:
		return take_register(op->reg.value, out);
	case ZYDIS_OPERAND_TYPE_MEMORY:
		out->segment = (uint8_t)ZydisRegisterGetId(op->mem.segment);
		return out->kind == STORE_MOVSD;
	default:
		return false;
	}
}

/* Whether the operand is the 32 bits in memory that are written; XCHG may have it on either side. */
static bool is_stored(const ZydisDecodedOperand *op)
{
	return op->type == ZYDIS_OPERAND_TYPE_MEMORY && (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
	       op->size == 32;
}

static bool is_string(const ZydisDecodedInstruction *insn)
{
	return insn->meta.category == ZYDIS_CATEGORY_STRINGOP;
}

/* The number of operands. Zydis hides implicit ones, and a string instruction's two operands are implicit and come first. */
static unsigned operands(const ZydisDecodedInstruction *insn)
{
	return is_string(insn) ? 2 : insn->operand_count_visible;
}

/* A string instruction is repeated by either prefix (SDM vol. 2B, REP). */
static void take_repeat(const ZydisDecodedInstruction *insn, struct store *out)
{
	out->width = insn->address_width;
	for (unsigned i = 0; i < insn->raw.prefix_count; i++)
		out->repeated |= (insn->raw.prefixes[i].value & 0xfe) == 0xf2;
}

static bool decode_any(const uint8_t *code, unsigned length, unsigned mode, struct store *out)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	unsigned stored = 0;

	if (!ZYAN_SUCCESS(zydis_init_mode(&decoder, mode, mode)) ||
		!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, length, &insn, op)))
		return false;
	*out = (struct store){.length = insn.length};
	if (!kind_of(insn.mnemonic, &out->kind))
		return false;
	for (unsigned i = 0; i < operands(&insn); i++) {
		bool is = is_stored(&op[i]);

		stored += is;
		if (!is && !take_operand(&op[i], out))
			return false;
	}
	if (is_string(&insn))
		take_repeat(&insn, out);
	return stored == 1;
}

bool store_decode(const uint8_t *code, unsigned length, unsigned mode, struct store *out)
{
	return decode_usual(code, length, mode, out) || decode_any(code, length, mode, out);
}

/* Executes the instruction itself with the guest's flags, so undefined flags are those of this CPU. */
#define X(name, code)                                                                                        \
	case STORE_##name:                                                                                   \
		__asm__("push %[flags]; popfq; " code "; pushfq; pop %[flags]"                               \
			: [value] "+r"(v->value), [operand] "+r"(v->operand),                                \
			"+a"(v->accumulator), [flags] "+r"(flags)                                            \
			: "c"(v->count)                                                                      \
			: "cc", "memory");                                                                   \
		break;
void store_operate(enum store_kind kind, struct store_values *v)
{
	uint64_t flags;

	__asm__ volatile("pushfq; pop %0" : "=r"(flags) : : "memory");
	flags = (flags & ~RFLAGS_STATUS) | (v->flags & RFLAGS_STATUS);
	switch (kind) {
		STORE_OPERATIONS(X)
	default:
		break;
	}
	v->flags = (v->flags & ~RFLAGS_STATUS) | (flags & RFLAGS_STATUS);
}
#undef X
