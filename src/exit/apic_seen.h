// SPDX-License-Identifier: MIT
/*
 * The last stores to the local APIC. Guests store to a register by one instruction again and again, so each CPU remembers for each
 * register which instruction it was. If it is still the same (mem/code_seen.h), it is neither read nor decoded again.
 */
#ifndef TRAPLINE_APIC_SEEN_H
#define TRAPLINE_APIC_SEEN_H

#include "cpu/cpu.h"
#include "guest/store.h"
#include "log/turn.h"
#include "vendor.h"

#define APIC_SEEN      16 /* entries; registers whose numbers have the same low bits share one */
#define APIC_SEEN_NONE (~0ull)

struct seen_store {
	struct code_seen code;
	uint64_t qualifier; /* of the exit */
	/* The register's guest-physical address. One of the two is APIC_SEEN_NONE. */
	uint64_t plain;        /* a usual store to a register that only stores, and EOI */
	uint64_t other;        /* carry_out() in apic_page.c is needed */
	volatile uint32_t *at; /* plain: the register */
	struct store store;
	bool polls; /* plain: it is EOI */
} __attribute__((aligned(256)));

_Static_assert(sizeof(struct seen_store) * APIC_SEEN == PAGE_SIZE, "a page for each CPU");

/* Makes the CPU's entries. Returns false if the pool is empty. */
bool apic_seen_init(struct cpu *cpu);

/* Empties them: the registers have moved, or will. */
void apic_seen_forget(struct cpu *cpu);

/*
 * Remembers the store of this exit, in 64-bit mode. The instruction was read into cpu->exit.code.
 *   s  what store_decode() has found
 */
void apic_seen_note(struct cpu *cpu, const struct store *s);

/* The store of this exit if the same instruction has made it before, and it was no plain one; otherwise NULL. */
const struct store *apic_seen_other(struct cpu *cpu);

static inline struct seen_store *apic_seen_at(const struct cpu *cpu, uint64_t address)
{
	return &cpu->seen_stores[address / 16 % APIC_SEEN];
}

/* Carries out a plain store that was seen before. False, with nothing changed: it is another. Every timer tick of most guests runs this. */
static inline bool apic_seen_plain(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;
	const struct seen_store *seen = apic_seen_at(cpu, x->address);
	const struct store *s = &seen->store;

	if (seen->plain != x->address || seen->qualifier != x->qualifier || x->during.valid ||
		!vendor->exits.skip_seen(cpu, &seen->code, s->length))
		return false;
	*seen->at = s->from_register ? (uint32_t)cpu->gpr[s->reg] : s->immediate;
	if (seen->polls)
		turn_poll(cpu);
	return true;
}

#endif
