// SPDX-License-Identifier: MIT
#include "trace/verdict.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/important.h"

#define BURST       2 /* seconds without an important record end a burst */
#define BURST_STEPS 64
/* without PCID and LAM, and without the bit that distinguishes a kernel's tables from its program's */
#define CR3_SPACE  0x000fffffffffe000ull
#define STACK_NEAR 0x1000u
#define MENDED_MS  50 /* a kernel that returns to its program does so within this time */
#define NEAR       0x10000u

static const char *who(const struct trap_record *r)
{
	if (!(r->cr0 & CR0_PE))
		return "real-mode code";
	return r->cpl == 3 ? "a program" : "the kernel";
}

/* Whether the register is in the brackets of the memory operand, where the address was computed. */
static bool in_brackets(const char *insn, const char *name)
{
	size_t n = strlen(name);

	while (*insn && *insn != '[')
		insn++;
	for (; *insn && *insn != ']'; insn++)
		if (!strncmp(insn, name, n) && !(insn[n] >= 'a' && insn[n] <= 'z') &&
			!(insn[n] >= '0' && insn[n] <= '9'))
			return true;
	return false;
}

/* Adds the register with the bad pointer: the first one in the brackets whose value is near the address. */
static void add_through(struct text *t, const struct decoded *d, uint64_t address)
{
	for (unsigned i = 0; i < d->regs; i++) {
		uint64_t distance = address - d->reg[i].value;

		if (!in_brackets(d->text, d->reg[i].name) || (distance >= NEAR && -distance >= NEAR))
			continue;
		text_add(t, d->reg[i].value ? " through %s, which was 0x%llx" : " through %s, which was 0",
			d->reg[i].name, (unsigned long long)d->reg[i].value);
		return;
	}
}

static bool is_fetch(const struct trap_record *r)
{
	return r->error_code & PF_I || r->cr2 == r->rip;
}

static bool is_near_stack(const struct trap_record *r)
{
	uint64_t above = r->cr2 - r->gpr[TRAP_RSP], below = r->gpr[TRAP_RSP] - r->cr2;

	return above < STACK_NEAR || below < STACK_NEAR;
}

static const char *page_state(const struct trap_record *r)
{
	uint32_t error = r->error_code;

	if (error & PF_RSVD)
		return "a reserved bit is set in its page tables";
	if (!(error & PF_P))
		return r->cr2 < IMPORTANT_LOW             ? "a null pointer"
		       : is_near_stack(r) && !is_fetch(r) ? "its stack has run out of memory"
							  : "nothing is mapped there";
	if (error & PF_PK)
		return "its protection key does not permit it";
	if (is_fetch(r))
		return r->cpl < 3 && !(r->cr2 & IMPORTANT_UPPER) ? "it is not code, or the user's (SMEP)"
								 : "the page is not code";
	if (r->cpl < 3 && !(r->cr2 & IMPORTANT_UPPER) && r->cr4 & CR4_SMAP)
		return "it is the user's memory (SMAP), or read-only";
	if (r->cpl == 3 && r->cr2 & IMPORTANT_UPPER)
		return "it is the kernel's";
	return error & PF_W ? "the page is read-only" : "the page does not permit it";
}

static void add_pf(struct text *t, const struct trap_record *r, const struct decoded *d)
{
	const char *verb = is_fetch(r) ? "jumped to" : r->error_code & PF_W ? "wrote to" : "read";

	text_add(t, "%s %s address 0x%llx", who(r), verb, (unsigned long long)r->cr2);
	if (!is_fetch(r))
		add_through(t, d, r->cr2);
	text_add(t, ": %s", page_state(r));
}

static void add_de(struct text *t, const struct trap_record *r, const struct decoded *d)
{
	bool zero = d->regs && !in_brackets(d->text, d->reg[0].name) && !d->reg[0].value;

	text_add(t, "%s divided by %s", who(r), zero ? "zero" : "zero, or the quotient did not fit");
	if (zero)
		text_add(t, ": %s was 0", d->reg[0].name);
}

static void add_ud(struct text *t, const struct trap_record *r, const struct decoded *d)
{
	if (!d->text[0])
		text_add(t, "%s executed bytes that are no instruction", who(r));
	else if (!strncmp(d->text, "ud", 2))
		text_add(t, "%s executed %s: it gave up by itself (BUG, an assertion, unreachable code)",
			who(r), d->text);
	else
		text_add(t, "%s executed %s, which is invalid here", who(r), d->text);
}

/* #TS, #NP, #SS and #GP: the error code's selector, the address, the MSR. */
static void add_gp(struct text *t, const struct trap_record *r, const struct decoded *d)
{
	char buf[64];
	struct text selector = text_on(buf, sizeof(buf));

	explain_selector(&selector, r);
	if (selector.length && r->error_code & ERROR_IDT)
		text_add(t, "%s needed the interrupt gate of vector %u, which is broken or missing", who(r),
			(r->error_code & 0xffff) >> 3);
	else if (selector.length)
		text_add(t, "%s used the segment selector %s, which is not valid here", who(r), buf);
	else if (r->mode == 64 && !decode_is_canonical(r, r->rip))
		text_add(t, "%s jumped to 0x%llx: the address is not canonical", who(r),
			(unsigned long long)r->rip);
	else if (d->mems && r->mode == 64 && !decode_is_canonical(r, d->mem[0])) {
		text_add(t, "%s used address 0x%llx", who(r), (unsigned long long)d->mem[0]);
		add_through(t, d, d->mem[0]);
		text_add(t, ": it is not canonical");
	} else if (d->regs && d->reg[0].is_msr) {
		text_add(t, "%s used MSR 0x%llx, and the CPU refused it", who(r),
			(unsigned long long)d->reg[0].value);
	} else {
		text_add(t, "%s executed %s, and the CPU refused it (%s)", who(r),
			d->text[0] ? d->text : "an instruction", vector_name(r->vector));
	}
}

void verdict_add(struct text *t, const struct trap_record *r)
{
	struct decoded d;

	decode(r, &d);
	switch (r->vector) {
	case VEC_PF:
		add_pf(t, r, &d);
		break;
	case VEC_DE:
		add_de(t, r, &d);
		break;
	case VEC_UD:
		add_ud(t, r, &d);
		break;
	case VEC_TS:
	case VEC_NP:
	case VEC_SS:
	case VEC_GP:
		add_gp(t, r, &d);
		break;
	case VEC_DF:
		text_add(t, "%s took a double fault: an exception came while another was being delivered",
			who(r));
		break;
	default:
		text_add(t, "%s raised %s with %s", who(r), vector_name(r->vector),
			d.text[0] ? d.text : "an instruction");
		break;
	}
}

/* The state of a search for the cause. */
struct search {
	const struct verdict_source *s;
	uint64_t since, before; /* TSC: only records between these count */
	bool probes;            /* probes of MSRs count as well */
	bool programs;          /* search programs' records instead of the kernel's */
	bool found;
	struct trap_record *newest;
};

static bool is_return(const struct trap_record *later, const struct trap_record *r, uint64_t ticks)
{
	return later->cpl == 3 && later->tsc > r->tsc && later->tsc - r->tsc < ticks &&
	       !((later->cr3 ^ r->cr3) & CR3_SPACE);
}

/*
 * With SMAP, a kernel sets RFLAGS.AC while it copies from or to its program (SDM vol. 3A 4.6), so a page fault without AC is not such a
 * copy. Checking whether the program ran on would not work: another program may already run on the page tables of one that died.
 */
static bool is_no_copy(const struct trap_record *r)
{
	return r->vector == VEC_PF && r->cr4 & CR4_SMAP && !(r->rflags & RFLAGS_AC);
}

static bool is_mapped_since(const struct verdict_source *s, const struct trap_record *r)
{
	const struct reserve *reserve = r->cpu < s->cpus ? s->reserve[r->cpu] : NULL;

	return reserve && trap_may_be_mended(r) && sites_mended(&reserve->sites, r);
}

/* Whether the kernel has handled the record: the program in whose context it happened ran on. */
static bool is_mended(const struct verdict_source *s, const struct trap_record *r)
{
	uint64_t ticks = s->second / 1000 * MENDED_MS;
	static struct trap_record later;

	if (is_mapped_since(s, r))
		return true;
	if (r->cpl < 3 && is_no_copy(r))
		return false;
	for (unsigned c = 0; c < s->cpus; c++)
		for (uint32_t i = 0; s->ring[c] && i < s->records; i++) {
			const struct trap_record *slot = &s->ring[c][i];

			if (is_return(slot, r, ticks) && ring_copy(slot, &later) &&
				is_return(&later, r, ticks))
				return true;
		}
	return false;
}

static bool is_msr_probe(const struct trap_record *r)
{
	struct decoded d;

	return r->vector == VEC_GP && decode(r, &d) == DECODE_OK && d.regs && d.reg[0].is_msr;
}

static void consider(struct search *a, const struct trap_record *slot)
{
	static struct trap_record r;

	if (slot->tsc < a->since || slot->tsc >= a->before || (slot->cpl == 3) != a->programs ||
		(a->found && slot->tsc <= a->newest->tsc) || !ring_copy(slot, &r) ||
		(a->s->believes && !a->s->believes(&r)))
		return;
	if (r.tsc >= a->before || (r.cpl == 3) != a->programs || !trap_is_important(&r) ||
		(!a->probes && is_msr_probe(&r)) || is_mended(a->s, &r))
		return;
	*a->newest = r;
	a->found = true;
}

static bool find_newest(struct search *a)
{
	for (unsigned c = 0; c < a->s->cpus; c++) {
		const struct reserve *reserve = a->s->reserve[c];

		for (unsigned i = 0; reserve && i < SITES_FIRST; i++)
			consider(a, &reserve->sites.first[i]);
		for (unsigned i = 0; reserve && i < RESERVE_VECTORS * RESERVE_RECORDS; i++)
			consider(a, &reserve->record[i / RESERVE_RECORDS][i % RESERVE_RECORDS]);
	}
	return a->found;
}

/* The newest cause before a given time. */
static bool find_before(
	const struct verdict_source *s, uint64_t since, uint64_t before, bool probes, struct trap_record *out)
{
	struct search a = {.s = s, .since = since, .before = before, .probes = probes, .newest = out};

	return find_newest(&a);
}

bool verdict_find_program(const struct verdict_source *s, uint64_t since, struct trap_record *out)
{
	struct search a = {.s = s,
		.since = since,
		.before = UINT64_MAX,
		.programs = true,
		.probes = true,
		.newest = out};

	return find_newest(&a);
}

/* Goes back to the first record of the burst that ends with this one. Each step searches all records, so a storm on many CPUs is not followed to its end. */
static void go_back(const struct verdict_source *s, uint64_t since, bool probes, struct trap_record *out)
{
	static struct trap_record earlier;
	unsigned steps = 0;

	while (steps++ < BURST_STEPS && find_before(s, since, out->tsc, probes, &earlier) &&
		out->tsc - earlier.tsc < BURST * s->second)
		*out = earlier;
}

bool verdict_find(const struct verdict_source *s, uint64_t since, uint64_t until, struct trap_record *out)
{
	bool probes = false;

	if (!find_before(s, since, until, false, out)) {
		probes = true;
		if (!find_before(s, since, until, true, out))
			return false;
	}
	go_back(s, since, probes, out);
	return true;
}

bool verdict_find_before(
	const struct verdict_source *s, uint64_t since, uint64_t before, struct trap_record *out)
{
	return find_before(s, since, before, false, out);
}

bool verdict_find_newer(const struct verdict_source *s, uint64_t since, struct trap_record *out)
{
	if (!find_before(s, since, UINT64_MAX, false, out))
		return false;
	go_back(s, since, false, out);
	return true;
}

uint64_t verdict_started(const struct verdict_source *s)
{
	uint64_t first = UINT64_MAX;

	for (unsigned c = 0; c < s->cpus; c++)
		for (unsigned i = 0; s->reserve[c] && i < SITES_COUNT; i++) {
			const struct site *site = &s->reserve[c]->sites.site[i];

			if (site->key && (site->key >> 8 & 3) == 3 && site->first_tsc < first)
				first = site->first_tsc;
		}
	return first;
}
