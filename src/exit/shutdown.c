#include "exit/shutdown.h"
#include "console/console.h"
#include "console/fault.h"
#include "cpu/asm.h"
#include "exit/dispatch.h"
#include "trace/format.h"
#include "trace/summary.h"

#define CHAIN_MAX 8

/* The table of what was recorded, all CPUs together. */
static void print_summary(void)
{
	static char table[SUMMARY_MAX];
	struct trap_counts counts = {0};

	for (unsigned c = 0; c < BOOT_MAX_CPUS; c++)
		for (unsigned v = 0; cpus[c] && v < VECTOR_COUNT; v++) {
			counts.kernel[v] += cpus[c]->stats.vectors[v][0];
			counts.user[v] += cpus[c]->stats.vectors[v][1];
		}
	summary_format(table, sizeof(table), &counts);
	console_print("trapline: summary\n%strapline: end of summary", table);
}

static void print_exits(void)
{
	for (unsigned k = 0; k < EXIT_KIND_COUNT; k++) {
		uint64_t n = 0;

		for (unsigned c = 0; c < BOOT_MAX_CPUS; c++)
			n += cpus[c] ? cpus[c]->stats.exits[k] : 0;
		if (n)
			console_print("trapline: exits kind=%s count=%lu", exit_kind_name(k), n);
	}
}

void shutdown_report(const char *why)
{
	console_finish();
	print_summary();
	print_exits();
	console_print("trapline: end of guest: %s", why);
}

/* The newest record and those it links to, first fault first. */
static void print_chain(struct cpu *cpu)
{
	static char line[TRAP_LINE_MAX];
	struct trap_record chain[CHAIN_MAX];
	uint64_t seq = atomic_load(&cpu->ring.head);
	unsigned n = 0;

	while (n < CHAIN_MAX && seq && ring_at(&cpu->ring, seq, &chain[n])) {
		uint8_t link = chain[n++].link;

		if (!link)
			break;
		seq -= link;
	}
	while (n--) {
		trap_format(line, sizeof(line), &chain[n], console_clock());
		console_print("%s", line);
	}
}

static void reset_machine(void)
{
	outb(0xcf9, 0x02);
	outb(0xcf9, 0x06);
	outb(0x64, 0xfe);
}

void shutdown_guest(struct cpu *cpu)
{
	console_finish();
	console_print("trapline: triple fault cpu=%u", cpu->number);
	print_chain(cpu);
	console_print("trapline: end");
	shutdown_report("triple fault");
	if (boot_info.config.triple_fault == TRIPLE_FAULT_RESET)
		reset_machine();
	fault_stop();
}

/*
 * The CPU's own report of a shutdown. With all exceptions intercepted the merge sees it first; this is for those that
 * trapline.conf leaves alone.
 */
void exit_shutdown(struct cpu *cpu)
{
	shutdown_guest(cpu);
}
