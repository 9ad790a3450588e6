// SPDX-License-Identifier: MIT
/*
 * Which pages are kept: those that a debugger reads first, and then others until the room is full. The guest may have put anything into its
 * registers, tables and stacks: every loop has a constant bound, and what cannot be read is left out.
 */
#include "report/core.h"
#include "blackbox/blackbox.h"
#include "cpu/moment.h"
#include "cpu/registers.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/string.h"
#include "mem/guest_ram.h"
#include "mem/guest_walk.h"
#include "trace/core_file.h"
#include "trace/walk_trace.h"

#define NEAR        256 /* bytes around RIP */
#define STACK_PAGES 4
#define STACK_MORE  16
#define FRAMES_MAX  32
#define TABLE_PAGES 4   /* of the IDT, the GDT and the TSS */
#define WORDS_MAX   512 /* of the stack, which may be pointers */

static struct core_file file;
static uint32_t limit; /* of pages, for what is kept at the moment */

/* One CPU. */
struct dead {
	const struct core_registers *r;
	struct guest_paging paging;
	uint64_t code, stack; /* linear */
	unsigned word;        /* bytes of a word on the stack */
};

static bool is_full(void)
{
	return file.pages >= limit || file.loads == file.loads_max;
}

static void keep_page(uint64_t linear, uint64_t physical)
{
	uint64_t page = physical & ~(PAGE_SIZE - 1);
	uint8_t *to;

	if (!is_full() && core_file_add_page(&file, linear & ~(PAGE_SIZE - 1), page, &to) && to &&
		!guest_ram_read(page, to, PAGE_SIZE))
		core_file_drop_page(&file);
}

static void keep(const struct dead *d, uint64_t linear)
{
	uint64_t physical;

	if (!is_full() && guest_translate(&d->paging, linear, &physical))
		keep_page(linear, physical);
}

static void keep_pages(const struct dead *d, uint64_t linear, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		keep(d, linear + i * PAGE_SIZE);
}

static void keep_range(const struct dead *d, const struct core_segment_state *s, unsigned pages)
{
	uint64_t reach = (s->base & (PAGE_SIZE - 1)) + s->limit;

	keep_pages(d, s->base, reach / PAGE_SIZE < pages ? (unsigned)(reach / PAGE_SIZE) + 1 : pages);
}

static void keep_code(const struct dead *d)
{
	keep(d, d->code);
	keep(d, d->code - NEAR);
	keep(d, d->code + NEAR);
}

static void keep_stack(const struct dead *d)
{
	keep_pages(d, d->stack, STACK_PAGES);
}

/* The chain of frame pointers, and the code that the return addresses lead to. It may be a circle, so it has to go up. */
static void keep_frames(const struct dead *d)
{
	uint64_t frame = d->r->gpr[TRAP_RBP], before = 0;

	for (unsigned i = 0; i < FRAMES_MAX && frame > before; i++) {
		uint64_t word[2] = {0};

		if (guest_read(&d->paging, frame, word, 2 * d->word) != 2 * d->word)
			return;
		if (d->word == 4) {
			word[1] = word[0] >> 32;
			word[0] &= UINT32_MAX;
		}
		keep(d, frame);
		keep(d, word[1]);
		before = frame;
		frame = word[0];
	}
}

static void keep_system(const struct dead *d)
{
	const struct core_segment_state *s = d->r->segment;

	keep_range(d, &s[CORE_IDTR], TABLE_PAGES);
	keep_range(d, &s[CORE_GDTR], TABLE_PAGES);
	keep_range(d, &s[CORE_TR], TABLE_PAGES);
	keep(d, s[CORE_GS].base);
	keep(d, s[CORE_FS].base);
	keep(d, d->r->kernel_gs_base);
}

static void keep_walk(const struct dead *d, uint64_t linear)
{
	struct walk w;

	walk_trace(&w, &d->paging, linear, guest_read64);
	for (unsigned i = 0; i < w.count; i++)
		if (w.level[i].readable)
			keep_page(CORE_FILE_PHYSICAL + w.level[i].at, w.level[i].at);
}

static void keep_walks(const struct dead *d)
{
	keep_walk(d, d->code);
	keep_walk(d, d->stack);
	keep_walk(d, d->r->cr2);
	keep_walk(d, d->r->segment[CORE_IDTR].base);
	keep_walk(d, d->r->segment[CORE_GDTR].base);
}

static void keep_pointers(const struct dead *d)
{
	keep(d, d->r->cr2);
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		keep(d, d->r->gpr[i]);
}

/* What the words on the stack point at: locals, callers, the structures that they have in hand. */
static void keep_reached(const struct dead *d)
{
	for (unsigned i = 0; i < WORDS_MAX; i++) {
		uint64_t word = 0;

		if (guest_read(&d->paging, d->stack + i * d->word, &word, d->word) != d->word)
			return;
		if (word >= PAGE_SIZE)
			keep(d, word);
	}
}

static void keep_more_stack(const struct dead *d)
{
	keep_pages(d, d->stack, STACK_MORE);
}

static void (*const steps[])(const struct dead *d) = {keep_code, keep_stack, keep_frames, keep_system,
	keep_walks, keep_pointers, keep_reached, keep_more_stack};

static struct dead dead_of(const struct core_registers *r)
{
	bool wide = r->efer & EFER_LMA && r->segment[CORE_CS].flags & CORE_CODE_64;

	return (struct dead){.r = r,
		.paging = {.cr0 = r->cr0, .cr3 = r->cr3, .cr4 = r->cr4, .efer = r->efer},
		.code = r->rip + (wide ? 0 : r->segment[CORE_CS].base),
		.stack = r->gpr[TRAP_RSP] + (wide ? 0 : r->segment[CORE_SS].base),
		.word = wide ? 8 : 4};
}

static void keep_all(const struct core_registers *r)
{
	struct dead d = dead_of(r);

	for (unsigned i = 0; i < ARRAY_SIZE(steps) && !is_full(); i++) {
		steps[i](&d);
		moment();
	}
}

static bool has_state(const struct cpu *c)
{
	return atomic_load(&c->stopped.is) || atomic_load(&c->paused);
}

/* Each step of each CPU compares with thousands of pages: cpu/moment.h. */
static void keep_step(unsigned i, const struct cpu *self)
{
	for_each_cpu (c) {
		struct dead d = dead_of(&c->registers);

		if (is_full())
			return;
		if (c == self || !has_state(c))
			continue;
		steps[i](&d);
		moment();
	}
}

/* Of all of them the most important pages first. */
static void keep_others(const struct cpu *self)
{
	for (unsigned i = 0; i < ARRAY_SIZE(steps) && !is_full(); i++)
		keep_step(i, self);
}

/* Returns the number of CPUs. */
static uint32_t add_cpus(const struct cpu *self, const struct core_registers *r)
{
	core_file_add_cpu(&file, r, self->number);
	for_each_cpu (c)
		if (c != self && has_state(c))
			core_file_add_cpu(&file, &c->registers, c->number);
	return file.cpus;
}

/* No instruction was executed between a fault and a triple fault. */
static void go_back(struct core_registers *r, const struct trap_record *at)
{
	memcpy(r->gpr, at->gpr, sizeof(r->gpr));
	r->rip = at->rip;
	r->rflags = at->rflags;
	r->cr2 = at->cr2;
	r->segment[CORE_CS].selector = at->cs;
}

struct core_kept core_keep(struct cpu *cpu, const struct trap_record *at)
{
	struct core_registers *r = &cpu->registers;
	uint64_t room;
	void *to = blackbox_core_begin(&room);

	if (!to || !core_file_begin(&file, to, room, boot_info.cpus, at ? core_file_signal(at->vector) : 0))
		return (struct core_kept){0};
	cpu_registers(cpu, r);
	if (at)
		go_back(r, at);
	limit = add_cpus(cpu, r) > 1 ? file.pages_max / 2 : file.pages_max;
	keep_all(r);
	limit = file.pages_max;
	keep_others(cpu);
	keep_all(r);
	blackbox_core_end(core_file_size(&file));
	return (struct core_kept){core_file_size(&file), file.cpus, file.pages};
}
