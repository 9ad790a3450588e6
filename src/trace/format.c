// SPDX-License-Identifier: MIT
#include <stdbool.h>
#include "trace/format.h"
#include "lib/array.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/process.h"
#include "trace/text.h"
#include "trace/vector.h"
#include "hw/msr.h"
#include <trapline/watch.h>

static const char *type_name(unsigned type)
{
	switch (type) {
#define X(name, number, text, meaning)                                                                       \
	case number:                                                                                         \
		return text;
		TRAP_TYPES(X)
#undef X
	}
	return NULL;
}

/* INT n and external interrupts have a number but no name: INT 0xe is not a page fault. */
static bool named_by_vector(unsigned type)
{
	return type != TRAP_TYPE_SOFTINT && type != TRAP_TYPE_EXTINT;
}

/* One function for each field, with its name: it writes the value, or nothing. Not called for records that have none by fields_of(). */
static void field_seq(struct text *t, const struct trap_view *v)
{
	text_add_decimal(t, v->r->seq);
}

static void field_cpu(struct text *t, const struct trap_view *v)
{
	text_add_decimal(t, v->r->cpu);
}

static void add_micros(struct text *t, uint32_t micros)
{
	char digits[] = ".000000";

	for (unsigned i = sizeof(digits) - 2; i; i--, micros /= 10)
		digits[i] = (char)('0' + micros % 10);
	text_add_string(t, digits);
}

static void field_t(struct text *t, const struct trap_view *v)
{
	uint64_t khz = v->clock->tsc_khz;
	uint64_t ticks = v->r->tsc - v->clock->tsc_start;

	if (!khz || v->r->tsc < v->clock->tsc_start)
		return;
	text_add_decimal(t, ticks / (khz * 1000));
	/* The remainder is below 2^32 * 1000 ticks; times 1000 it still fits. */
	add_micros(t, (uint32_t)(ticks % (khz * 1000) * 1000 / khz));
}

/* A line of the guest: it is not an event, and has no vector, name or type. */
static bool is_mark(const struct trap_record *r)
{
	return r->type == TRAP_TYPE_MARK;
}

static bool is_watch(const struct trap_record *r)
{
	return r->type == TRAP_TYPE_WATCH;
}

static void field_id(struct text *t, const struct trap_view *v)
{
	text_add_decimal(t, v->r->watch_id);
}

static void field_vec(struct text *t, const struct trap_view *v)
{
	text_add_decimal(t, v->r->vector);
}

#define X(enumerator, number, word, accesses, bits, meaning) [number] = word,
static const char *const register_names[] = {WATCH_REGISTERS(X)};
#undef X

/* The register that is watched; of an MSR without a name its number. */
static void add_register(struct text *t, const struct trap_record *r)
{
	const char *msr = msr_name(r->watch_where[0]);

	if (r->watch_register == WATCH_MSR && msr)
		text_add_string(t, msr);
	else if (r->watch_register == WATCH_MSR)
		text_add(t, "msr:0x%x", r->watch_where[0]);
	else if (r->watch_register < ARRAY_SIZE(register_names) && register_names[r->watch_register])
		text_add_string(t, register_names[r->watch_register]);
}

static void field_name(struct text *t, const struct trap_view *v)
{
	const char *name = named_by_vector(v->r->type) ? vector_name(v->r->vector) : type_name(v->r->type);

	if (is_watch(v->r))
		add_register(t, v->r);
	else if (name && !is_mark(v->r))
		text_add_string(t, name);
}

static void field_access(struct text *t, const struct trap_view *v)
{
#define X(letter, name, bit, meaning)                                                                        \
	if (v->r->watch_access & (name))                                                                     \
		text_add_part(t, (const char[]){letter}, 1);
	WATCH_ACCESSES(X)
#undef X
}

static void field_type(struct text *t, const struct trap_view *v)
{
	if (v->r->type != TRAP_TYPE_EXCEPTION && type_name(v->r->type))
		text_add_string(t, type_name(v->r->type));
}

static void field_err(struct text *t, const struct trap_view *v)
{
	text_add_hex(t, v->r->error_code);
}

static void field_at(struct text *t, const struct trap_view *v)
{
	text_add_hex(t, v->r->cs);
	text_add_char(t, ':');
	text_add_hex(t, v->r->rip);
}

static trap_namer *namer;

void trap_format_names(trap_namer *n)
{
	namer = n;
}

static void field_sym(struct text *t, const struct trap_view *v)
{
	char buf[TEXT_VALUE_MAX];
	struct text name = text_on(buf, sizeof(buf));

	if (!namer)
		return;
	namer(&name, v->r);
	text_add_escaped(t, buf); /* names come from a file */
}

static void field_mode(struct text *t, const struct trap_view *v)
{
	text_add_decimal(t, v->r->mode);
}

static void field_cpl(struct text *t, const struct trap_view *v)
{
	text_add_decimal(t, v->r->cpl);
}

static void field_as(struct text *t, const struct trap_view *v)
{
	uint64_t space = process_space(v->r);

	if (space)
		text_add_hex(t, space);
}

static void field_pid(struct text *t, const struct trap_view *v)
{
	struct process p;

	if (process_find(process_space(v->r), v->r->tsc, &p))
		text_add_decimal(t, p.pid);
}

static void field_comm(struct text *t, const struct trap_view *v)
{
	struct process p;

	if (process_find(process_space(v->r), v->r->tsc, &p))
		text_add_escaped(t, p.name);
}

static void field_text(struct text *t, const struct trap_view *v)
{
	char text[sizeof(v->r->gpr)];

	__builtin_memcpy(text, v->r->gpr, sizeof(text));
	text[sizeof(text) - 1] = '\0';
	text_add_escaped(t, text);
}

static void field_code(struct text *t, const struct trap_view *v)
{
	text_add_bytes(t, v->r->code, decode_code_length(v->r));
}

static void field_insn(struct text *t, const struct trap_view *v)
{
	if (v->decoded == DECODE_OK)
		text_add_string(t, v->insn.text);
	else if (v->decoded == DECODE_BAD)
		text_add_string(t, "(bad)");
}

static void field_cr2(struct text *t, const struct trap_view *v)
{
	text_add_hex(t, v->r->cr2);
}

static void field_why(struct text *t, const struct trap_view *v)
{
	explain_cause(t, v->r, v->decoded == DECODE_OK ? &v->insn : NULL);
}

static void field_sel(struct text *t, const struct trap_view *v)
{
	explain_selector(t, v->r);
}

static void field_dr6(struct text *t, const struct trap_view *v)
{
	explain_dr6(t, v->r);
}

static void field_addr(struct text *t, const struct trap_view *v)
{
	if (v->r->watch_flags & TRAP_WATCH_LINEAR)
		text_add_hex(t, v->r->cr2);
}

static void field_phys(struct text *t, const struct trap_view *v)
{
	if (v->r->watch_flags & TRAP_WATCH_PHYSICAL)
		text_add_hex(t, (uint64_t)v->r->watch_where[1] << 32 | v->r->watch_where[0]);
}

static void field_size(struct text *t, const struct trap_view *v)
{
	if (v->r->watch_size)
		text_add_decimal(t, v->r->watch_size);
}

static void field_old(struct text *t, const struct trap_view *v)
{
	if (v->r->watch_flags & TRAP_WATCH_OLD)
		text_add_hex(t, v->r->watch_old);
}

static void field_new(struct text *t, const struct trap_view *v)
{
	if (v->r->watch_flags & TRAP_WATCH_NEW)
		text_add_hex(t, v->r->watch_new);
}

static void field_how(struct text *t, const struct trap_view *v)
{
	static const struct {
		uint8_t flag;
		const char *word;
	} words[] = {
		{TRAP_WATCH_WALK, "page-walk"},
		{TRAP_WATCH_DELIVERY, "event-delivery"},
		{TRAP_WATCH_LOCKED, "locked"},
		{TRAP_WATCH_DENIED, "denied"},
	};
	bool more = false;

	for (unsigned i = 0; i < ARRAY_SIZE(words); i++) {
		if (!(v->r->watch_flags & words[i].flag))
			continue;
		text_add(t, "%s%s", more ? "," : "", words[i].word);
		more = true;
	}
}

static void add_in_parentheses(struct text *t, const char *s)
{
	text_add_char(t, '(');
	text_add_string(t, s);
	text_add_char(t, ')');
}

static void field_uses(struct text *t, const struct trap_view *v)
{
	for (unsigned i = 0; i < v->insn.regs; i++) {
		const struct decoded_reg *reg = &v->insn.reg[i];
		const char *msr = reg->is_msr ? msr_name((uint32_t)reg->value) : NULL;

		if (i)
			text_add_char(t, ' ');
		text_add_string(t, reg->name);
		text_add_char(t, '=');
		text_add_hex(t, reg->value);
		if (msr)
			add_in_parentheses(t, msr);
	}
}

static void field_mem(struct text *t, const struct trap_view *v)
{
	for (unsigned i = 0; i < v->insn.mems; i++) {
		if (i)
			text_add_char(t, ',');
		text_add_hex(t, v->insn.mem[i]);
	}
}

static void field_during(struct text *t, const struct trap_view *v)
{
	unsigned type = v->r->during_type, vector = v->r->during_vector;

	if (named_by_vector(type) && vector_name(vector))
		text_add_string(t, vector_name(vector));
	else if (type_name(type))
		text_add(t, "%s 0x%x", type_name(type), vector);
	if (v->r->flags & TRAP_DURING_ERR)
		text_add(t, " err=0x%x", v->r->during_error);
}

static void field_cause(struct text *t, const struct trap_view *v)
{
	if (v->r->link && v->r->link < v->r->seq)
		text_add_decimal(t, v->r->seq - v->r->link);
}

static void field_origin(struct text *t, const struct trap_view *v)
{
	if (v->r->flags & TRAP_SYNTHESIZED)
		text_add_string(t, "merge");
}

static void field_outcome(struct text *t, const struct trap_view *v)
{
	if (v->r->flags & TRAP_TRIPLED)
		text_add_string(t, "triple-fault");
	else if (v->r->flags & TRAP_DOUBLED)
		text_add_string(t, "double-fault");
}

struct field {
	const char *begin; /* " name=", and the quote in front */
	uint8_t begin_length;
	bool quoted;
	void (*write)(struct text *t, const struct trap_view *v);
};

#define BEGIN_BARE(name)       " " #name "=", sizeof(" " #name "=") - 1, false
#define BEGIN_QUOTED(name)     " " #name "=\"", sizeof(" " #name "=\"") - 1, true
#define X(name, kind, meaning) {BEGIN_##kind(name), field_##name},
static const struct field fields[] = {TRAP_FIELDS(X)};
#undef X
#undef BEGIN_BARE
#undef BEGIN_QUOTED

#define X(name, kind, meaning) FIELD_##name,
enum {
	TRAP_FIELDS(X) FIELD_COUNT
};
#undef X
_Static_assert(FIELD_COUNT < 64, "a bit for each");

#define BIT(name) (1ull << FIELD_##name)
#define WATCH_FIELDS                                                                                         \
	(BIT(id) | BIT(access) | BIT(addr) | BIT(phys) | BIT(size) | BIT(old) | BIT(new) | BIT(how))
#define EVENT_FIELDS (BIT(vec) | BIT(type) | BIT(why) | BIT(sel) | BIT(dr6))

/* The fields that the record may have, a bit for each. */
static uint64_t fields_of(const struct trap_record *r)
{
	uint64_t all = (1ull << FIELD_COUNT) - 1, others = is_watch(r)  ? EVENT_FIELDS | BIT(text)
							   : is_mark(r) ? EVENT_FIELDS | WATCH_FIELDS
									: WATCH_FIELDS | BIT(text);

	if (!(r->flags & TRAP_HAS_ERROR))
		all &= ~BIT(err);
	if (!(r->flags & TRAP_HAS_CR2))
		all &= ~BIT(cr2);
	if (!(r->flags & TRAP_DURING))
		all &= ~(BIT(during) | BIT(cause));
	return all & ~others;
}

/* Adds " name=value" completely or not at all. */
__attribute__((always_inline)) static inline void add_field(
	struct text *line, const struct field *f, const struct trap_view *v)
{
	size_t before = line->length, empty = before + f->begin_length;

	if (line->size - before <= f->begin_length) {
		line->cut = true;
		return;
	}
	line->length = empty; /* the beginning is written afterwards, because most fields have no value */
	f->write(line, v);
	if (f->quoted && line->length != empty)
		text_add_char(line, '"');
	if (line->cut || line->length == empty) {
		line->length = before;
		line->at[before] = '\0';
	} else {
		__builtin_memcpy(line->at + before, f->begin, f->begin_length);
	}
}

void trap_format_begin(struct trap_formatter *f, char *out, size_t size, const struct trap_record *r,
	const struct trap_clock *clock)
{
	f->line = text_on(out, size);
	f->left = fields_of(r);
	f->view.r = r;
	f->view.clock = clock;
	f->view.decoded = decode(r, &f->view.insn);
	text_add_string(&f->line, is_mark(r) ? "mark" : is_watch(r) ? "watch" : "trap");
}

bool trap_format_more(struct trap_formatter *f, size_t bytes)
{
	size_t end = f->line.length + bytes;

	for (; f->left && !f->line.cut && f->line.length < end; f->left &= f->left - 1)
		add_field(&f->line, &fields[__builtin_ctzll(f->left)], &f->view);
	return f->left && !f->line.cut;
}

size_t trap_format(char *out, size_t size, const struct trap_record *r, const struct trap_clock *clock)
{
	struct trap_formatter f;

	trap_format_begin(&f, out, size, r, clock);
	trap_format_more(&f, SIZE_MAX / 2);
	return f.line.length;
}
