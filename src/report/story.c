#include "report/story.h"
#include <boot/cmos_note.h>
#include "console/console.h"
#include "report/report.h"
#include "hw/asm.h"
#include "apic/hold.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "log/cmos.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/important.h"
#include "trace/vector.h"
#include "trace/verdict.h"
#include "vendor.h"

#define SENTENCE_MAX    400
#define SITES_SHOWN     4
#define RECURSION       8 /* times that one site faults before it is taken to be a handler that does so itself */
#define STOPPED_SECONDS 120 /* how old what the operator has come for may be */
#define PROGRAM_SECONDS 10  /* a kernel that cannot go on without a program of its gives up soon */
#define ROOT_SECONDS    5   /* how long before a recursion its cause may lie */

static const struct kept *kept[BOOT_MAX_CPUS];
static const struct trap_record *ring[BOOT_MAX_CPUS];

/* Of the last faults nobody may have looked yet whether they were mended. */
static bool is_not_mended(const struct trap_record *r)
{
	struct guest_paging paging = guest_paging_of(r);
	uint64_t physical;

	return !trap_may_be_mended(r) || !guest_translate(&paging, r->cr2, &physical);
}

static struct verdict_source all_cpus(void)
{
	for_each_cpu (c) {
		kept[c->number] = c->kept;
		ring[c->number] = c->ring.records;
	}
	return (struct verdict_source){
		.cpus = BOOT_MAX_CPUS,
		.kept = kept,
		.ring = ring,
		.records = cpus[0]->ring.mask + 1 + cpus[0]->beside.mask +
			   1, /* include/boot/blackbox_layout.h */
		.believes = is_not_mended,
		.second = boot_info.tsc_khz * 1000,
	};
}

/* Tenths of a second. */
static void add_later(struct text *t, uint64_t ticks)
{
	uint64_t tenths = ticks / (boot_info.tsc_khz * 100 + 1);

	text_add(t, "; %lu.%lu s later ", tenths / 10, tenths % 10);
}

static void say(const char *sentence)
{
	char quoted[SENTENCE_MAX];
	struct text q = text_on(quoted, sizeof(quoted));

	text_add_value(&q, sentence, true);
	report_line("trapline: verdict %s", quoted);
}

static void tell(const struct trap_record *r, const char *end)
{
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

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
	const struct site *site = NULL;

	for (unsigned n = 0; n < SITES_SHOWN && (site = report_next_site(site, true)); n++)
		report_site(site);
}

static const struct site *site_of(const struct cpu *cpu, const struct trap_record *r)
{
	const struct sites *s = &cpu->kept->sites;

	for (unsigned i = 0; i < SITES_COUNT; i++)
		if (s->site[i].rip == r->rip && s->site[i].key == site_key(r))
			return &s->site[i];
	return NULL;
}

/* From when on exceptions count: many kernels map their own memory as it is touched, until they run a program. */
static uint64_t counts_from(const struct verdict_source *s, bool early)
{
	uint64_t started = verdict_started(s);

	return started == UINT64_MAX && early ? 0 : started;
}

/* A handler that faults by itself does so until the stack is used up: what it was called for came just before. */
static bool find_root(const struct cpu *cpu, const struct trap_record *first, struct trap_record *root)
{
	const struct site *site = site_of(cpu, first);
	struct verdict_source s = all_cpus();

	if (!site || site->count < RECURSION)
		return false;
	return verdict_find(&s, counts_from(&s, true), site->first_tsc, root) &&
	       site->first_tsc - root->tsc < ROOT_SECONDS * s.second;
}

/* What the end came from, not older than `seconds`. */
static bool find_cause(bool early, unsigned seconds, struct trap_record *r)
{
	static struct trap_record root;
	struct verdict_source s = all_cpus();
	uint64_t since = counts_from(&s, early), now = rdtsc(), age = seconds * s.second;

	if (now > age && since < now - age)
		since = now - age;
	if (!verdict_find(&s, since, UINT64_MAX, r))
		return false;
	if (find_root(cpus[r->cpu], r, &root))
		*r = root;
	return true;
}

static void tell_all(const struct trap_record *r, const char *end)
{
	cmos_leave(r, 0);
	tell(r, end);
	tell_record(cpus[r->cpu], r);
	tell_sites();
}

bool story_tell(const char *end, bool early, unsigned seconds)
{
	static struct trap_record r;

	if (!find_cause(early, seconds, &r))
		return false;
	tell_all(&r, end);
	return true;
}

bool story_tell_program(const char *end)
{
	static struct trap_record r;
	struct verdict_source s = all_cpus();

	if (!verdict_find_program(&s, rdtsc() - PROGRAM_SECONDS * s.second, &r))
		return false;
	tell_all(&r, end);
	return true;
}

static bool has_interrupts(const struct trap_record *r)
{
	return r->rflags & RFLAGS_IF;
}

static void tell_place(const struct trap_record *r)
{
	struct decoded d;

	decode(r, &d);
	report_line("  stands cpu=%u at=0x%x:0x%lx mode=%u cpl=%u interrupts=%s insn=\"%s\"", r->cpu, r->cs,
		r->rip, r->mode, r->cpl, has_interrupts(r) ? "on" : "off", d.text);
}

/* Nothing was recorded that matters: the CPU that takes no interrupts is the one to look at, if there is one. */
static void tell_places(const struct trap_record *own)
{
	const struct trap_record *hung = own;
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	for_each_cpu (c) {
		const struct trap_record *at = hold_where(c->number);

		if (hold_is_stopped(c->number) && at->cpl < 3 && !has_interrupts(at) && has_interrupts(hung))
			hung = at;
	}
	text_add(&t,
		"no exception of the kernel's tells why; CPU %u stands at 0x%lx in %s with interrupts %s",
		hung->cpu, hung->rip, hung->cpl == 3 ? "a program" : "the kernel",
		has_interrupts(hung) ? "on" : "off");
	say(sentence);
	tell_place(hung);
	for_each_cpu (c)
		if (hold_is_stopped(c->number) && hold_where(c->number) != hung)
			tell_place(hold_where(c->number));
	if (own != hung)
		tell_place(own);
}

void story_stopped(struct cpu *cpu)
{
	static struct trap_record r, own;

	insn_record(cpu, &own);
	report_answer(cpu);
	if (find_cause(false, STOPPED_SECONDS, &r)) {
		tell(&r, "the operator stopped it");
		tell_record(cpus[r.cpu], &r);
	} else {
		tell_places(&own);
	}
	report_answer(NULL);
}

/* Why the CPU could not call the handler of the chain's first fault, as its second one says. */
static void add_delivery(struct text *t, const struct cpu *cpu, const struct trap_record *r)
{
	char buf[64];
	struct text selector = text_on(buf, sizeof(buf));
	struct descriptor_table idt;

	vendor->table(cpu, GUEST_IDT, &idt);
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

void story_tell_chain(const struct cpu *cpu, const struct trap_record *chain, unsigned n)
{
	static struct trap_record root;
	char sentence[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence));

	bool reset = boot_info.config.triple_fault == TRIPLE_FAULT_RESET,
	     rooted = find_root(cpu, &chain[0], &root);

	cmos_leave(rooted ? &root : &chain[0], reset ? CMOS_RESET : 0);
	if (rooted) {
		tell(&root, "the handlers' own faults ended in a triple fault");
		tell_record(cpu, &root);
		return;
	}
	verdict_add(&t, &chain[0]);
	if (n > 1)
		add_delivery(&t, cpu, &chain[1]);
	say(sentence);
}
