// SPDX-License-Identifier: MIT
#include "report/story.h"
#include "blackbox/blackbox.h"
#include <boot/cmos_note.h>
#include "report/guest_names.h"
#include "report/report.h"
#include "log/log.h"
#include "hw/asm.h"
#include "apic/pause.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "lib/printf.h"
#include "trace/chain.h"
#include "trace/cpu_list.h"
#include "log/cmos.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/important.h"
#include "trace/names.h"
#include "trace/reported.h"
#include "trace/vector.h"
#include "trace/verdict.h"
#include "vendor.h"

#define SENTENCE_MAX    400
#define SITES_SHOWN     4
#define RECURSION       8   /* faults of one site after which its handler is assumed to fault by itself */
#define STOPPED_SECONDS 120 /* maximum age of the cause when the operator stops the guest */
/* a kernel that cannot run without one of its programs gives up within this time */
#define PROGRAM_SECONDS 10
#define ROOT_SECONDS    5   /* maximum time from the cause to a recursion */
#define WHO_MAX         128 /* a list of CPUs that is longer is cut */
#define OTHERS_SHOWN    4

static const struct reserve *reserves[BOOT_MAX_CPUS];
static const struct trap_record *ring[BOOT_MAX_CPUS];

/* The printer may not have checked yet whether the last faults were mended. */
static bool is_not_mended(const struct trap_record *r)
{
	struct guest_paging paging = guest_paging_of(r);
	uint64_t physical;

	return !trap_may_be_mended(r) || !guest_translate(&paging, r->cr2, &physical);
}

static struct verdict_source all_cpus(void)
{
	for_each_cpu (c) {
		reserves[c->number] = c->reserve;
		ring[c->number] = c->ring.records;
	}
	return (struct verdict_source){
		.cpus = boot_info.cpus,
		.reserve = reserves,
		.ring = ring,
		.records = cpus[0]->ring.mask + 1 + cpus[0]->beside.mask +
			   1, /* include/boot/blackbox_layout.h */
		.believes = is_not_mended,
		.second = boot_info.tsc_khz * 1000,
	};
}

static void add_seconds(struct text *t, uint64_t ticks)
{
	uint64_t tenths = ticks / (boot_info.tsc_khz * 100 + 1);

	text_add(t, "; %lu.%lu s ", tenths / 10, tenths % 10);
}

static void add_later(struct text *t, uint64_t ticks)
{
	add_seconds(t, ticks);
	text_add(t, "later ");
}

static void say(const char *sentence)
{
	char quoted[SENTENCE_MAX];
	struct text q = text_on(quoted, sizeof(quoted));

	text_add_quoted(&q, sentence);
	report_line("trapline: verdict %s", quoted);
}

/* The cause of the end. */
struct cause {
	struct trap_record r;
	uint64_t since; /* TSC: older records do not count */
};

static struct reported reported; /* protected by report_begin(), like all static data here */

static void tell(const struct trap_record *r, const char *end)
{
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	verdict_add(&t, r);
	add_later(&t, rdtsc() - r->tsc);
	text_add(&t, "%s", end);
	say(sentence);
}

/* Prints one line: the record, and what is new. */
static void tell_again(const struct trap_record *r, const char *end)
{
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	text_add(&t, "same cause as above, seq=%lu cpu=%u: ", r->seq, r->cpu);
	verdict_add(&t, r);
	add_later(&t, rdtsc() - r->tsc);
	text_add(&t, "%s", end);
	say(sentence);
}

static void tell_record(const struct cpu *cpu, const struct trap_record *r)
{
	report_trap(r);
	report_backtrace(cpu, r);
	report_registers(r);
	report_stack(cpu, r);
	report_walk(cpu, r);
}

static void tell_sites(void)
{
	struct listed_site site = {.at = 0};

	for (unsigned n = 0; n < SITES_SHOWN && report_next_site(&site, true); n++)
		report_site(&site.site);
}

static const struct site *site_of(const struct cpu *cpu, const struct trap_record *r)
{
	const struct sites *s = &cpu->reserve->sites;

	for (unsigned i = 0; i < SITES_COUNT; i++)
		if (s->site[i].rip == r->rip && s->site[i].key == site_key(r))
			return &s->site[i];
	return NULL;
}

/* The time from which exceptions count: many kernels map their own memory on first access until they run a program. */
static uint64_t counts_from(const struct verdict_source *s, bool early)
{
	uint64_t started = verdict_started(s);

	return started == UINT64_MAX && early ? 0 : started;
}

/* A handler that faults by itself repeats that until the stack is used up. The exception that it was called for came just before, on the same CPU. */
static bool find_root(const struct cpu *cpu, const struct trap_record *first, struct trap_record *root)
{
	static const struct reserve *own[BOOT_MAX_CPUS];
	const struct site *site = site_of(cpu, first);
	struct verdict_source s = all_cpus();
	uint64_t since = counts_from(&s, true);

	if (!site || site->count < RECURSION)
		return false;
	for_each_cpu (c)
		own[c->number] = c == cpu ? c->reserve : NULL;
	s.reserve = own;
	return verdict_find(&s, since, site->first_tsc, root) &&
	       site->first_tsc - root->tsc < ROOT_SECONDS * s.second;
}

/* The TSC that many ticks ago; 0 if the machine has not run that long. */
static uint64_t time_before(uint64_t ticks)
{
	uint64_t now = rdtsc();

	return now > ticks ? now - ticks : 0;
}

static _Atomic bool over; /* the records are of a guest that is gone */

/* Finds the cause of the end, at most `seconds` old. */
static bool find_cause(bool early, unsigned seconds, struct cause *c)
{
	static struct trap_record root;
	struct verdict_source s = all_cpus();
	uint64_t oldest = time_before(seconds * s.second);

	c->since = counts_from(&s, early);
	if (c->since < oldest)
		c->since = oldest;
	if (atomic_load(&over) || !verdict_find(&s, c->since, UINT64_MAX, &c->r))
		return false;
	if (find_root(cpus[c->r.cpu], &c->r, &root))
		c->r = root;
	return true;
}

/* Whether the story was printed and no important record came since. Otherwise the new record becomes the cause. */
static bool is_reported(struct cause *c)
{
	static struct trap_record newer;
	struct verdict_source s = all_cpus();

	if (!reported_has(&reported, &c->r))
		return false;
	if (!verdict_find_newer(&s, reported.at, &newer) || reported_has(&reported, &newer))
		return true;
	c->r = newer;
	return false;
}

static bool has_interrupts(const struct trap_record *r)
{
	return r->rflags & RFLAGS_IF;
}

static void tell_place_of(const struct cpu_set *who, const struct trap_record *r)
{
	char cpu[WHO_MAX], sym[NAMES_NAME_MAX + 32] = "";
	struct text w = text_on(cpu, sizeof(cpu)), t = text_on(sym, sizeof(sym));
	struct guest_paging paging = guest_paging_of(r);
	struct decoded d;

	decode(r, &d);
	cpu_list_add(&w, who);
	guest_names_add(&t, &paging, r->cpl == 3, r->rip, 0);
	report_line("  stands %s at=0x%x:0x%lx%s mode=%u cpl=%u interrupts=%s insn=\"%s\"", cpu, r->cs,
		r->rip, sym, r->mode, r->cpl, has_interrupts(r) ? "on" : "off", d.text);
}

static void tell_place(const struct trap_record *r)
{
	struct cpu_set one = {0};

	cpu_set_add(&one, r->cpu);
	tell_place_of(&one, r);
}

/* Prints other important records of the kernel, the newest first. */
static void tell_others(const struct cause *c)
{
	static struct trap_record other, last;
	struct verdict_source s = all_cpus();
	uint64_t before = UINT64_MAX;

	last = c->r;
	for (unsigned n = 0; n < OTHERS_SHOWN && verdict_find_before(&s, c->since, before, &other); n++) {
		before = other.tsc;
		if (chain_is_same(&other, &c->r) || chain_is_same(&other, &last))
			continue; /* the sites count these */
		last = other;
		report_line(
			"trapline: also of the kernel's, %s", other.tsc < c->r.tsc ? "before" : "after it");
		tell_record(cpus[other.cpu], &other);
	}
}

/* Prints the whole story. The beginning matters most, because the serial line gets only that. */
static void tell_all(struct cpu *cpu, const struct cause *c, const char *end)
{
	static struct trap_record own;

	tell(&c->r, end);
	tell_record(cpus[c->r.cpu], &c->r);
	insn_record(cpu, &own);
	tell_place(&own);
	report_backtrace(cpu, &own);
	tell_sites();
	tell_others(c);
	report_histories(cpu);
}

static void say_left_out(unsigned lines)
{
	if (lines)
		report_line("trapline: %u more lines of this are in the black box", lines);
}

bool story_has(bool early, unsigned seconds)
{
	static struct cause c;

	return find_cause(early, seconds, &c);
}

/* The guest's own word that it is dying, and when; 0: none. */
static struct {
	uint64_t at; /* TSC */
	char why[SENTENCE_MAX / 2];
} said;

bool story_is_dying(unsigned seconds)
{
	return said.at && rdtsc() - said.at < seconds * boot_info.tsc_khz * 1000;
}

void story_over(void)
{
	atomic_store(&over, true);
	said.at = 0;
}

/* For a guest that has said that it is dying, without another known cause. */
static bool tell_said(const char *end, unsigned seconds)
{
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	if (!story_is_dying(seconds))
		return false;
	text_add(&t, "same cause as above, %s", said.why);
	add_later(&t, rdtsc() - said.at);
	text_add(&t, "%s", end);
	say(sentence);
	return true;
}

/* Without any record: prints where the kernel said that it is dying, and the state there. */
static void tell_dying(struct cpu *cpu, const char *why)
{
	static struct trap_record own;
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	text_add(&t, "%s; no exception of the kernel's tells why", why);
	say(sentence);
	insn_record(cpu, &own);
	tell_place(&own);
	report_backtrace(cpu, &own);
	report_registers(&own);
	report_stack(cpu, &own);
	tell_sites();
	report_histories(cpu);
}

/* The whole story once; after that one line, and the story again for the black box only. Records that come meanwhile count for the next end. */
static void tell_cause(struct cpu *cpu, struct cause *c, const char *end, uint64_t now)
{
	struct reported_record cause = {.seq = c->r.seq, .cpu = c->r.cpu};
	bool again = is_reported(c);
	unsigned left_out;

	cmos_leave(&c->r, 0);
	blackbox_note_story();
	log_bound(again ? 0 : STORY_LINES);
	if (!again || blackbox_is_there())
		tell_all(cpu, c, end);
	left_out = log_unbound();
	if (again)
		tell_again(&c->r, end);
	else
		say_left_out(left_out);
	reported_note(&reported, cause, &c->r, now);
}

bool story_tell(struct cpu *cpu, const char *end, bool early, unsigned seconds)
{
	static struct cause c;
	uint64_t now = rdtsc();

	if (!find_cause(early, seconds, &c))
		return tell_said(end, seconds);
	tell_cause(cpu, &c, end, now);
	return true;
}

bool story_tell_program(struct cpu *cpu, const char *end)
{
	static struct cause c;
	struct verdict_source s = all_cpus();
	uint64_t now = rdtsc();

	c.since = time_before(PROGRAM_SECONDS * s.second);
	if (atomic_load(&over) || !verdict_find_program(&s, c.since, &c.r))
		return false;
	tell_cause(cpu, &c, end, now);
	return true;
}

void story_dying(struct cpu *cpu, const char *why)
{
	if (!story_tell(cpu, why, true, STOPPED_SECONDS) && !story_tell_program(cpu, why)) {
		log_bound(STORY_LINES);
		tell_dying(cpu, why);
		say_left_out(log_unbound());
	}
	if (story_is_dying(STOPPED_SECONDS)) /* the first call had the whole story */
		return;
	said.at = rdtsc();
	snprintf(said.why, sizeof(said.why), "%s", why);
}

static bool stands_like(uint32_t a, uint32_t b)
{
	const struct trap_record *x = pause_where(cpus[a]), *y = pause_where(cpus[b]);

	return pause_has(cpus[b]) && x->cs == y->cs && x->rip == y->rip && x->mode == y->mode &&
	       x->cpl == y->cpl && has_interrupts(x) == has_interrupts(y);
}

static void tell_paused(const struct trap_record *but)
{
	struct cpu_set done = {0}, like;

	cpu_set_add(&done, but->cpu);
	for_each_cpu (c) {
		if (!pause_has(c) || cpu_set_has(&done, c->number))
			continue;
		like = cpu_list_take(&done, boot_info.cpus, c->number, stands_like);
		tell_place_of(&like, pause_where(c));
	}
}

/* No important record: shows the CPU that takes no interrupts, if there is one. */
static void tell_places(const struct trap_record *own)
{
	const struct trap_record *hung = own;
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	for_each_cpu (c) {
		const struct trap_record *at = pause_where(c);

		if (pause_has(c) && at->cpl < 3 && !has_interrupts(at) && has_interrupts(hung))
			hung = at;
	}
	text_add(&t,
		"no exception of the kernel's tells why; CPU %u stands at 0x%lx in %s with interrupts %s",
		hung->cpu, hung->rip, hung->cpl == 3 ? "a program" : "the kernel",
		has_interrupts(hung) ? "on" : "off");
	say(sentence);
	tell_place(hung);
	tell_paused(hung);
	if (own != hung)
		tell_place(own);
}

void story_stopped(struct cpu *cpu)
{
	static struct trap_record own;
	static struct cause c;

	if (!report_try()) {
		log_reply("trapline: another CPU is printing a report; try again");
		return;
	}
	insn_record(cpu, &own);
	report_answer(cpu);
	if (!find_cause(false, STOPPED_SECONDS, &c)) {
		tell_places(&own);
	} else if (is_reported(&c)) {
		tell_again(&c.r, "the operator stopped it");
	} else {
		tell(&c.r, "the operator stopped it");
		tell_record(cpus[c.r.cpu], &c.r);
	}
	report_answer(NULL);
	report_end();
}

/* Why the CPU could not call the handler of the chain's first fault, according to the second fault. */
static void add_delivery(struct text *t, const struct cpu *cpu, const struct trap_record *r)
{
	char buf[64];
	struct text selector = text_on(buf, sizeof(buf));
	struct segment_state idt;

	vendor->state.segment(cpu, SEG_IDTR, &idt);
	explain_selector(&selector, r);
	if (r->vector == VEC_PF && r->cr2 - idt.base <= idt.limit)
		text_add(t, "; its gate in the interrupt table (IDT), at 0x%lx, is not there", r->cr2);
	else if (r->vector == VEC_PF)
		text_add(t, "; calling the handler touched address 0x%lx, which is not there", r->cr2);
	else if (selector.length && r->error_code & ERROR_IDT)
		text_add(t, "; the gate of vector %u in the interrupt table (IDT) is broken or missing",
			(r->error_code & 0xffff) >> 3);
	else if (selector.length)
		text_add(t, "; the handler's segment %s is not in the descriptor table (GDT)", buf);
	else
		text_add(t, "; calling the handler raised %s", vector_name(r->vector));
}

/* A kernel that has given up may triple-fault on purpose to reset the machine. */
static void add_reported(struct text *t)
{
	uint64_t ago = rdtsc() - reported.at;

	if (!reported.last.seq || ago > STOPPED_SECONDS * boot_info.tsc_khz * 1000)
		return;
	add_seconds(t, ago);
	text_add(t, "before that, the cause above: seq=%lu cpu=%u", reported.last.seq, reported.last.cpu);
}

/* Prints the exception whose handlers then faulted by themselves. */
static void tell_root(const struct cpu *cpu, const struct trap_record *root)
{
	static const char end[] = "the handlers' own faults ended in a triple fault";
	bool again = reported_has(&reported, root);

	if (again)
		log_bound(0);
	if (!again || blackbox_is_there()) {
		tell(root, end);
		tell_record(cpu, root);
	}
	if (!again)
		return;
	log_unbound();
	tell_again(root, end);
}

void story_tell_chain(const struct cpu *cpu, const struct trap_record *chain, unsigned n)
{
	static struct trap_record root;
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	bool reset = boot_info.config.triple_fault == TRIPLE_FAULT_RESET,
	     rooted = find_root(cpu, &chain[0], &root);

	cmos_leave(rooted ? &root : &chain[0], reset ? CMOS_RESET : 0);
	if (rooted) {
		tell_root(cpu, &root);
		return;
	}
	verdict_add(&t, &chain[0]);
	if (n > 1)
		add_delivery(&t, cpu, &chain[1]);
	add_reported(&t);
	say(sentence);
}
