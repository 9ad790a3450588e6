// SPDX-License-Identifier: MIT
#include "report/guest_names.h"
#include "report/guest_gate.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "log/log.h"
#include "mem/pool.h"
#include "mem/guest_ram.h"
#include "trace/format.h"
#include "trace/process.h"
#include "trace/slide.h"
#include "vendor.h"

/* The state of each CPU at the last search. */
static struct state {
	unsigned times; /* searches in this state; 0: none yet */
	bool under_way; /* the last one rests, or its stack was left as it was */
	uint64_t tsc;   /* of the last one */
	uint64_t idt, lstar;
} states[BOOT_MAX_CPUS];

#define TIMES_MOST 16

enum news {
	NEWS_NONE,
	NEWS_SLIDE,
	NEWS_MISFIT
};

static struct {
	_Atomic int news;
	_Atomic unsigned witnesses;
	bool misfit_said;
	unsigned finder; /* the CPU whose tables gave the slide: others may still be the firmware's */
} maps[NAMES_MAPS];

/* Low addresses belong to firmware images only while they are mapped one to one, as firmware does. */
static bool find(const struct guest_paging *paging, bool user, uint64_t address, struct name *n)
{
	uint64_t physical;

	if (names_find(address, n))
		return true;
	return !user && names_image(address, n) && guest_translate(paging, address, &physical) &&
	       physical == address;
}

void guest_names_add(
	struct text *t, const struct guest_paging *paging, bool user, uint64_t address, unsigned before)
{
	struct name n;

	if (!find(paging, user, address - before, &n))
		return;
	n.offset += before;
	text_add(t, " sym=\"");
	name_add(t, &n);
	text_add(t, "\"");
}

static void name_record(struct text *t, const struct trap_record *r)
{
	struct guest_paging paging = guest_paging_of(r);
	struct name n;

	if (find(&paging, r->cpl == 3, r->rip, &n))
		name_add(t, &n);
}

/* With page-table isolation (Linux) the lower halves of both tables point to the same tables. Two processes share none. */
static bool is_pair(uint64_t user)
{
	uint64_t mine, kernels;

	for (unsigned i = 0; i < 256; i++) {
		if (!guest_read64(user + 8 * i, &mine))
			return false;
		if (!(mine & PTE_PRESENT))
			continue;
		return guest_read64(user - PAGE_SIZE + 8 * i, &kernels) && kernels & PTE_PRESENT &&
		       !((mine ^ kernels) & PTE_ADDRESS);
	}
	return false;
}

static struct names_block *taken;

bool guest_names_take(const struct boot_info *info)
{
	uint64_t pages = (info->names_size + PAGE_SIZE - 1) / PAGE_SIZE, pa = pages ? pool_alloc(pages) : 0;

	if (!pa)
		return !pages;
	taken = pool_virt(pa);
	memcpy(taken, (const void *)info->names_base, info->names_size);
	return true;
}

void guest_names_begin(void)
{
	names_init(taken);
	trap_format_names(name_record);
	process_pairs_by(is_pair);
}

/* Adds the calls in the code of an entry point. Returns false if the code cannot be read. */
static bool see_code(struct slide_seen *seen, const struct guest_paging *paging, uint64_t address)
{
	uint8_t code[SLIDE_CODE];
	unsigned n =
		guest_is_canonical(paging, address) ? guest_read(paging, address, code, sizeof(code)) : 0;

	slide_add_code(seen, address, code, n);
	return n > 0;
}

static void see_gates(
	struct slide_seen *seen, const struct guest_paging *paging, const struct segment_state *idt)
{
	for (unsigned v = 0; v < SLIDE_GATES_MAX; v++) {
		uint64_t handler = guest_gate_handler(paging, idt, v);

		if (handler && see_code(seen, paging, handler))
			slide_add_gate(seen, handler);
		log_rest();
	}
}

static void note(unsigned n, int news, unsigned witnesses)
{
	atomic_store(&maps[n].witnesses, witnesses);
	atomic_store(&maps[n].news, news);
}

/* A known slide stays while the CPU's state shows too little. The gates of another kernel end it. */
static void judge(const struct cpu *cpu, const struct slide_seen *seen, unsigned n, bool again)
{
	struct names_block *b = names_block();
	uint64_t slide = 0, old;
	unsigned witnesses = 0;
	enum slide_result result = slide_find(b, &b->map[n], seen, &slide, &witnesses);
	bool known = names_slide(n, &old);

	if (result == SLIDE_FITS) {
		names_set_slide(n, slide);
		maps[n].finder = cpu->number;
		if (!known || old != slide)
			note(n, NEWS_SLIDE, witnesses);
		return;
	}
	if (known && maps[n].finder == cpu->number && !slide_fits_any(b, &b->map[n], seen, old))
		names_forget_slide(n);
	if (result == SLIDE_MISFITS && again && !known && !maps[n].misfit_said) {
		maps[n].misfit_said = true;
		note(n, NEWS_MISFIT, 0);
	}
}

static void search(struct cpu *cpu, const struct segment_state *idt, uint64_t lstar, bool again)
{
	struct slide_rest rest = {.rest = log_rest};
	struct slide_seen seen = {.rest = &rest};
	struct guest_paging paging;

	vendor->state.paging(cpu, &paging);
	see_gates(&seen, &paging, idt);
	seen.lstar = lstar && see_code(&seen, &paging, lstar) ? lstar : 0;
	for (unsigned n = 0; n < names_block()->maps; n++)
		if (names_block()->map[n].how == NAMES_FOUND)
			judge(cpu, &seen, n, again);
}

static bool all_found(void)
{
	uint64_t slide;

	for (unsigned n = 0; n < names_block()->maps; n++)
		if (names_block()->map[n].how == NAMES_FOUND && !names_slide(n, &slide))
			return false;
	return true;
}

/* A kernel may have been setting up its tables at the last search: once more after a second, then after two, and so on. */
static bool is_due(const struct state *s, uint64_t idt, uint64_t lstar)
{
	if (!s->times || s->under_way || s->idt != idt || s->lstar != lstar)
		return true;
	return !all_found() && s->times < TIMES_MOST &&
	       rdtsc() - s->tsc >= boot_info.tsc_khz * 1000 << (s->times - 1);
}

/* What a kernel sets up. False: it has no names, or the CPU is not in long mode. */
static bool read_state(const struct cpu *cpu, struct segment_state *idt, uint64_t *lstar)
{
	if (!names_block() || !names_block()->maps || !(vendor->state.get(cpu, GUEST_EFER) & EFER_LMA))
		return false;
	vendor->state.segment(cpu, SEG_IDTR, idt);
	*lstar = 0;
	guest_read_msr((struct cpu *)cpu, MSR_LSTAR, lstar);
	return true;
}

bool guest_names_due(const struct cpu *cpu)
{
	struct segment_state idt;
	uint64_t lstar;

	return read_state(cpu, &idt, &lstar) && is_due(&states[cpu->number], idt.base, lstar);
}

/* CPUs may search at the same time: each has its own findings, and what they lead to is stored at once. */
void guest_names_search(struct cpu *cpu)
{
	struct state *s = &states[cpu->number];
	struct segment_state idt;
	uint64_t lstar;

	if (!read_state(cpu, &idt, &lstar) || !is_due(s, idt.base, lstar))
		return;
	if (s->idt != idt.base || s->lstar != lstar)
		s->times = 0;
	s->times += !s->under_way || !s->times;
	s->under_way = true;
	s->tsc = rdtsc();
	s->idt = idt.base;
	s->lstar = lstar;
	search(cpu, &idt, lstar, s->times > 1);
	s->under_way = false;
}

/* Appends the slide of map n, which is known, as a number with a sign. */
static void add_slide(struct text *t, unsigned n)
{
	uint64_t slide = 0;

	names_slide(n, &slide);
	text_add(t, "%s0x%lx", slide >> 63 ? "-" : "", slide >> 63 ? -slide : slide);
}

/* Appends what it is from, and for which file. */
static void add_source(struct text *t, unsigned n)
{
	slide_witnesses_add(t, atomic_load(&maps[n].witnesses));
	text_add(t, " symbols=%s", names_block()->map[n].file);
}

static void format_slide(char *line, size_t size, unsigned n)
{
	struct text t = text_on(line, size);

	text_add(&t, "trapline: slide=");
	add_slide(&t, n);
	text_add(&t, " from ");
	add_source(&t, n);
}

bool guest_names_slide(unsigned n, char *line, size_t size)
{
	struct text t = text_on(line, size);
	uint64_t slide;

	if (!names_block() || n >= names_block()->maps)
		return false;
	if (!names_slide(n, &slide))
		return true;
	text_add(&t, "slide value=");
	add_slide(&t, n);
	text_add(&t, " from=");
	add_source(&t, n);
	return true;
}

bool guest_names_line(char *line, size_t size)
{
	for (unsigned n = 0; names_block() && n < names_block()->maps; n++) {
		int news = atomic_exchange(&maps[n].news, NEWS_NONE);

		if (news == NEWS_SLIDE)
			format_slide(line, size, n);
		else if (news == NEWS_MISFIT)
			snprintf(line, size, "trapline: symbols=%s is not of this kernel: no names from it",
				names_block()->map[n].file);
		else
			continue;
		return true;
	}
	return false;
}
