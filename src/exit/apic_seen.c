// SPDX-License-Identifier: MIT
#include "exit/apic_seen.h"
#include "apic/apic.h"
#include "mem/pool.h"

void apic_seen_forget(struct cpu *cpu)
{
	for (unsigned i = 0; i < APIC_SEEN; i++)
		cpu->seen_stores[i].plain = cpu->seen_stores[i].other = APIC_SEEN_NONE;
}

bool apic_seen_init(struct cpu *cpu)
{
	uint64_t pa = pool_alloc(1);

	if (!pa)
		return false;
	cpu->seen_stores = pool_virt(pa);
	apic_seen_forget(cpu);
	return true;
}

/* Registers whose store does more than to store, or may end in a report, which shows RIP at the store. */
static bool has_effects(unsigned offset)
{
	switch (offset) {
	case APIC_ICR:
	case APIC_SVR:
	case APIC_ID:
	case APIC_LDR:
	case APIC_DFR:
	case APIC_LVT_LINT0:
		return true;
	default:
		return false;
	}
}

void apic_seen_note(struct cpu *cpu, const struct store *s)
{
	const struct exit *x = &cpu->exit;
	struct seen_store *seen = apic_seen_at(cpu, x->address);
	unsigned offset = (unsigned)(x->address % PAGE_SIZE);
	bool plain = store_is_usual(s) && !has_effects(offset);
	struct guest_paging paging;

	vendor->state.paging(cpu, &paging);
	code_seen_note(&seen->code, vendor->state.get(cpu, GUEST_RIP), x->code, &paging, &cpu->code_page);
	seen->qualifier = x->qualifier;
	seen->plain = plain ? x->address : APIC_SEEN_NONE;
	seen->other = plain ? APIC_SEEN_NONE : x->address;
	seen->at = &apic_registers(cpu)[offset / 4];
	seen->store = *s;
	seen->polls = offset == APIC_EOI;
}

const struct store *apic_seen_other(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;
	const struct seen_store *seen = apic_seen_at(cpu, x->address);

	if (seen->other != x->address || seen->qualifier != x->qualifier || x->during.valid ||
		!vendor->exits.skip_seen(cpu, &seen->code, 0))
		return NULL;
	return &seen->store;
}
