// SPDX-License-Identifier: MIT
#include "exit/watch_access.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "exit/watch_hit.h"
#include "exit/watch_piece.h"
#include "guest/insn.h"
#include "guest/known_insn.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "mem/pool.h"
#include "stage2/private.h"
#include "stage2/spare.h"
#include "stage2/stage2.h"
#include "stage2/taken.h"
#include "trace/decode.h"
#include "trace/vector.h"
#include "vendor.h"

#define HITS_MAX       12 /* of one step; more are counted as limited */
#define VALUE_MAX      8
#define FRAME_MAX      64 /* bytes that the delivery of an event pushes at most */
#define WALK_SIZE(cr4) ((cr4)&CR4_PAE ? 8 : 4)

/* An access as the exit reports it, with what is known of its length. */
struct accessed {
	uint64_t at; /* guest-physical */
	uint64_t linear;
	bool has_linear;
	unsigned right; /* STAGE2_READ, STAGE2_WRITE or STAGE2_FETCH */
	unsigned flags; /* TRAP_WATCH_... */
	unsigned size;  /* 0: not known */
	unsigned bound, below;
};

struct hit {
	const struct watch_piece *piece; /* compared, not followed: the pieces may change meanwhile */
	struct watch *watch;
	uint32_t generation;
	uint64_t at, linear, old;
	uint8_t access, size, bytes, flags;
	bool has_linear, has_old;
	bool sure; /* otherwise it is a hit if the bytes have changed */
};

struct watching {
	bool begun;    /* a step is under way */
	bool entries;  /* it may write page tables that a watch follows */
	bool recorded; /* `record` is of its beginning */
	bool going_on; /* this exit has begun or continued it */
	unsigned hits;
	uint64_t rip;
	struct hit hit[HITS_MAX];
	struct trap_record record;
	struct known_insn known[KNOWN_INSNS];
};

/* What the pool keeps for the guest stays there. */
static bool may_take(void)
{
	return spare_count() || pool_left() >= STAGE2_RESERVE;
}

bool watch_access_reserve(void)
{
	_Static_assert(sizeof(struct watching) <= PAGE_SIZE, "one page");

	for_each_cpu (c) {
		uint64_t pa = !c->watching && may_take() ? spare_take(1) : 0;

		if (!c->watching && !pa)
			return false;
		if (!pa)
			continue;
		c->watching = pool_virt(pa);
		c->known = c->watching->known;
	}
	return true;
}

static bool overlaps(uint64_t at, uint64_t size, const struct watch_piece *p)
{
	return at <= p->last && at + size - 1 >= p->first;
}

/* The first byte of the access that is watched, and how many follow for which a value is kept. */
static void note_values(struct hit *h, const struct accessed *a, const struct watch_piece *p)
{
	uint64_t from = a->at > p->first || !h->sure ? a->at : p->first,
		 n = a->size ? a->at + a->size - from : VALUE_MAX;

	if (!h->sure) {
		from = p->first > a->at - a->below ? p->first : a->at - a->below;
		n = p->last - from + 1;
	}
	if (n > VALUE_MAX)
		n = VALUE_MAX;
	if (n > PAGE_SIZE - from % PAGE_SIZE)
		n = PAGE_SIZE - from % PAGE_SIZE;
	h->at = from;
	h->bytes = (uint8_t)n;
	h->old = 0;
	h->has_old = a->right != STAGE2_FETCH && guest_ram_read(from, &h->old, n);
	h->has_linear = a->has_linear;
	h->linear = a->linear + (from - a->at);
}

static void note_hit(struct watching *s, const struct accessed *a, const struct watch_piece *p, bool sure)
{
	struct hit *h = &s->hit[s->hits];

	for (unsigned i = 0; i < s->hits; i++) /* the same again: the step began anew */
		if (s->hit[i].piece == p && s->hit[i].access == a->right && s->hit[i].sure >= sure)
			return;
	if (s->hits == HITS_MAX) {
		atomic_fetch_add_explicit(&p->watch->limited, sure, memory_order_relaxed);
		return;
	}
	s->hits++;
	*h = (struct hit){.piece = p,
		.watch = p->watch,
		.generation = p->generation,
		.access = (uint8_t)a->right,
		.size = a->size > 255 ? 0 : (uint8_t)a->size,
		.flags = (uint8_t)a->flags,
		.sure = sure};
	note_values(h, a, p);
}

enum match {
	MATCH_NO,
	MATCH_MAYBE,
	MATCH_YES
};

/*
 * The CPU reads page tables, and writes accessed and dirty bits. AMD-V reports all of that as writes (APM vol. 2 15.25.6), so there only
 * a change shows a write.
 */
static enum match match_walk(const struct accessed *a, const struct watch_piece *p)
{
	if (!overlaps(a->at, a->size, p))
		return MATCH_NO;
	if (p->access & WATCH_READ)
		return MATCH_YES;
	return p->access & a->right ? MATCH_MAYBE : MATCH_NO;
}

static enum match match(const struct accessed *a, const struct watch_piece *p)
{
	if (a->flags & TRAP_WATCH_WALK)
		return match_walk(a, p);
	if (!(p->access & a->right))
		return MATCH_NO;
	if (overlaps(a->at, a->size ? a->size : 1, p))
		return MATCH_YES;
	if (a->right == STAGE2_WRITE && overlaps(a->at - a->below, a->below + a->bound, p))
		return MATCH_MAYBE;
	return MATCH_NO;
}

/* The walks and deliveries of a step cannot be denied. */
static bool denies(const struct watching *s, const struct accessed *a, const struct watch_piece *p)
{
	struct watch_spec spec;
	uint32_t generation;
	uint16_t id;

	return p->action == WATCH_DENY && !(a->flags & (TRAP_WATCH_WALK | TRAP_WATCH_DELIVERY)) &&
	       watch_read(p->watch, &id, &spec, &generation) && generation == p->generation &&
	       !watch_excepts(&spec, s->rip);
}

/* Returns whether a watch denies the access. */
static bool note_hits(struct watching *s, const struct accessed *a)
{
	const struct watch_piece *p;
	bool denied = false;
	unsigned n;

	for (unsigned i = 0; (p = watch_piece_in(a->at, i, &n)); i = n + 1) {
		enum match m;

		if (p->is_entry) {
			s->entries |= a->right & STAGE2_WRITE;
			continue;
		}
		m = p->action == WATCH_BREAK ? MATCH_NO : match(a, p);
		if (m == MATCH_NO)
			atomic_fetch_add_explicit(&p->watch->neighbours, 1, memory_order_relaxed);
		else
			note_hit(s, a, p, m == MATCH_YES);
		denied |= m == MATCH_YES && denies(s, a, p);
	}
	return denied;
}

/* The instruction's own address counts, if it begins in this page. */
static void find_fetch(struct cpu *cpu, struct accessed *a)
{
	uint64_t rip = insn_address(cpu), physical;

	if (!insn_leads_to(cpu, rip, a->at, &physical)) {
		a->at &= ~(PAGE_SIZE - 1);
		return;
	}
	a->at = physical;
	a->linear = rip;
	a->has_linear = true;
}

static void find_size(struct cpu *cpu, struct accessed *a)
{
	const struct access *i = &insn_known(cpu)->access;

	a->size = i->size;
	a->bound = i->bound;
	a->below = i->below;
	if (i->locked)
		a->flags |= TRAP_WATCH_LOCKED;
}

static void describe(struct cpu *cpu, struct accessed *a)
{
	const struct exit *x = &cpu->exit;

	*a = (struct accessed){.at = x->address, .right = x->qualifier & STAGE2_ALL};
	if (x->qualifier & STAGE2_WALK) {
		a->flags = TRAP_WATCH_WALK;
		a->size = a->bound = WALK_SIZE(vendor->state.get(cpu, GUEST_CR4));
		a->at &= ~(uint64_t)(a->size - 1);
		return;
	}
	a->linear = x->linear;
	a->has_linear = x->qualifier & STAGE2_LINEAR;
	if (x->during.valid) {
		a->flags = TRAP_WATCH_DELIVERY;
		a->bound = 16;
		a->below = a->right == STAGE2_WRITE ? FRAME_MAX : 0;
	} else if (a->right == STAGE2_FETCH) {
		find_fetch(cpu, a);
	} else {
		find_size(cpu, a);
	}
}

static void begin(struct cpu *cpu, struct watching *s)
{
	if (s->begun)
		return;
	s->begun = true;
	s->recorded = s->entries = false;
	s->hits = 0;
	s->rip = vendor->state.get(cpu, GUEST_RIP);
}

/*
 * The guest's state is that of the beginning at each exit before the step is over. An access that is no hit needs no record, except to
 * tell whose data breakpoint was matched.
 */
static void record(struct cpu *cpu, struct watching *s)
{
	if (s->recorded || (!s->hits && !(vendor->state.get(cpu, GUEST_DR7) & DR7_ENABLED)))
		return;
	s->recorded = true;
	watch_hit_begin(cpu, &s->record);
}

/* The value after the access; returns whether it is another one. */
static bool note_new(const struct hit *h, struct trap_record *r)
{
	uint64_t now = 0;
	bool known = h->has_old && guest_ram_read(h->at, &now, h->bytes);

	watch_hit_values(r, h->old, now);
	if (!known)
		return false;
	r->watch_flags |= TRAP_WATCH_OLD;
	if (h->access == WATCH_WRITE || now != h->old)
		r->watch_flags |= TRAP_WATCH_NEW;
	return now != h->old;
}

static void fill(const struct hit *h, struct trap_record *r)
{
	r->watch_access = h->access;
	r->watch_size = h->size;
	watch_hit_place(r, h->flags | (h->has_linear ? TRAP_WATCH_LINEAR : 0u), h->at, h->linear);
}

static void tell(struct cpu *cpu, struct watching *s, const struct hit *h, bool done)
{
	struct trap_record *r = &s->record;
	uint64_t cr2 = r->cr2;
	bool changed;

	fill(h, r);
	changed = note_new(h, r);
	if (h->flags & TRAP_WATCH_WALK)
		r->watch_access = changed ? WATCH_WRITE : WATCH_READ;
	if (changed || (h->sure && (done || h->access == WATCH_EXECUTE)))
		watch_hit_end(cpu, h->watch, h->generation, r);
	else if (done)
		atomic_fetch_add_explicit(&h->watch->neighbours, 1, memory_order_relaxed);
	r->cr2 = cr2;
}

static void deny(struct cpu *cpu, struct watching *s)
{
	for (unsigned i = 0; i < s->hits; i++) {
		struct hit *h = &s->hit[i];

		fill(h, &s->record);
		s->record.watch_flags |= TRAP_WATCH_DENIED;
		watch_hit_values(&s->record, h->old, 0);
		if (h->has_old)
			s->record.watch_flags |= TRAP_WATCH_OLD;
		if (h->sure)
			watch_hit_end(cpu, h->watch, h->generation, &s->record);
	}
	s->hits = 0;
	cpu_add_work(cpu, CPU_WORK_STEP); /* ends the step, if there is one */
	exception_raise(cpu, VEC_GP, 0);
}

/* The first fetch after the delivery of an event, which was the step; or the page walk for it. */
static bool ends_delivery(struct cpu *cpu)
{
	return cpu->work & CPU_WORK_STEP && !cpu->private_tables->fetches && !cpu->exit.during.valid;
}

/* A breakpoint of a debugger's at this instruction: it is not executed. */
static bool breaks(struct cpu *cpu, const struct accessed *a)
{
	const struct watch_piece *p;
	unsigned n;

	if (a->right != STAGE2_FETCH || !a->has_linear)
		return false;
	for (unsigned i = 0; (p = watch_piece_in(a->at, i, &n)); i = n + 1) {
		if (p->action != WATCH_BREAK || a->at < p->first || a->at > p->last)
			continue;
		watch_hit_break(cpu, p->watch, p->generation);
		return true;
	}
	return false;
}

bool watch_stage2(struct cpu *cpu)
{
	struct watching *s = cpu->watching;
	struct accessed a;
	bool denied;

	if (!s)
		return false;
	if (ends_delivery(cpu)) {
		cpu->stepped = true;
		return true;
	}
	if (!stage2_taken(cpu->exit.address) || cpu->exit.qualifier & STAGE2_RESERVED)
		return false;
	insn_fetch(cpu);
	describe(cpu, &a);
	if (breaks(cpu, &a))
		return true;
	begin(cpu, s);
	denied = note_hits(s, &a);
	record(cpu, s);
	if (denied) {
		deny(cpu, s);
		return true;
	}
	private_open(cpu, cpu->exit.address, a.right);
	s->going_on = true;
	cpu_add_work(cpu, CPU_WORK_STEP);
	return true;
}

void watch_step_on(struct cpu *cpu)
{
	if (cpu->work & CPU_WORK_STEP)
		cpu->watching->going_on = true;
}

bool watch_step_accesses(const struct cpu *cpu, uint64_t linear)
{
	const struct trap_record *r = &cpu->watching->record;
	struct access a;
	struct decoded d;

	if (!cpu->watching->recorded)
		return false;
	a = access_of(r->code, r->code_len, r->mode);
	decode(r, &d);
	for (unsigned i = 0; i < d.mems; i++)
		if (linear - d.mem[i] < (a.size ? a.size : a.bound) || d.mem[i] - linear < VALUE_MAX)
			return true;
	return false;
}

/* The end of the step by the CPU's own means. */
void exit_step(struct cpu *cpu)
{
	cpu->stepped = true;
}

/* Exits that come between instructions, and do not belong to one. */
#define BETWEEN                                                                                              \
	(1u << EXIT_INTERRUPT | 1u << EXIT_NMI | 1u << EXIT_NMI_WINDOW | 1u << EXIT_INTERRUPT_WINDOW |       \
		1u << EXIT_INIT | 1u << EXIT_SIPI | 1u << EXIT_SMI | 1u << EXIT_TIMER | 1u << EXIT_STAGE2)

enum progress {
	NOT_BEGUN, /* it begins anew, and exits anew */
	BEGUN,     /* it has ended in an exception, or in an exit of its own: what it did shows */
	DONE
};

static enum progress progress_of(struct cpu *cpu, const struct watching *s)
{
	if (cpu->stepped || vendor->state.get(cpu, GUEST_RIP) != s->rip)
		return DONE;
	return BETWEEN >> cpu->exit.kind & 1 ? NOT_BEGUN : BEGUN;
}

static void close_step(struct cpu *cpu)
{
	vendor->exits.watch(cpu, WATCH_STEP, false);
	private_close(cpu);
}

static void forget_step(struct cpu *cpu, struct watching *s)
{
	s->hits = 0;
	s->begun = s->going_on = cpu->stepped = false;
	cpu_end_work(cpu, CPU_WORK_STEP);
}

enum watch_step watch_step_over(struct cpu *cpu)
{
	struct watching *s = cpu->watching;
	enum progress progress;

	if (s->going_on)
		return WATCH_STEP_GOES_ON;
	progress = progress_of(cpu, s);
	close_step(cpu);
	for (unsigned i = 0; i < s->hits && progress != NOT_BEGUN; i++)
		tell(cpu, s, &s->hit[i], progress == DONE);
	if (s->entries && watch_pieces_moved())
		cpu_add_work(cpu, CPU_WORK_WATCH);
	forget_step(cpu, s);
	return progress == DONE ? WATCH_STEP_DONE : WATCH_STEP_UNDONE;
}

void watch_step_ask(struct cpu *cpu)
{
	cpu->run.holds = true;
	cpu->run.rip = vendor->state.get(cpu, GUEST_RIP);
	begin(cpu, cpu->watching);
	record(cpu, cpu->watching);
	cpu_add_work(cpu, CPU_WORK_STEP);
}

void watch_step_drop(struct cpu *cpu)
{
	cpu->run.holds = cpu->run.admits = false;
	if (!(cpu->work & CPU_WORK_STEP))
		return;
	close_step(cpu);
	forget_step(cpu, cpu->watching);
}

void watch_step_begin(struct cpu *cpu)
{
	struct watching *s = cpu->watching;

	s->going_on = false;
	private_refresh(cpu);
	vendor->exits.watch(cpu, WATCH_STEP, true);
}
