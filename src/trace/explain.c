// SPDX-License-Identifier: MIT
#include "trace/explain.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "trace/vector.h"

#define INDEX_SHIFT 3 /* of the selector error code */

/* The CPU distinguishes fetches from reads only if execution can be forbidden, SDM vol. 3A 4.7; long mode implies PAE. */
static bool marks_fetches(const struct trap_record *r)
{
	return ((r->efer & EFER_NXE) && (r->cr4 & CR4_PAE)) || (r->cr4 & CR4_SMEP);
}

static const char *pf_access(const struct trap_record *r)
{
	uint32_t err = r->error_code;

	if (err & PF_SS)
		return err & PF_W ? "shadow-stack write to" : "shadow-stack read of";
	if (err & PF_I)
		return "instruction fetch from";
	if (err & PF_W)
		return "write to";
	return marks_fetches(r) ? "read of" : "read of or fetch from";
}

static const char *pf_page(uint32_t err)
{
	if (err & PF_RSVD)
		return "a page with a reserved bit set in its tables";
	return err & PF_P ? "a page that does not permit it" : "a page not present";
}

static void explain_pf(struct text *t, const struct trap_record *r)
{
	uint32_t err = r->error_code;

	text_add_string(t, pf_access(r));
	text_add_char(t, ' ');
	text_add_string(t, pf_page(err));
	text_add_string(t, err & PF_U ? ", from user mode" : ", from supervisor mode");
	/* The CPU accesses GDT, LDT, IDT and TSS as supervisor in any mode: SDM vol. 3A 4.6. */
	if (!(err & PF_U) && r->cpl == 3)
		text_add_string(t, " by the CPU itself");
	if (err & PF_PK)
		text_add_string(t, ", protection key");
	if (err & PF_HLAT)
		text_add_string(t, ", HLAT paging");
	if (err & PF_SGX)
		text_add_string(t, ", SGX");
	if (err & PF_RMP)
		text_add_string(t, ", RMP");
}

/* SDM vol. 3A 6.15 "Interrupt 21", APM vol. 2 8.4.3. */
static void explain_cp(struct text *t, const struct trap_record *r)
{
	static const char *const causes[] = {
		[1] = "RET does not match the shadow stack",
		[2] = "far RET or IRET does not match the shadow stack",
		[3] = "indirect branch to a place without ENDBRANCH",
		[4] = "RSTORSSP: bad shadow-stack token",
		[5] = "SETSSBSY: bad shadow-stack token",
	};
	uint32_t cause = r->error_code & 0x7fff;

	if (cause < ARRAY_SIZE(causes) && causes[cause])
		text_add_string(t, causes[cause]);
}

/* SDM vol. 3A table 2-2. If neither bit is set, it is AMX's XFD or a lazy emulator, and the record does not show which. */
static void explain_nm(struct text *t, const struct trap_record *r)
{
	if (r->cr0 & CR0_EM)
		text_add_string(t, "CR0.EM is set");
	else if (r->cr0 & CR0_TS)
		text_add_string(t, "CR0.TS is set");
}

/* SDM vol. 1 3.3.7.1: #GP(0), or #SS(0) through the stack segment. A fault during a delivery does not come from the instruction. */
static void explain_address(struct text *t, const struct trap_record *r, const struct decoded *insn)
{
	if (r->error_code || r->mode != 64 || (r->flags & TRAP_DURING))
		return;
	if (!decode_is_canonical(r, r->rip)) {
		text_add_string(t, "RIP not canonical");
		return;
	}
	if (!insn)
		return;
	for (unsigned i = 0; i < insn->mems; i++)
		if (!decode_is_canonical(r, insn->mem[i])) {
			text_add_string(t, "address not canonical");
			return;
		}
}

void explain_cause(struct text *t, const struct trap_record *r, const struct decoded *insn)
{
	if (r->type != TRAP_TYPE_EXCEPTION)
		return;
	switch (r->vector) {
	case VEC_NM:
		explain_nm(t, r);
		break;
	case VEC_SS:
	case VEC_GP:
		explain_address(t, r, insn);
		break;
	case VEC_PF:
		if (r->flags & TRAP_HAS_ERROR)
			explain_pf(t, r);
		break;
	case VEC_CP:
		if (r->flags & TRAP_HAS_ERROR)
			explain_cp(t, r);
		break;
	}
}

static bool has_selector(const struct trap_record *r)
{
	return (r->flags & TRAP_HAS_ERROR) && r->error_code && r->type == TRAP_TYPE_EXCEPTION &&
	       r->vector >= VEC_TS && r->vector <= VEC_GP;
}

void explain_selector(struct text *t, const struct trap_record *r)
{
	unsigned index = (r->error_code & 0xffff) >> INDEX_SHIFT;

	if (!has_selector(r))
		return;
	if (!(r->error_code & ~ERROR_EXT &
		    0xffff)) { /* a null error code: no selector was involved, SDM vol. 3A 6.13 */
		text_add_string(t, "ext");
		return;
	}
	if (r->error_code & ERROR_IDT) {
		text_add_string(t, "idt ");
		text_add_hex_padded(t, index, 2);
	} else {
		text_add_string(t, r->error_code & ERROR_TI ? "ldt " : "gdt ");
		text_add_hex_padded(t, index << INDEX_SHIFT, 4);
	}
	if (r->error_code & ERROR_EXT)
		text_add_string(t, " ext");
}

struct bit_name {
	uint32_t mask;
	const char *name;
};

#define X(reg, constant, bit, name, meaning) {1u << (bit), name},
static const struct bit_name dr6_bits[] = {DR6_BITS(X)};
/* These bits are valid only if the bits that always read 1 are set. */
static const struct bit_name dr6_inverted_bits[] = {DR6_INVERTED_BITS(X)};
#undef X

static void add_bits(struct text *t, const struct bit_name *bits, unsigned n, uint32_t set, unsigned *count)
{
	for (unsigned i = 0; i < n; i++)
		if (set & bits[i].mask) {
			text_add_string(t, (*count)++ ? "," : "(");
			text_add_string(t, bits[i].name);
		}
}

void explain_dr6(struct text *t, const struct trap_record *r)
{
	bool whole = (r->dr6 & DR6_ALWAYS_1) == DR6_ALWAYS_1;
	unsigned count = 0;

	if (!(r->flags & TRAP_HAS_DR6))
		return;
	text_add_hex(t, r->dr6);
	add_bits(t, dr6_bits, ARRAY_SIZE(dr6_bits), r->dr6, &count);
	add_bits(t, dr6_inverted_bits, ARRAY_SIZE(dr6_inverted_bits), whole ? ~r->dr6 : 0, &count);
	if (count)
		text_add_char(t, ')');
}
