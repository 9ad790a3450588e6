// SPDX-License-Identifier: MIT
#include "report/report.h"
#include "hw/features.h"
#include "apic/park.h"
#include "cpu/moment.h"
#include "hw/lock.h"
#include "log/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "mem/guest_ram.h"
#include "report/guest_names.h"
#include "trace/backtrace.h"
#include "trace/chain.h"
#include "trace/cpu_list.h"
#include "trace/gate.h"
#include "trace/vector.h"
#include "vendor.h"

#define STACK_WORDS    16
#define WORDS_PER_LINE 4
#define STACK_REACH    (64 * 1024) /* memory up to this far above its top counts as the stack */
#define RUNS_MAX       16
#define LINE_MAX       TRAP_LINE_MAX

static struct lock reporting = LOCK_FREE;

/* The CPU that prints a report for the operator: its lines are an answer, those of other CPUs a report. */
static const struct cpu *_Atomic answering;

void report_answer(const struct cpu *cpu)
{
	atomic_store(&answering, cpu);
}

const struct cpu *report_answering(void)
{
	return atomic_load(&answering);
}

/* Finds this CPU by its stack, because during a fault GS may be the guest's. */
void report_line(const char *fmt, ...)
{
	char line[LINE_MAX];
	const struct cpu *cpu = atomic_load(&answering);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (cpu && !log_is_seized() && cpu == cpu_of_stack((uint64_t)line)) {
		log_rest();
		log_reply("%s", line);
	} else {
		log_print("%s", line);
	}
}

bool report_try(void)
{
	return lock_claim(&reporting, this_cpu()->number + 1) == LOCK_NOBODY;
}

/* Searches for the guest's kernel, and prints what is new. */
static void report_names(struct cpu *cpu)
{
	char line[LINE_MAX];

	guest_names_search(cpu);
	while (guest_names_line(line, sizeof(line)))
		report_line("%s", line);
}

/* After the report of a death the operator of a held machine may request another one. A parked CPU holds no lock. */
void report_begin(void)
{
	struct cpu *cpu = this_cpu();

	while (!report_try()) {
		cpu_park_if_asked(cpu);
		moment();
	}
	if (!cpu_is_to_park(cpu)) {
		report_names(cpu);
		return;
	}
	report_end();
	cpu_park_if_asked(cpu);
}

void report_end(void)
{
	lock_give(&reporting);
}

bool report_is_mine(void)
{
	return lock_holder(&reporting) == this_cpu()->number + 1;
}

static void print_text(const struct text *t)
{
	report_line("  %s", t->at);
}

void report_trap(const struct trap_record *r)
{
	char line[LINE_MAX];
	trap_format(line, sizeof(line), r, log_clock());
	report_line("%s", line);
}

void report_earlier(const struct trap_record *r)
{
	char line[LINE_MAX];

	trap_format(line, sizeof(line), r, log_clock());
	report_line("  before: %s", line);
}

void report_registers(const struct trap_record *r)
{
	const uint64_t *g = r->gpr;

	report_line("  regs rax=%016lx rbx=%016lx rcx=%016lx rdx=%016lx", g[TRAP_RAX], g[TRAP_RBX],
		g[TRAP_RCX], g[TRAP_RDX]);
	report_line("  regs rsi=%016lx rdi=%016lx rbp=%016lx rsp=%016lx", g[TRAP_RSI], g[TRAP_RDI],
		g[TRAP_RBP], g[TRAP_RSP]);
	report_line("  regs r8 =%016lx r9 =%016lx r10=%016lx r11=%016lx", g[TRAP_R8], g[TRAP_R9], g[TRAP_R10],
		g[TRAP_R11]);
	report_line("  regs r12=%016lx r13=%016lx r14=%016lx r15=%016lx", g[TRAP_R12], g[TRAP_R13],
		g[TRAP_R14], g[TRAP_R15]);
	report_line("  regs rip=%016lx cs=%04x rflags=%08x cr0=%08x cr2=%016lx cr3=%016lx cr4=%08x efer=%08x",
		r->rip, r->cs, r->rflags, r->cr0, r->cr2, r->cr3, r->cr4, r->efer);
}

/*
 * Whether the code that the gate leads to can be fetched: if not, that is the usual reason of a triple fault in early
 * boot.
 */
static void add_target(struct text *t, const struct trap_record *r, const struct gate_info *g)
{
	struct guest_paging paging = guest_paging_of(r);
	uint64_t physical;

	if (!guest_is_canonical(&paging, g->offset))
		text_add(t, " why=\"its handler's address is not canonical\"");
	else if (!guest_translate(&paging, g->offset, &physical))
		text_add(t, " why=\"its handler's page is not mapped\"");
}

static void add_gate(struct text *t, const struct trap_record *r, const struct segment_state *idt)
{
	enum gate_kind kind = gate_kind_of(r->cr0, r->efer);
	unsigned size = gate_size(kind);
	struct guest_paging paging = guest_paging_of(r);
	uint8_t bytes[GATE_SIZE_MAX];
	uint64_t at = idt->base + r->vector * size;
	struct gate_info g;

	if (r->vector * size + size - 1 > idt->limit) {
		text_add(t, " why=\"beyond the table's limit\"");
		return;
	}
	text_add(t, " at=0x%lx", at);
	if (guest_read(&paging, at, bytes, size) != size) {
		text_add(t, " why=\"the table is not mapped here, or not in RAM\"");
		return;
	}
	g = gate_decode(kind, bytes);
	text_add(t, " ");
	gate_format(t, kind, &g);
	if (kind != GATE_LONG || !gate_usable(kind, &g)) /* in other modes the code segment has a base */
		return;
	guest_names_add(t, &paging, false, g.offset, 0);
	add_target(t, r, &g);
}

void report_gate(const struct cpu *cpu, const struct trap_record *r)
{
	char line[LINE_MAX];
	struct text t = text_on(line, sizeof(line));
	struct segment_state idt;

	vendor->state.segment(cpu, SEG_IDTR, &idt);
	text_add(&t, "idt vec=%u base=0x%lx limit=0x%x", r->vector, idt.base, idt.limit);
	add_gate(&t, r, &idt);
	print_text(&t);
}

void report_levels(const struct walk *w, uint64_t linear, uint64_t cr3, uint32_t error)
{
	report_line("  walk linear=0x%lx cr3=0x%lx paging=%s", linear, cr3, w->paging);
	for (unsigned i = 0; i < w->count; i++) {
		char line[LINE_MAX];
		struct text t = text_on(line, sizeof(line));

		text_add(&t, "walk ");
		walk_format(&t, &w->level[i], error, features.physical_bits);
		print_text(&t);
	}
	if (w->mapped)
		report_line("  walk physical=0x%lx page=%luK", w->physical, w->page_size >> 10);
}

void report_walk(const struct cpu *cpu, const struct trap_record *r)
{
	struct guest_paging paging = guest_paging_of(r);
	struct walk w;

	if (!(r->flags & TRAP_HAS_CR2))
		return;
	walk_trace(&w, &paging, r->cr2, guest_read64);
	report_levels(&w, r->cr2, r->cr3, r->error_code);
}

static void print_stack(uint64_t top, const uint8_t *bytes, unsigned words, unsigned size)
{
	for (unsigned i = 0; i < words; i += WORDS_PER_LINE) {
		unsigned n = words - i < WORDS_PER_LINE ? words - i : WORDS_PER_LINE;
		char line[LINE_MAX];
		struct text t = text_on(line, sizeof(line));

		stack_format(&t, top + i * size, bytes + i * size, n, size);
		print_text(&t);
	}
}

void report_stack(const struct cpu *cpu, const struct trap_record *r)
{
	const struct saved_stack *saved = sites_stack(&cpu->reserve->sites, r);
	struct guest_paging paging = guest_paging_of(r);
	uint8_t bytes[STACK_WORDS * 8];
	unsigned size = stack_word(r), most = STACK_WORDS * size;
	uint64_t top = stack_top(r);

	if (saved && saved->bytes >= size) {
		print_stack(top, saved->at, (saved->bytes < most ? saved->bytes : most) / size, size);
		return;
	}
	most = guest_read(&paging, top, bytes, most);
	if (most < size)
		report_line("  stack 0x%lx: why=\"%s\"", top,
			guest_is_canonical(&paging, top) ? "not mapped, or not in RAM" : "not canonical");
	print_stack(top, bytes, most / size, size);
}

/* The source of one record's backtrace. */
struct source {
	struct guest_paging then, now;
	const struct saved_stack *saved; /* NULL: use the stack as it is now */
	bool gone;                       /* its memory holds another stack by now */
	unsigned reads;
};

#define READS_AT_ONCE 4 /* a read that needs both page tables takes some hundred instructions */

/*
 * The page tables of a process that died may no longer be valid. The current ones contain the kernel as well on systems that map it
 * in all of them.
 */
static bool read_either(const struct source *s, uint64_t linear, void *to, unsigned n)
{
	return guest_read(&s->then, linear, to, n) == n || guest_read(&s->now, linear, to, n) == n;
}

static bool read_source(void *context, uint64_t linear, void *to, unsigned n)
{
	struct source *s = context;
	uint64_t at = s->saved ? linear - s->saved->linear : 0;

	if (++s->reads % READS_AT_ONCE == 0)
		log_rest();
	if (!s->saved || (at >= s->saved->bytes && !(s->gone && at < STACK_REACH)))
		return read_either(s, linear, to, n);
	if (at >= s->saved->bytes || s->saved->bytes - at < n)
		return false;
	__builtin_memcpy(to, s->saved->at + at, n);
	return true;
}

static struct source source_of(const struct cpu *cpu, const struct trap_record *r)
{
	uint8_t bytes[STACK_SAVED_MAX];
	struct source s = {.then = guest_paging_of(r), .saved = sites_stack(&cpu->reserve->sites, r)};

	vendor->state.paging(this_cpu(), &s.now);
	if (s.saved)
		s.gone = guest_read(&s.then, s.saved->linear, bytes, s.saved->bytes) != s.saved->bytes ||
			 memcmp(bytes, s.saved->at, s.saved->bytes);
	return s;
}

void report_backtrace(const struct cpu *cpu, const struct trap_record *r)
{
	struct source s = source_of(cpu, r);
	struct backtrace b;

	backtrace_collect(&b, r, read_source, &s);
	for (unsigned i = 0; i < b.count; i++) {
		char line[LINE_MAX];
		struct text t = text_on(line, sizeof(line));

		backtrace_format(&t, &b.place[i]);
		log_rest();
		guest_names_add(&t, &s.then, r->cpl == 3, b.place[i].rip, 1);
		print_text(&t);
	}
}

static void add_seconds(struct text *t, const char *name, uint64_t tsc, const struct trap_clock *clock)
{
	uint64_t since = tsc - clock->tsc_start, ms;

	if (!clock->tsc_khz)
		return;
	ms = since / clock->tsc_khz;
	text_add(t, "%s%lu.%03lu%03lu ", name, ms / 1000, ms % 1000,
		since % clock->tsc_khz * 1000 / clock->tsc_khz);
}

static void add_time(struct text *t, uint64_t tsc, const struct trap_clock *clock)
{
	add_seconds(t, "t=", tsc, clock);
}

void report_exit_format(struct text *t, const struct exit_entry *e, const struct trap_clock *clock)
{
	text_add(t, "exit ");
	add_time(t, exit_entry_tsc(e), clock);
	text_add(t, "reason=0x%x name=%s info=0x%lx rip=0x%lx", e->reason, vendor->exits.name(e->reason),
		e->qualifier, e->rip);
	guest_names_add(t, NULL, true, e->rip, 0); /* the entry does not have the privilege level */
}

void report_exit_line(struct text *t, const struct fold_line *line, const struct trap_clock *clock)
{
	report_exit_format(t, line->exit, clock);
	if (line->rounds == 1)
		return;
	text_add(t, " times=%u ", line->rounds);
	add_seconds(t, "until=", exit_entry_tsc(line->last), clock);
}

#define SITES_AT_ONCE 64

/* Sites with equal counts are ordered by their address in memory. */
static bool is_above(const struct listed_site *a, const struct listed_site *b)
{
	return a->site.count > b->site.count || (a->site.count == b->site.count && a->at > b->at);
}

/* An entry of any CPU's table. False: there is no site, or not one of these. */
static bool list_site(unsigned i, bool important, struct listed_site *s)
{
	const struct cpu *cpu = cpus[i / SITES_COUNT];

	if (!cpu || !site_copy(&cpu->reserve->sites, i % SITES_COUNT, &s->site))
		return false;
	s->at = i + 1;
	return !important || site_counts(&cpu->reserve->sites, i % SITES_COUNT, &s->site);
}

bool report_next_site(struct listed_site *last, bool important)
{
	struct listed_site next = {.at = 0}, s;

	for (unsigned i = 0; i < boot_info.cpus * SITES_COUNT; i++) {
		if (i % SITES_AT_ONCE == 0)
			log_rest();
		if (list_site(i, important, &s) && (!last->at || is_above(last, &s)) &&
			(!next.at || is_above(&s, &next)))
			next = s;
	}
	*last = next;
	return next.at;
}

void report_site_format(struct text *t, const struct site *s, const struct trap_clock *clock)
{
	unsigned vector = s->key & 0xff, cpl = s->key >> 8 & 3;
	struct guest_paging paging;

	text_add(t, "site count=%lu vec=%u name=%s cpl=%u at=0x%lx", s->count, vector, vector_name(vector),
		cpl, s->rip);
	vendor->state.paging(this_cpu(), &paging);
	log_rest();
	guest_names_add(t, &paging, cpl == 3, s->rip, 0);
	log_rest();
	text_add(t, " first ");
	add_time(t, s->first_tsc, clock);
	text_add(t, "seq=%lu last ", s->first_seq);
	add_time(t, s->last_tsc, clock);
	if (vector == VEC_PF)
		text_add(t, "cr2=0x%lx to 0x%lx", s->first_cr2, s->last_cr2);
}

void report_site(const struct site *site)
{
	char line[LINE_MAX];
	struct text t = text_on(line, sizeof(line));

	report_site_format(&t, site, log_clock());
	print_text(&t);
}

static void print_exit(void *context, const struct fold_line *line)
{
	char buf[LINE_MAX];
	struct text t = text_on(buf, sizeof(buf));

	report_exit_line(&t, line, log_clock());
	print_text(&t);
}

void report_history(const struct cpu *cpu)
{
	const struct exit_history *h = &cpu->history;
	const struct fold_list l = {h->entries, (uint32_t)(h->next - h->entries), h->count};

	report_line("trapline: last exits cpu=%u", cpu->number);
	fold_walk(&l, print_exit, NULL);
}

/* TSC of a CPU's newest record. */
static uint64_t recorded_last(const void *unused, uint32_t n)
{
	static struct trap_record r;
	const struct trace_ring *ring = cpus[n] ? cpus[n]->writing : NULL;

	return ring && ring_at(ring, atomic_load(&ring->head), &r) ? r.tsc : 0;
}

static struct cpu_set cpus_shown_of(const struct cpu *first)
{
	return cpu_list_newest(boot_info.cpus, first->number, recorded_last, NULL);
}

static void print_left_out(const struct cpu_set *shown)
{
	unsigned left_out = 0;

	for_each_cpu (c)
		left_out += !cpu_set_has(shown, c->number);
	if (left_out)
		report_line("trapline: %u more CPUs, which recorded nothing newer, are left out", left_out);
}

void report_histories(const struct cpu *first)
{
	struct cpu_set shown = cpus_shown_of(first);

	report_history(first);
	for_each_in_set(n, &shown) if (cpus[n] && cpus[n] != first) report_history(cpus[n]);
	print_left_out(&shown);
}

static void print_runs(const struct trace_ring *ring, unsigned n)
{
	static struct trap_run runs[RUNS_MAX];

	n = chain_runs(ring, atomic_load(&ring->head), runs, n < RUNS_MAX ? n : RUNS_MAX);
	while (n--)
		report_run(&runs[n]);
}

void report_run(const struct trap_run *run)
{
	report_trap(&run->first);
	if (run->count > 1)
		report_line("  the same again, %lu times in a row", run->count);
}

void report_last_traps(const struct cpu *first, unsigned n)
{
	struct cpu_set shown = cpus_shown_of(first);

	for_each_in_set(i, &shown) if (cpus[i]) print_runs(cpus[i]->writing, n);
	print_left_out(&shown);
}
