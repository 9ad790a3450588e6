// SPDX-License-Identifier: MIT
#include "exit/usual.h"

#define EVENT_VALID (1u << 31)
#define FLAGS(vector, has_error)                                                                             \
	(((has_error) ? TRAP_HAS_ERROR : 0u) | ((vector) == VEC_PF ? TRAP_HAS_CR2 : 0u))

#define X(number, enumerator, mnemonic, name, has_error, class)                                              \
	[number] = EVENT_VALID | ((has_error) ? USUAL_EVENT_ERROR : 0) | TRAP_TYPE_EXCEPTION << 8 | (number),
const uint32_t usual_event[VECTOR_COUNT] = {VECTORS(X)};
#undef X

#define X(number, enumerator, mnemonic, name, has_error, class)                                              \
	[number] = 64u << 24 | FLAGS(number, has_error) << 16 | TRAP_TYPE_EXCEPTION << 8 | (number),
const uint32_t usual_kind[VECTOR_COUNT] = {VECTORS(X)};
#undef X

SLOW_PATH void usual_new_site(struct cpu *cpu, struct trap_record *r, void (*end)(struct cpu *))
{
	struct record_note n = record_note_of(r);

	record_find_site(cpu, r);
	if (record_is_noted(cpu, r->seq, &n))
		record_after(cpu, r);
	end(cpu);
}

SLOW_PATH void usual_after(struct cpu *cpu, struct trap_record *r, void (*end)(struct cpu *))
{
	record_after(cpu, r);
	end(cpu);
}
