#include "exit/store.h"
#include <Zydis/Zydis.h>

#define OPCODE_MOV_REGISTER  0x89
#define OPCODE_MOV_IMMEDIATE 0xc7
#define IS_REX(byte)         (((byte)&0xf0) == 0x40)
#define REX_W                8
#define REX_R                4
#define MODRM_MOD(m)         ((m) >> 6)
#define MODRM_REG(m)         ((m) >> 3 & 7)
#define MODRM_RM(m)          ((m)&7)
#define RM_SIB               4
#define RM_DISP32            5 /* with mod 0, as the base of a SIB too */
#define REG_SP               4

/* Bytes of ModRM, SIB and displacement; 0 for a register operand. SDM vol. 2A tables 2-2 and 2-3. Reads two
 * bytes. */
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
 * MOV of 32 bits from a register or an immediate: what compilers make of a store to a register of the APIC.
 * Returns false for all else, the rare forms of the same included.
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
	*out = (struct store){.kind = STORE_MOV, .size = 4, .from_register = *at == OPCODE_MOV_REGISTER};
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

static bool kind_of(ZydisMnemonic mnemonic, enum store_kind *kind)
{
	switch (mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		*kind = STORE_MOV;
		return true;
	case ZYDIS_MNEMONIC_XCHG:
		*kind = STORE_XCHG;
		return true;
	case ZYDIS_MNEMONIC_AND:
		*kind = STORE_AND;
		return true;
	case ZYDIS_MNEMONIC_OR:
		*kind = STORE_OR;
		return true;
	case ZYDIS_MNEMONIC_XOR:
		*kind = STORE_XOR;
		return true;
	default:
		return false;
	}
}

/* The high bytes AH to BH have no number of their own: they are refused. */
static bool take_operand(const ZydisDecodedOperand *op, struct store *out)
{
	int id;

	if (op->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		out->immediate = (uint32_t)op->imm.value.u;
		return true;
	}
	if (op->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		(op->reg.value >= ZYDIS_REGISTER_AH && op->reg.value <= ZYDIS_REGISTER_BH))
		return false;
	switch (ZydisRegisterGetClass(op->reg.value)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		break;
	default:
		return false;
	}
	id = ZydisRegisterGetId(ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, op->reg.value));
	out->from_register = true;
	out->reg = (uint8_t)id;
	return id >= 0 && id < 16;
}

static ZyanStatus init(ZydisDecoder *decoder, unsigned mode)
{
	if (mode == 64)
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (mode == 32)
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
	return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
}

static bool decode_any(const uint8_t *code, unsigned length, unsigned mode, struct store *out)
{
	ZydisDecoder decoder;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	unsigned memory;

	if (!ZYAN_SUCCESS(init(&decoder, mode)) ||
		!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, code, length, &insn, op)))
		return false;
	*out = (struct store){.length = insn.length};
	if (!kind_of(insn.mnemonic, &out->kind) || insn.operand_count_visible != 2)
		return false;
	memory = op[0].type == ZYDIS_OPERAND_TYPE_MEMORY ? 0 : 1; /* XCHG has it on either side */
	if (op[memory].type != ZYDIS_OPERAND_TYPE_MEMORY ||
		!(op[memory].actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
		return false;
	out->size = (uint8_t)(op[memory].size / 8);
	return out->size <= 8 && take_operand(&op[!memory], out);
}

bool store_decode(const uint8_t *code, unsigned length, unsigned mode, struct store *out)
{
	return decode_usual(code, length, mode, out) || decode_any(code, length, mode, out);
}
