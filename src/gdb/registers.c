// SPDX-License-Identifier: MIT
#include "gdb/registers.h"
#include "guest/insn.h"
#include "hw/vector_state.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/string.h"
#include "vendor.h"

enum kind {
	GENERAL, /* argument: enum trap_gpr */
	VALUE,   /* enum guest_register */
	CPL,
	SELECTOR, /* enum segment, as the next two */
	BASE,
	LIMIT,
	MSR,  /* row of msrs[] */
	X87,  /* offset in struct vector_state */
	TAGS, /* the x87's tag word */
	AVX   /* offset in struct vector_state */
};

static const uint32_t msrs[] = {MSR_KERNEL_GS_BASE, MSR_LSTAR};

#define AT(member) offsetof(struct vector_state, member)

/* A feature begins at its first register. X(feature) and X(name, bytes, kind, argument, type) */
/* clang-format off */
#define SELECTORS_AND_X87(X)                                                                                 \
	X("eflags", 4, VALUE, GUEST_RFLAGS, "i386_eflags")                                                   \
	X("cs", 4, SELECTOR, SEG_CS, "int32")                                                                \
	X("ss", 4, SELECTOR, SEG_SS, "int32")                                                                \
	X("ds", 4, SELECTOR, SEG_DS, "int32")                                                                \
	X("es", 4, SELECTOR, SEG_ES, "int32")                                                                \
	X("fs", 4, SELECTOR, SEG_FS, "int32")                                                                \
	X("gs", 4, SELECTOR, SEG_GS, "int32")                                                                \
	X("st0", 10, X87, AT(st[0]), "i387_ext")                                                             \
	X("st1", 10, X87, AT(st[1]), "i387_ext")                                                             \
	X("st2", 10, X87, AT(st[2]), "i387_ext")                                                             \
	X("st3", 10, X87, AT(st[3]), "i387_ext")                                                             \
	X("st4", 10, X87, AT(st[4]), "i387_ext")                                                             \
	X("st5", 10, X87, AT(st[5]), "i387_ext")                                                             \
	X("st6", 10, X87, AT(st[6]), "i387_ext")                                                             \
	X("st7", 10, X87, AT(st[7]), "i387_ext")                                                             \
	X("fctrl", 4, X87, AT(control), "int")                                                               \
	X("fstat", 4, X87, AT(status), "int")                                                                \
	X("ftag", 4, TAGS, 0, "int")                                                                         \
	X("fiseg", 4, X87, AT(cs), "int")                                                                    \
	X("fioff", 4, X87, AT(ip), "int")                                                                    \
	X("foseg", 4, X87, AT(ds), "int")                                                                    \
	X("fooff", 4, X87, AT(data), "int")                                                                  \
	X("fop", 4, X87, AT(opcode), "int")

#define XMM_LOW(X)                                                                                           \
	X("xmm0", 16, X87, AT(xmm[0]), "vec128")                                                             \
	X("xmm1", 16, X87, AT(xmm[1]), "vec128")                                                             \
	X("xmm2", 16, X87, AT(xmm[2]), "vec128")                                                             \
	X("xmm3", 16, X87, AT(xmm[3]), "vec128")                                                             \
	X("xmm4", 16, X87, AT(xmm[4]), "vec128")                                                             \
	X("xmm5", 16, X87, AT(xmm[5]), "vec128")                                                             \
	X("xmm6", 16, X87, AT(xmm[6]), "vec128")                                                             \
	X("xmm7", 16, X87, AT(xmm[7]), "vec128")

#define SYSTEM(F, X)                                                                                         \
	F("org.trapline.system")                                                                             \
	X("cs_base", 8, BASE, SEG_CS, "int64")                                                               \
	X("ss_base", 8, BASE, SEG_SS, "int64")                                                               \
	X("ds_base", 8, BASE, SEG_DS, "int64")                                                               \
	X("es_base", 8, BASE, SEG_ES, "int64")                                                               \
	X("k_gs_base", 8, MSR, 0, "int64")                                                                   \
	X("ldtr", 4, SELECTOR, SEG_LDTR, "int32")                                                            \
	X("ldtr_base", 8, BASE, SEG_LDTR, "int64")                                                           \
	X("tr", 4, SELECTOR, SEG_TR, "int32")                                                                \
	X("tr_base", 8, BASE, SEG_TR, "int64")                                                               \
	X("gdtr_base", 8, BASE, SEG_GDTR, "int64")                                                           \
	X("gdtr_limit", 4, LIMIT, SEG_GDTR, "int32")                                                         \
	X("idtr_base", 8, BASE, SEG_IDTR, "int64")                                                           \
	X("idtr_limit", 4, LIMIT, SEG_IDTR, "int32")                                                         \
	X("cr0", 8, VALUE, GUEST_CR0, "int64")                                                               \
	X("cr2", 8, VALUE, GUEST_CR2, "int64")                                                               \
	X("cr3", 8, VALUE, GUEST_CR3, "int64")                                                               \
	X("cr4", 8, VALUE, GUEST_CR4, "int64")                                                               \
	X("efer", 8, VALUE, GUEST_EFER, "int64")                                                             \
	X("dr6", 8, VALUE, GUEST_DR6, "int64")                                                               \
	X("dr7", 8, VALUE, GUEST_DR7, "int64")                                                               \
	X("code_mode", 4, VALUE, GUEST_CODE_MODE, "int32")                                                   \
	X("cpl", 4, CPL, 0, "int32")

#define REGISTERS_64(F, X)                                                                                   \
	F("org.gnu.gdb.i386.core")                                                                           \
	X("rax", 8, GENERAL, TRAP_RAX, "int64")                                                              \
	X("rbx", 8, GENERAL, TRAP_RBX, "int64")                                                              \
	X("rcx", 8, GENERAL, TRAP_RCX, "int64")                                                              \
	X("rdx", 8, GENERAL, TRAP_RDX, "int64")                                                              \
	X("rsi", 8, GENERAL, TRAP_RSI, "int64")                                                              \
	X("rdi", 8, GENERAL, TRAP_RDI, "int64")                                                              \
	X("rbp", 8, GENERAL, TRAP_RBP, "data_ptr")                                                           \
	X("rsp", 8, VALUE, GUEST_RSP, "data_ptr")                                                            \
	X("r8", 8, GENERAL, TRAP_R8, "int64")                                                                \
	X("r9", 8, GENERAL, TRAP_R9, "int64")                                                                \
	X("r10", 8, GENERAL, TRAP_R10, "int64")                                                              \
	X("r11", 8, GENERAL, TRAP_R11, "int64")                                                              \
	X("r12", 8, GENERAL, TRAP_R12, "int64")                                                              \
	X("r13", 8, GENERAL, TRAP_R13, "int64")                                                              \
	X("r14", 8, GENERAL, TRAP_R14, "int64")                                                              \
	X("r15", 8, GENERAL, TRAP_R15, "int64")                                                              \
	X("rip", 8, VALUE, GUEST_RIP, "code_ptr")                                                            \
	SELECTORS_AND_X87(X)                                                                                 \
	F("org.gnu.gdb.i386.sse")                                                                            \
	XMM_LOW(X)                                                                                           \
	X("xmm8", 16, X87, AT(xmm[8]), "vec128")                                                             \
	X("xmm9", 16, X87, AT(xmm[9]), "vec128")                                                             \
	X("xmm10", 16, X87, AT(xmm[10]), "vec128")                                                           \
	X("xmm11", 16, X87, AT(xmm[11]), "vec128")                                                           \
	X("xmm12", 16, X87, AT(xmm[12]), "vec128")                                                           \
	X("xmm13", 16, X87, AT(xmm[13]), "vec128")                                                           \
	X("xmm14", 16, X87, AT(xmm[14]), "vec128")                                                           \
	X("xmm15", 16, X87, AT(xmm[15]), "vec128")                                                           \
	X("mxcsr", 4, X87, AT(mxcsr), "int")                                                                 \
	F("org.gnu.gdb.i386.segments")                                                                       \
	X("fs_base", 8, BASE, SEG_FS, "int64")                                                               \
	X("gs_base", 8, BASE, SEG_GS, "int64")                                                               \
	F("org.gnu.gdb.i386.avx")                                                                            \
	X("ymm0h", 16, AVX, AT(ymmh[0]), "uint128")                                                          \
	X("ymm1h", 16, AVX, AT(ymmh[1]), "uint128")                                                          \
	X("ymm2h", 16, AVX, AT(ymmh[2]), "uint128")                                                          \
	X("ymm3h", 16, AVX, AT(ymmh[3]), "uint128")                                                          \
	X("ymm4h", 16, AVX, AT(ymmh[4]), "uint128")                                                          \
	X("ymm5h", 16, AVX, AT(ymmh[5]), "uint128")                                                          \
	X("ymm6h", 16, AVX, AT(ymmh[6]), "uint128")                                                          \
	X("ymm7h", 16, AVX, AT(ymmh[7]), "uint128")                                                          \
	X("ymm8h", 16, AVX, AT(ymmh[8]), "uint128")                                                          \
	X("ymm9h", 16, AVX, AT(ymmh[9]), "uint128")                                                          \
	X("ymm10h", 16, AVX, AT(ymmh[10]), "uint128")                                                        \
	X("ymm11h", 16, AVX, AT(ymmh[11]), "uint128")                                                        \
	X("ymm12h", 16, AVX, AT(ymmh[12]), "uint128")                                                        \
	X("ymm13h", 16, AVX, AT(ymmh[13]), "uint128")                                                        \
	X("ymm14h", 16, AVX, AT(ymmh[14]), "uint128")                                                        \
	X("ymm15h", 16, AVX, AT(ymmh[15]), "uint128")                                                        \
	SYSTEM(F, X)                                                                                         \
	X("lstar", 8, MSR, 1, "code_ptr")

#define REGISTERS_32(F, X)                                                                                   \
	F("org.gnu.gdb.i386.core")                                                                           \
	X("eax", 4, GENERAL, TRAP_RAX, "int")                                                                \
	X("ecx", 4, GENERAL, TRAP_RCX, "int")                                                                \
	X("edx", 4, GENERAL, TRAP_RDX, "int")                                                                \
	X("ebx", 4, GENERAL, TRAP_RBX, "int")                                                                \
	X("esp", 4, VALUE, GUEST_RSP, "data_ptr")                                                            \
	X("ebp", 4, GENERAL, TRAP_RBP, "data_ptr")                                                           \
	X("esi", 4, GENERAL, TRAP_RSI, "int")                                                                \
	X("edi", 4, GENERAL, TRAP_RDI, "int")                                                                \
	X("eip", 4, VALUE, GUEST_RIP, "code_ptr")                                                            \
	SELECTORS_AND_X87(X)                                                                                 \
	F("org.gnu.gdb.i386.sse")                                                                            \
	XMM_LOW(X)                                                                                           \
	X("mxcsr", 4, X87, AT(mxcsr), "int")                                                                 \
	SYSTEM(F, X)                                                                                         \
	X("fs_base", 8, BASE, SEG_FS, "int64")                                                               \
	X("gs_base", 8, BASE, SEG_GS, "int64")                                                               \
	X("lstar", 8, MSR, 1, "int64")
/* clang-format on */

/* A row without bytes is the start of a feature. */
struct row {
	const char *name, *type;
	uint8_t bytes, kind;
	uint16_t argument;
};

#define F(name)                              {name, NULL, 0, 0, 0},
#define X(name, bytes, kind, argument, type) {name, type, bytes, kind, argument},
static const struct row rows_64[] = {REGISTERS_64(F, X)}, rows_32[] = {REGISTERS_32(F, X)};
#undef F
#undef X

/* gdb 13 warns that its i8086 has no GNU/Linux. */
#define X86_64 "<architecture>i386:x86-64</architecture>"
#define I386   "<architecture>i386</architecture><osabi>none</osabi>"
#define I8086  "<architecture>i8086</architecture><osabi>none</osabi>"

static const struct row *rows = rows_64;
static size_t row_count = ARRAY_SIZE(rows_64);
static const char *architecture = X86_64;

void gdb_registers_choose(unsigned code_mode)
{
	bool wide = code_mode == 64;

	rows = wide ? rows_64 : rows_32;
	row_count = wide ? ARRAY_SIZE(rows_64) : ARRAY_SIZE(rows_32);
	architecture = wide ? X86_64 : code_mode == 32 ? I386 : I8086;
}

/* The x87's 16-bit registers are shown as 32. */
static unsigned width_of(const struct row *r)
{
	uint16_t at = r->argument;

	if (r->kind != X87 || r->bytes != 4)
		return r->bytes;
	return at == AT(ip) || at == AT(data) || at == AT(mxcsr) ? 4 : 2;
}

static const struct row *row_of(unsigned n)
{
	for (size_t i = 0; i < row_count; i++)
		if (rows[i].bytes && !n--)
			return &rows[i];
	return NULL;
}

unsigned gdb_register_count(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < row_count; i++)
		n += !!rows[i].bytes;
	return n;
}

unsigned gdb_register_rip(void)
{
	unsigned n = 0;

	while (row_of(n)->kind != VALUE || row_of(n)->argument != GUEST_RIP)
		n++;
	return n;
}

unsigned gdb_register_size(unsigned n)
{
	return row_of(n)->bytes;
}

static struct vector_state vectors;
static bool vectors_read;

void gdb_registers_begin(void)
{
	vectors_read = false;
}

static const uint8_t *vector_at(unsigned offset)
{
	if (!vectors_read)
		vector_save(&vectors);
	vectors_read = true;
	return (const uint8_t *)&vectors + offset;
}

/* Two bits a register: 3 is empty. What a used one holds is not said. */
static uint64_t full_tags(uint8_t used)
{
	uint64_t tags = 0;

	for (unsigned i = 0; i < 8; i++)
		tags |= (used >> i & 1 ? 0ull : 3ull) << 2 * i;
	return tags;
}

static bool read_value(struct cpu *cpu, const struct row *r, uint64_t *value)
{
	struct segment_state s = {0};

	if (r->kind == SELECTOR || r->kind == BASE || r->kind == LIMIT)
		vendor->state.segment(cpu, r->argument, &s);
	switch (r->kind) {
	case GENERAL:
		*value = cpu->gpr[r->argument];
		return true;
	case VALUE:
		/* gdb knows one kind of address. Those of memory and of breakpoints are linear, so RIP is too. */
		*value = r->argument == GUEST_RIP ? insn_address(cpu) : vendor->state.get(cpu, r->argument);
		return true;
	case CPL:
		*value = guest_cpl(cpu);
		return true;
	case MSR:
		return guest_read_msr(cpu, msrs[r->argument], value);
	case TAGS:
		*value = full_tags(*vector_at(AT(tags)));
		return true;
	default:
		*value = r->kind == SELECTOR ? s.selector : r->kind == BASE ? s.base : s.limit;
		return true;
	}
}

bool gdb_register_read(struct cpu *cpu, unsigned n, uint8_t *to)
{
	const struct row *r = row_of(n);
	uint64_t value;

	memset(to, 0, GDB_REGISTER_BYTES);
	if (r->kind == X87 || r->kind == AVX) {
		memcpy(to, vector_at(r->argument), width_of(r));
		return r->kind == X87 || vectors.avx;
	}
	if (!read_value(cpu, r, &value))
		return false;
	memcpy(to, &value, r->bytes);
	return true;
}

/*
 * RIP for an address of gdb's. It has to be one of the mode, because VM entry refuses any other (SDM vol. 3C 27.3.1.4), and outside of 64-bit
 * code one of the code segment.
 */
static bool take_rip(const struct cpu *cpu, uint64_t shown, uint64_t *rip)
{
	struct guest_paging paging;
	struct segment_state cs;

	*rip = shown;
	if (vendor->state.get(cpu, GUEST_CODE_MODE) == 64) {
		vendor->state.paging(cpu, &paging);
		return guest_is_canonical(&paging, shown);
	}
	vendor->state.segment(cpu, SEG_CS, &cs);
	if (shown > UINT32_MAX)
		return false;
	*rip = (uint32_t)(shown - cs.base);
	return *rip <= cs.limit;
}

#define FLAGS_WRITTEN                                                                                        \
	(RFLAGS_STATUS | RFLAGS_TF | RFLAGS_IF | RFLAGS_DF | RFLAGS_IOPL | RFLAGS_NT | RFLAGS_RF |           \
		RFLAGS_AC | RFLAGS_ID)

/*
 * VM entry refuses an external interrupt without IF; and TF without the #DB that a shadow or a HLT holds back for it, or that #DB without
 * TF (SDM vol. 3C 27.3.1.4, 27.3.1.5).
 */
static bool may_have_flags(const struct cpu *cpu, uint64_t old, uint64_t value)
{
	bool masks = old & ~value & RFLAGS_IF;

	return !((old ^ value) & RFLAGS_TF) && !(masks && vendor->state.get(cpu, GUEST_EVENT));
}

/* A shadow was the old instruction's; and without IF there is none of a STI (27.3.1.5). */
static bool ends_shadow(enum guest_register which, uint64_t value)
{
	return which == GUEST_RIP || (which == GUEST_RFLAGS && !(value & RFLAGS_IF));
}

/* A state is changed as a whole, or not at all: other bits of RFLAGS keep their values. */
static bool write_value(struct cpu *cpu, enum guest_register which, uint64_t value)
{
	uint64_t old = vendor->state.get(cpu, which);

	if (which == GUEST_RIP && !take_rip(cpu, value, &value))
		return value == old;
	if (which == GUEST_RFLAGS)
		value = (old & ~(uint64_t)FLAGS_WRITTEN) | (value & FLAGS_WRITTEN);
	else if (which != GUEST_RIP && which != GUEST_RSP && which != GUEST_CR2)
		return value == old;
	if (value == old)
		return true;
	if (which == GUEST_RFLAGS && !may_have_flags(cpu, old, value))
		return false;
	vendor->state.set(cpu, which, value);
	if (ends_shadow(which, value))
		vendor->state.set(cpu, GUEST_SHADOW, 0);
	return true;
}

static bool write_vector(const struct row *r, const uint8_t *from)
{
	vector_save(&vectors);
	if (r->kind == AVX && !vectors.avx)
		return false;
	memcpy((uint8_t *)&vectors + r->argument, from, width_of(r));
	vector_load(&vectors);
	vectors_read = false;
	return true;
}

bool gdb_register_write(struct cpu *cpu, unsigned n, const uint8_t *from)
{
	const struct row *r = row_of(n);
	uint64_t value = 0, old;

	if (r->kind == X87 || r->kind == AVX)
		return write_vector(r, from);
	memcpy(&value, from, r->bytes);
	if (r->kind == VALUE)
		return write_value(cpu, r->argument, value);
	if (r->kind != GENERAL)
		return read_value(cpu, r, &old) && value == old;
	cpu->gpr[r->argument] = value;
	cpu_add_work(cpu, CPU_WORK_RELOAD);
	return true;
}

/* Types that gdb's own descriptions define as well. */
static void describe_types(struct text *t, const char *feature)
{
	static const struct {
		const char *name;
		unsigned bit;
	} flags[] = {{"CF", 0}, {"PF", 2}, {"AF", 4}, {"ZF", 6}, {"SF", 7}, {"TF", 8}, {"IF", 9}, {"DF", 10},
		{"OF", 11}, {"NT", 14}, {"RF", 16}, {"VM", 17}, {"AC", 18}, {"VIF", 19}, {"VIP", 20},
		{"ID", 21}};

	if (!strcmp(feature, "org.gnu.gdb.i386.sse"))
		text_add_string(t, "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
				   "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
				   "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
				   "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
				   "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
				   "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
				   "<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/>"
				   "<field name=\"v2_double\" type=\"v2d\"/>"
				   "<field name=\"v16_int8\" type=\"v16i8\"/>"
				   "<field name=\"v8_int16\" type=\"v8i16\"/>"
				   "<field name=\"v4_int32\" type=\"v4i32\"/>"
				   "<field name=\"v2_int64\" type=\"v2i64\"/>"
				   "<field name=\"uint128\" type=\"uint128\"/></union>");
	if (strcmp(feature, "org.gnu.gdb.i386.core"))
		return;
	text_add_string(t, "<flags id=\"i386_eflags\" size=\"4\">");
	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++)
		text_add(t, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", flags[i].name, flags[i].bit,
			flags[i].bit);
	text_add_string(t, "</flags>");
}

void gdb_registers_describe(struct text *t)
{
	bool open = false;

	text_add_string(t, "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
			   "<target version=\"1.0\">");
	text_add_string(t, architecture);
	for (size_t i = 0; i < row_count; i++) {
		const struct row *r = &rows[i];

		if (r->bytes) {
			text_add(t, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", r->name, 8u * r->bytes,
				r->type);
			continue;
		}
		text_add(t, "%s<feature name=\"%s\">", open ? "</feature>" : "", r->name);
		open = true;
		describe_types(t, r->name);
	}
	text_add_string(t, "</feature></target>");
}
