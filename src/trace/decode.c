// SPDX-License-Identifier: MIT
#include <stdatomic.h>
#include <stddef.h>
#include <Zydis/Zydis.h>
#include "trace/decode.h"
#include "lib/array.h"
#include "trace/zydis_mode.h"

/* The state of one decode. */
struct context {
	const struct trap_record *r;
	struct decoded *d;
	ZydisDecodedInstruction insn;
	ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
	ZydisRegister listed[DECODE_REGS_MAX]; /* the registers in d->reg[] */
};

static uint64_t low_bits(uint64_t value, unsigned bits)
{
	return bits < 64 ? value & ((1ULL << bits) - 1) : value;
}

static bool is_high_byte(ZydisRegister reg)
{
	return reg >= ZYDIS_REGISTER_AH && reg <= ZYDIS_REGISTER_BH;
}

static ZydisRegister largest(ZydisRegister reg)
{
	return ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
}

static unsigned reg_width(ZydisRegister reg)
{
	return ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg);
}

static bool gpr_value(const struct trap_record *r, ZydisRegister reg, uint64_t *value)
{
	bool whole = ZydisRegisterGetClass(reg) == ZYDIS_REGCLASS_GPR64;
	int id = ZydisRegisterGetId(whole ? reg : largest(reg));

	if (id < 0 || id >= TRAP_GPRS)
		return false;
	*value = r->gpr[id];
	if (whole)
		return true;
	if (is_high_byte(reg))
		*value >>= 8;
	*value = low_bits(*value, reg_width(reg));
	return true;
}

static bool control_value(const struct trap_record *r, ZydisRegister reg, uint64_t *value)
{
	switch (reg) {
	case ZYDIS_REGISTER_CR0:
		*value = r->cr0;
		return true;
	case ZYDIS_REGISTER_CR3:
		*value = r->cr3;
		return true;
	case ZYDIS_REGISTER_CR4:
		*value = r->cr4;
		return true;
	default: /* CR2 may already hold the address of this fault */
		return false;
	}
}

/* The value of a register in the record; false if the record does not hold it. */
static bool reg_value(const struct trap_record *r, ZydisRegister reg, uint64_t *value)
{
	switch (ZydisRegisterGetClass(reg)) {
	case ZYDIS_REGCLASS_GPR8:
	case ZYDIS_REGCLASS_GPR16:
	case ZYDIS_REGCLASS_GPR32:
	case ZYDIS_REGCLASS_GPR64:
		return gpr_value(r, reg, value);
	case ZYDIS_REGCLASS_CONTROL:
		return control_value(r, reg, value);
	default:
		return false;
	}
}

/* Whether one register is the other or its low part: ECX is listed once, but AH is not AL. */
static bool same_reg(ZydisRegister a, ZydisRegister b)
{
	return a == b || (largest(a) && largest(a) == largest(b) && !is_high_byte(a) && !is_high_byte(b));
}

/* The index in d->reg[] of the register, or of a low part of it; d->regs if it is not listed. */
static unsigned find_reg(const struct context *c, ZydisRegister reg)
{
	unsigned i;

	for (i = 0; i < c->d->regs; i++)
		if (same_reg(c->listed[i], reg))
			break;
	return i;
}

/* Adds a register that is read, or widens the listed part of it. */
static void add_reg(struct context *c, ZydisRegister reg)
{
	unsigned i = find_reg(c, reg);
	uint64_t value;

	if (i == DECODE_REGS_MAX || !reg_value(c->r, reg, &value))
		return;
	if (i < c->d->regs && reg_width(reg) <= reg_width(c->listed[i]))
		return;
	c->listed[i] = reg;
	c->d->reg[i] = (struct decoded_reg){ZydisRegisterGetString(reg), value, false};
	if (i == c->d->regs)
		c->d->regs++;
}

static bool is_read(const ZydisDecodedOperand *op)
{
	return op->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
}

static bool is_hidden(const ZydisDecodedOperand *op)
{
	return op->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN;
}

/* XLAT adds AL to its address (SDM vol. 2D); Zydis 4.0 omits that. */
static ZydisRegister index_register(const struct context *c, const ZydisDecodedOperand *op)
{
	return c->insn.mnemonic == ZYDIS_MNEMONIC_XLAT ? ZYDIS_REGISTER_AL : op->mem.index;
}

static unsigned index_scale(const struct context *c, const ZydisDecodedOperand *op)
{
	return c->insn.mnemonic == ZYDIS_MNEMONIC_XLAT ? 1 : op->mem.scale;
}

static void add_address_regs(struct context *c, const ZydisDecodedOperand *op)
{
	add_reg(c, op->mem.base);
	add_reg(c, index_register(c, op));
}

/* Registers in the instruction's text come first, then those that only the manual names. */
static void collect_regs(struct context *c, bool hidden)
{
	for (unsigned i = 0; i < c->insn.operand_count; i++) {
		const ZydisDecodedOperand *op = &c->op[i];

		if (is_hidden(op) != hidden)
			continue;
		if (op->type == ZYDIS_OPERAND_TYPE_REGISTER && is_read(op))
			add_reg(c, op->reg.value);
		else if (op->type == ZYDIS_OPERAND_TYPE_MEMORY)
			add_address_regs(c, op);
	}
}

/* The number of the MSR comes first, because the reader looks for it. */
static void collect_msr(struct context *c)
{
	if (c->insn.mnemonic != ZYDIS_MNEMONIC_RDMSR && c->insn.mnemonic != ZYDIS_MNEMONIC_WRMSR)
		return;
	add_reg(c, ZYDIS_REGISTER_ECX);
	c->d->reg[0].is_msr = true;
}

/* SDM vol. 3A 3.4.4: in 64-bit mode only FS and GS have a base. A watch's record holds values in their place. */
static bool segment_base(const struct trap_record *r, ZydisRegister segment, uint64_t *base)
{
	bool flat = r->mode == 64, has_fs_gs = r->type != TRAP_TYPE_WATCH;

	switch (segment) {
	case ZYDIS_REGISTER_CS:
		*base = flat ? 0 : r->cs_base;
		return true;
	case ZYDIS_REGISTER_SS:
		*base = flat ? 0 : r->ss_base;
		return true;
	case ZYDIS_REGISTER_DS:
		*base = flat ? 0 : r->ds_base;
		return true;
	case ZYDIS_REGISTER_ES:
		*base = flat ? 0 : r->es_base;
		return true;
	case ZYDIS_REGISTER_FS:
		*base = r->fs_base;
		return has_fs_gs;
	case ZYDIS_REGISTER_GS:
		*base = r->gs_base;
		return has_fs_gs;
	default:
		return false;
	}
}

/* The value of a base or index register, for rip that of the next instruction; 0 for none. */
static bool address_part(const struct context *c, ZydisRegister reg, uint64_t *value)
{
	*value = 0;
	if (reg == ZYDIS_REGISTER_NONE)
		return true;
	if (reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP) {
		*value = c->r->rip + c->insn.length;
		return true;
	}
	return reg_value(c->r, reg, value);
}

static bool is_stack_pointer(ZydisRegister reg)
{
	return largest(reg) == ZYDIS_REGISTER_RSP;
}

static bool is_hidden_stack(const ZydisDecodedOperand *op)
{
	return is_hidden(op) && is_stack_pointer(op->mem.base);
}

/*
 * Whether the instruction stores one word below the stack pointer, as PUSH and near CALL do. PUSHA, ENTER, far CALL and INT n
 * store several.
 */
static bool stores_one_word(const ZydisDecodedInstruction *insn)
{
	if (insn->meta.category == ZYDIS_CATEGORY_CALL)
		return insn->meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR;
	return insn->meta.category == ZYDIS_CATEGORY_PUSH && insn->mnemonic != ZYDIS_MNEMONIC_PUSHA &&
	       insn->mnemonic != ZYDIS_MNEMONIC_PUSHAD;
}

/*
 * The change of the stack pointer, in bytes, that the instruction makes before it addresses memory through it.
 * Returns false if that is not known.
 */
static bool stack_adjustment(const struct context *c, const ZydisDecodedOperand *op, uint64_t *adjust)
{
	*adjust = 0;
	if (is_hidden_stack(op)) {
		if (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			*adjust = 0 - (uint64_t)(op->size / 8);
		return !*adjust || stores_one_word(&c->insn);
	}
	/* SDM vol. 2B POP: an address that is based on ESP is computed after the increment. */
	if (c->insn.mnemonic == ZYDIS_MNEMONIC_POP && is_stack_pointer(op->mem.base))
		*adjust = op->size / 8;
	return true;
}

/*
 * Whether the operand's formula is only a part of the address. BT, BTS, BTR and BTC with a register add the bit's
 * offset (SDM vol. 2A 3.1.1.9 "Bit(BitBase, BitOffset)"); AMX uses the index as the distance of the rows
 * (SDM vol. 1 18.3).
 */
static bool formula_is_short(const struct context *c)
{
	switch (c->insn.mnemonic) {
	case ZYDIS_MNEMONIC_BT:
	case ZYDIS_MNEMONIC_BTS:
	case ZYDIS_MNEMONIC_BTR:
	case ZYDIS_MNEMONIC_BTC:
		return c->op[1].type == ZYDIS_OPERAND_TYPE_REGISTER;
	case ZYDIS_MNEMONIC_TILELOADD:
	case ZYDIS_MNEMONIC_TILELOADDT1:
	case ZYDIS_MNEMONIC_TILESTORED:
		return true;
	default:
		return false;
	}
}

/*
 * SDM vol. 1 3.7.5: base + index * scale + displacement, cut to the address size, plus the segment's
 * base.
 */
static bool linear_address(const struct context *c, const ZydisDecodedOperand *op, uint64_t *linear)
{
	unsigned width = is_hidden_stack(op) ? c->insn.stack_width : c->insn.address_width;
	uint64_t base, index, segment, adjust;

	if (op->mem.type != ZYDIS_MEMOP_TYPE_MEM || formula_is_short(c))
		return false;
	if (!address_part(c, op->mem.base, &base) || !address_part(c, index_register(c, op), &index) ||
		!segment_base(c->r, op->mem.segment, &segment) || !stack_adjustment(c, op, &adjust))
		return false;
	*linear = base + index * index_scale(c, op) + (uint64_t)op->mem.disp.value + adjust;
	*linear = low_bits(*linear, width) + segment;
	if (c->r->mode != 64)
		*linear = (uint32_t)*linear;
	return true;
}

/* Visible operands first: for `push [rax]` the operand at rax matters, and the stack write after it is dropped. */
static void collect_mems(struct context *c)
{
	for (int hidden = 0; hidden < 2 && !c->d->mems; hidden++)
		for (unsigned i = 0; i < c->insn.operand_count && c->d->mems < DECODE_MEMS_MAX; i++) {
			const ZydisDecodedOperand *op = &c->op[i];

			if (op->type == ZYDIS_OPERAND_TYPE_MEMORY && is_hidden(op) == (hidden == 1))
				c->d->mems += linear_address(c, op, &c->d->mem[c->d->mems]);
		}
}

static void init_formatter(ZydisFormatter *f)
{
	static const ZydisFormatterProperty padded[] = {ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE,
		ZYDIS_FORMATTER_PROP_ADDR_PADDING_RELATIVE, ZYDIS_FORMATTER_PROP_DISP_PADDING,
		ZYDIS_FORMATTER_PROP_IMM_PADDING};

	ZydisFormatterInit(f, ZYDIS_FORMATTER_STYLE_INTEL);
	ZydisFormatterSetProperty(f, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
	ZydisFormatterSetProperty(f, ZYDIS_FORMATTER_PROP_FORCE_SIZE, ZYAN_TRUE);
	for (unsigned i = 0; i < ARRAY_SIZE(padded); i++)
		ZydisFormatterSetProperty(f, padded[i], ZYDIS_PADDING_DISABLED);
}

/* The same for every line, so it is made once. A CPU that comes while another one makes it makes its own. */
static const ZydisFormatter *the_formatter(ZydisFormatter *own)
{
	enum {
		NONE,
		UNDER_WAY,
		READY
	};
	static ZydisFormatter shared;
	static _Atomic int state = NONE;
	int none = NONE;

	if (atomic_load_explicit(&state, memory_order_acquire) == READY)
		return &shared;
	if (!atomic_compare_exchange_strong(&state, &none, UNDER_WAY)) {
		init_formatter(own);
		return own;
	}
	init_formatter(&shared);
	atomic_store_explicit(&state, READY, memory_order_release);
	return &shared;
}

static void write_text(struct context *c)
{
	ZydisFormatter own;

	if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(the_formatter(&own), &c->insn, c->op,
		    c->insn.operand_count_visible, c->d->text, sizeof(c->d->text), c->r->rip, NULL)))
		c->d->text[0] = '\0';
}

static enum decode_result failure(const struct trap_record *r, ZyanStatus status)
{
	/* All 15 bytes are there and the instruction is still incomplete: too long for any CPU. */
	if (status == ZYDIS_STATUS_NO_MORE_DATA && r->code_len < TRAP_CODE_MAX)
		return DECODE_NONE;
	return DECODE_BAD;
}

enum decode_result decode(const struct trap_record *r, struct decoded *d)
{
	struct context c; /* Zydis fills in the rest, as far as it is read */
	unsigned available = decode_code_length(r);
	ZydisDecoder decoder;
	ZyanStatus status;

	c.r = r;
	c.d = d;
	d->text[0] = '\0';
	d->length = d->regs = d->mems = 0;
	if (!available || !ZYAN_SUCCESS(zydis_init_mode(&decoder, r->mode, r->stack32 ? 32 : 16)))
		return DECODE_NONE;
	status = ZydisDecoderDecodeFull(&decoder, r->code, available, &c.insn, c.op);
	if (!ZYAN_SUCCESS(status))
		return failure(r, status);
	d->length = c.insn.length;
	write_text(&c);
	collect_msr(&c);
	collect_regs(&c, false);
	collect_regs(&c, true);
	collect_mems(&c);
	return DECODE_OK;
}
