#include "console/story.h"
#include "console/console.h"
#include "console/report.h"
#include "cpu/asm.h"
#include "trace/verdict.h"
#include "vendor.h"

#define SENTENCE_MAX 400
#define SITES_SHOWN  4
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
		.records = cpus[0]->ring.mask + 1,
		.second = boot_info.tsc_khz * 1000,
	};
}

/* Tenths of a second. */
static void add_later(struct text *t, uint64_t ticks)
{
	uint64_t tenths = ticks / (boot_info.tsc_khz * 100 + 1);

	text_add(t, "; %lu.%lu s later ", tenths / 10, tenths % 10);
}

static void tell(const struct trap_record *r, const char *end)
{
	char sentence[SENTENCE_MAX], quoted[SENTENCE_MAX];
	struct text t = text_on(sentence, sizeof(sentence)), q = text_on(quoted, sizeof(quoted));

	verdict_add(&t, r);
	if (end) {
		add_later(&t, rdtsc() - r->tsc);
		text_add(&t, "%s", end);
	}
	text_add_value(&q, sentence, true);
	console_print("trapline: verdict %s", quoted);
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

bool story_tell(const char *end, unsigned seconds)
{
	static struct trap_record r;
	struct verdict_source s = all_cpus();

	if (!verdict_find(&s, UINT64_MAX, &r) || rdtsc() - r.tsc > seconds * s.second)
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
	return verdict_find(&s, site->first_tsc, root) &&
	       site->first_tsc - root->tsc < ROOT_SECONDS * s.second;
}

void story_tell_chain(const struct cpu *cpu, const struct trap_record *first)
{
	static struct trap_record root;

	if (find_root(cpu, first, &root)) {
		tell(&root, "the handlers' own faults ended in a triple fault");
		tell_record(cpu, &root);
	} else {
		tell(first, NULL);
		report_trap(first);
	}
	tell_sites();
}
