// SPDX-License-Identifier: MIT
#include "trace/gate.h"
#include "hw/x86.h"

enum {
	TYPE_TASK = 5,
	TYPE_INTERRUPT16,
	TYPE_TRAP16,
	TYPE_INTERRUPT = 14,
	TYPE_TRAP
};

unsigned gate_size(enum gate_kind kind)
{
	return kind == GATE_REAL ? 4 : kind == GATE_PROTECTED ? 8 : 16;
}

enum gate_kind gate_kind_of(uint64_t cr0, uint64_t efer)
{
	if (!(cr0 & CR0_PE))
		return GATE_REAL;
	return efer & EFER_LMA ? GATE_LONG : GATE_PROTECTED;
}

static uint16_t word(const uint8_t *bytes, unsigned at)
{
	return (uint16_t)(bytes[at] | bytes[at + 1] << 8);
}

struct gate_info gate_decode(enum gate_kind kind, const uint8_t *b)
{
	struct gate_info g = {.selector = word(b, 2), .offset = word(b, 0)};

	if (kind == GATE_REAL) {
		g.present = true;
		return g;
	}
	g.offset |= (uint64_t)word(b, 6) << 16;
	g.type = b[5] & 0x1f; /* with the S bit, which is clear in a gate */
	g.dpl = b[5] >> 5 & 3;
	g.present = b[5] & 0x80;
	if (kind == GATE_LONG) {
		g.offset |= (uint64_t)word(b, 8) << 32 | (uint64_t)word(b, 10) << 48;
		g.ist = b[4] & 7;
	}
	return g;
}

static const char *type_name(enum gate_kind kind, unsigned type)
{
	switch (type) {
	case TYPE_TASK:
		return kind == GATE_LONG ? NULL : "task gate";
	case TYPE_INTERRUPT16:
		return kind == GATE_LONG ? NULL : "16-bit interrupt gate";
	case TYPE_TRAP16:
		return kind == GATE_LONG ? NULL : "16-bit trap gate";
	case TYPE_INTERRUPT:
		return kind == GATE_LONG ? "64-bit interrupt gate" : "32-bit interrupt gate";
	case TYPE_TRAP:
		return kind == GATE_LONG ? "64-bit trap gate" : "32-bit trap gate";
	default:
		return NULL;
	}
}

bool gate_usable(enum gate_kind kind, const struct gate_info *g)
{
	return kind == GATE_REAL || (type_name(kind, g->type) && g->present && g->selector & ~7u);
}

void gate_format(struct text *t, enum gate_kind kind, const struct gate_info *g)
{
	const char *type = kind == GATE_REAL ? "vector of real mode" : type_name(kind, g->type);

	if (type)
		text_add(t, "gate=\"%s\" ", type);
	text_add(t, "to=0x%x:0x%llx", g->selector, (unsigned long long)g->offset);
	if (kind == GATE_REAL)
		return;
	text_add(t, " dpl=%u", g->dpl);
	if (kind == GATE_LONG)
		text_add(t, " ist=%u", g->ist);
	if (!type)
		text_add(t, " why=\"type 0x%x is no gate\"", g->type);
	else if (!g->present)
		text_add(t, " why=\"not present\"");
	else if (!(g->selector & ~7u) && g->type != TYPE_TASK)
		text_add(t, " why=\"its code segment is null\"");
}
