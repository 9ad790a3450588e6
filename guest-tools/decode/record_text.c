// SPDX-License-Identifier: MIT
/* Rebuilds a record from the fields of its line (src/trace/format.h). */
#include "read.h"
#include "lib/array.h"
#include "trace/vector.h"

#include <string.h>

static bool get(const struct entry *e, const char *name, uint64_t most, uint64_t *value)
{
	return entry_number(e, name, value) && *value <= most;
}

#define NUMBER(name, member, most, bit)                                                                      \
	static void take_##member(struct entry *e)                                                           \
	{                                                                                                    \
		uint64_t value;                                                                              \
                                                                                                             \
		if (!get(e, name, most, &value))                                                             \
			return;                                                                              \
		e->record->member = (__typeof__(e->record->member))value;                                    \
		e->known |= KNOWN(bit);                                                                      \
	}

NUMBER("seq", seq, UINT64_MAX, SEQ)
NUMBER("cpu", cpu, UINT16_MAX, CPU)
NUMBER("vec", vector, UINT8_MAX, VECTOR)
NUMBER("mode", mode, 64, MODE)
NUMBER("as", cr3, UINT64_MAX, CR3)

static void take_cpl(struct entry *e)
{
	uint64_t value;

	if (!get(e, "cpl", 3, &value))
		return;
	e->record->cpl = value & 3;
	e->known |= KNOWN(CPL);
}

static bool type_of(const char *text, size_t n, uint8_t *type)
{
#define X(name, number, word, meaning)                                                                       \
	if (strlen(word) == n && !strncmp(text, word, n)) {                                                  \
		*type = number;                                                                              \
		return true;                                                                                 \
	}
	TRAP_TYPES(X)
#undef X
	return false;
}

/* Only events that are not exceptions have it. */
static void take_type(struct entry *e)
{
	const char *type = entry_field(e, "type");

	if (e->kind == ENTRY_MARK)
		e->record->type = TRAP_TYPE_MARK;
	else if (e->kind == ENTRY_WATCH)
		e->record->type = TRAP_TYPE_WATCH;
	else if (!type && entry_field(e, "vec"))
		e->record->type = TRAP_TYPE_EXCEPTION;
	else if (!type || !type_of(type, strlen(type), &e->record->type))
		return;
	e->known |= KNOWN(TYPE);
}

static void take_error(struct entry *e)
{
	uint64_t value;

	if (!get(e, "err", UINT32_MAX, &value))
		return;
	e->record->error_code = (uint32_t)value;
	e->record->flags |= TRAP_HAS_ERROR;
}

/* CS:RIP */
static void take_at(struct entry *e)
{
	const char *at = entry_field(e, "at");
	uint64_t cs, rip;
	size_t n = at ? text_number(at, &cs) : 0, more;

	if (!n || at[n] != ':' || cs > UINT16_MAX)
		return;
	more = text_number(at + n + 1, &rip);
	if (!more || at[n + 1 + more])
		return;
	e->record->cs = (uint16_t)cs;
	e->record->rip = rip;
	e->known |= KNOWN(CS) | KNOWN(RIP);
}

static void take_code(struct entry *e)
{
	const char *code = entry_field(e, "code");
	uint64_t byte;

	for (; code && code[0] && code[1] && e->record->code_len < TRAP_CODE_MAX; code += 2) {
		char two[3] = {code[0], code[1], 0};

		if (text_hex(two, &byte) != 2)
			break;
		e->record->code[e->record->code_len++] = (uint8_t)byte;
		e->known |= KNOWN(CODE);
	}
}

static void take_cr2(struct entry *e)
{
	if (!get(e, "cr2", UINT64_MAX, &e->record->cr2))
		return;
	e->record->flags |= TRAP_HAS_CR2;
	e->known |= KNOWN(CR2);
}

/* 0xffff4ff0(BS) */
static void take_dr6(struct entry *e)
{
	const char *dr6 = entry_field(e, "dr6");
	uint64_t value;

	if (!dr6 || !text_number(dr6, &value) || value > UINT32_MAX)
		return;
	e->record->dr6 = (uint32_t)value;
	e->record->flags |= TRAP_HAS_DR6;
	e->known |= KNOWN(DR6);
}

/* #PF err=0x2, or int 0x80 */
static bool event_of(const char *text, struct trap_record *r)
{
	size_t n = strcspn(text, " ");
	uint64_t vector;

	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		const char *name = vector_name(v);

		if (name && strlen(name) == n && !strncmp(name, text, n)) {
			r->during_vector = (uint8_t)v;
			r->during_type = v == 2 ? TRAP_TYPE_NMI : TRAP_TYPE_EXCEPTION;
			return true;
		}
	}
	if (!type_of(text, n, &r->during_type) || text[n] != ' ' || !text_number(text + n + 1, &vector) ||
		vector > UINT8_MAX)
		return false;
	r->during_vector = (uint8_t)vector;
	return true;
}

static void take_during(struct entry *e)
{
	const char *during = entry_field(e, "during"), *error = during ? strstr(during, " err=") : NULL;
	struct trap_record *r = e->record;
	uint64_t value;

	if (!during || !event_of(during, r))
		return;
	r->flags |= TRAP_DURING;
	if (error && text_number(error + 5, &value) && value <= UINT32_MAX) {
		r->during_error = (uint32_t)value;
		r->flags |= TRAP_DURING_ERR;
	}
	if (get(e, "cause", UINT64_MAX, &value) && value < r->seq && r->seq - value <= UINT8_MAX) {
		r->link = (uint8_t)(r->seq - value);
		e->known |= KNOWN(LINK);
	}
}

static void take_outcome(struct entry *e)
{
	const char *outcome = entry_field(e, "outcome"), *origin = entry_field(e, "origin");

	if (origin && !strcmp(origin, "merge"))
		e->record->flags |= TRAP_SYNTHESIZED;
	if (outcome && !strcmp(outcome, "triple-fault"))
		e->record->flags |= TRAP_TRIPLED;
	if (outcome && !strcmp(outcome, "double-fault"))
		e->record->flags |= TRAP_DOUBLED;
}

static const char *const gpr_names[TRAP_GPRS] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8",
	"r9", "r10", "r11", "r12", "r13", "r14", "r15"};

/* Returns the value of `name=` in a text. Blanks may stand before the = sign. */
static const char *value_of(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = text; (at = strstr(at, name)); at += n) {
		const char *behind = at + n + strspn(at + n, " ");

		if ((at == text || at[-1] == ' ') && *behind == '=')
			return behind + 1;
	}
	return NULL;
}

/* Only whole registers: ecx= does not give the upper half. */
static void take_uses(struct entry *e)
{
	const char *uses = entry_field(e, "uses");

	for (unsigned i = 0; uses && i < TRAP_GPRS; i++) {
		const char *value = value_of(uses, gpr_names[i]);

		if (value && text_number(value, &e->record->gpr[i]))
			e->known |= KNOWN_GPR(i);
	}
}

/* A mark stores its text in the registers' place. */
static void take_text(struct entry *e)
{
	const char *text = entry_field(e, "text");
	size_t n = text ? strnlen(text, sizeof(e->record->gpr) - 1) : 0;

	if (e->kind != ENTRY_MARK || !text)
		return;
	memcpy(e->record->gpr, text, n);
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		e->known |= KNOWN_GPR(i);
}

/* Seconds with six digits after the point. */
static void take_time(struct entry *e)
{
	const char *t = entry_field(e, "t");
	uint64_t seconds, micro;
	size_t n = t ? text_number(t, &seconds) : 0;

	if (n && t[n] == '.' && text_number(t + n + 1, &micro) == 6 && !t[n + 7] &&
		seconds < INT64_MAX / 2000000)
		e->us = (int64_t)(seconds * 1000000 + micro);
}

void record_of_fields(struct model *m, struct entry *e)
{
	static void (*const take[])(struct entry *) = {take_seq, take_cpu, take_time, take_vector, take_type,
		take_error, take_at, take_mode, take_cpl, take_code, take_cr2, take_dr6, take_during,
		take_outcome, take_uses, take_text, take_cr3};

	e->record = model_alloc(m, sizeof(*e->record));
	e->known = KNOWN(FLAGS);
	for (size_t i = 0; i < ARRAY_SIZE(take); i++)
		take[i](e);
	if (e->known & KNOWN(CPU))
		e->cpu = e->record->cpu;
}

static void add_32(const char *text, const char *name, uint32_t *member, uint64_t bit, uint64_t *known)
{
	const char *value = value_of(text, name);
	uint64_t v;

	if (value && text_hex(value, &v) && v <= UINT32_MAX) {
		*member = (uint32_t)v;
		*known |= bit;
	}
}

void record_add_registers(struct entry *e, const struct entry *regs)
{
	struct trap_record *r = e->record;

	if (r->type == TRAP_TYPE_MARK)
		return;
	for (unsigned i = 0; i < TRAP_GPRS; i++) {
		const char *value = value_of(regs->text, gpr_names[i]);

		if (value && text_hex(value, &r->gpr[i]))
			e->known |= KNOWN_GPR(i);
	}
	if (value_of(regs->text, "cr3") && text_hex(value_of(regs->text, "cr3"), &r->cr3))
		e->known |= KNOWN(CR3);
	if (value_of(regs->text, "cr2") && text_hex(value_of(regs->text, "cr2"), &r->cr2))
		e->known |= KNOWN(CR2);
	add_32(regs->text, "cr0", &r->cr0, KNOWN(CR0), &e->known);
	add_32(regs->text, "cr4", &r->cr4, KNOWN(CR4), &e->known);
	add_32(regs->text, "efer", &r->efer, KNOWN(EFER), &e->known);
	add_32(regs->text, "rflags", &r->rflags, KNOWN(RFLAGS), &e->known);
}
