#include "console/story.h"
#include "console/console.h"
#include "console/report.h"
#include "cpu/asm.h"
#include "trace/explain.h"
#include "trace/vector.h"
#include "trace/verdict.h"
#include "vendor.h"

#define SENTENCE_MAX 400
#define SITES_SHOWN  4
#define SELECTOR_IDT 2 /* of an error code */
#define RECURSION    8 /* times that one site faults before it is taken to be a handler that does so itself */
#define ROOT_SECONDS 5 /* how long before a recursion its cause may lie */

static const struct kept *kept[BOOT_MAX_CPUS];
static const struct trap_record *ring[BOOT_MAX_CPUS];

static struct verdict_source all_cpus(void)
{
	for (unsigned c = 0; c < BOOT_MAX_CPUS; c++) {
		kept[c] = cpus[c] ? cpus[c]->kept : NULL;
		ring[c] = cpus[c] ? cpus[c]->ring.records : NULL;
	}
	return (struct verdict_source){
		.cpus = BOOT_MAX_CPUS,
		.kept = kept,
		.ring = ring,
		.records = cpus[0]->ring.mask + 1 + cpus[0]->beside.mask + 1, /* boot/blackbox_layout.h */
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
	console_print("trapline: verdict %s", quoted);
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

bool story_tell(const char *end, bool early, unsigned seconds)
{
	static struct trap_record r;
	struct verdict_source s = all_cpus();
	uint64_t since = early ? 0 : verdict_started(&s);

	if (!verdict_find(&s, since, UINT64_MAX, &r) || rdtsc() - r.tsc > seconds * s.second)
		return false;
	tell(&r, end);
	tell_record(cpus[r.cpu], &r);
	tell_sites();
	return true;
}

static const struct site *site_of(const struct cpu *cpu, const struct trap_record *r)
{
	const struct sites *s = &cpu->kept->sites;

	for (unsigned i = 0; i < SITES_COUNT; i++)
		if (s->site[i].rip == r->rip && s->site[i].key == site_key(r))
			return &s->site[i];
	return NULL;
}

/* A handler that faults by itself does so until the stack is used up: what it was called for came just before. */
static bool find_root(const struct cpu *cpu, const struct trap_record *first, struct trap_record *root)
{
	const struct site *site = site_of(cpu, first);
	struct verdict_source s = all_cpus();

	if (!site || site->count < RECURSION)
		return false;
	return verdict_find(&s, 0, site->first_tsc, root) &&
	       site->first_tsc - root->tsc < ROOT_SECONDS * s.second;
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
	else if (selector.length && r->error_code & SELECTOR_IDT)
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

	if (find_root(cpu, &chain[0], &root)) {
		tell(&root, "the handlers' own faults ended in a triple fault");
		tell_record(cpu, &root);
		return;
	}
	verdict_add(&t, &chain[0]);
	if (n > 1)
		add_delivery(&t, cpu, &chain[1]);
	say(sentence);
}
