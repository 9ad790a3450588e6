// SPDX-License-Identifier: MIT
/* The table of watches. */
#include "watch/watch.h"
#include "lib/array.h"

static struct watch table[WATCH_MAX];
static _Atomic uint32_t top; /* all slots from here on are free, so that a walk is short */
static uint16_t newest;

static bool is_used(uint32_t generation)
{
	return generation & 1;
}

static uint32_t generation_of(const struct watch *w)
{
	return atomic_load_explicit(&w->generation, memory_order_acquire);
}

struct watch *watch_next(const struct watch *after)
{
	size_t end = atomic_load_explicit(&top, memory_order_acquire);

	for (size_t i = after ? (size_t)(after - table) + 1 : 0; i < end; i++)
		if (is_used(generation_of(&table[i])))
			return &table[i];
	return NULL;
}

bool watch_read(const struct watch *w, uint16_t *id, struct watch_spec *spec, uint32_t *generation)
{
	*generation = generation_of(w);
	if (!is_used(*generation))
		return false;
	*id = w->id;
	*spec = w->spec;
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&w->generation, memory_order_relaxed) == *generation;
}

static struct watch *find(uint16_t id)
{
	for_each_watch (w)
		if (w->id == id)
			return w;
	return NULL;
}

static uint16_t free_id(void)
{
	do {
		newest++;
	} while (!newest || find(newest));
	return newest;
}

static struct watch *free_slot(void)
{
	for (size_t i = 0; i < WATCH_MAX; i++)
		if (!is_used(generation_of(&table[i])))
			return &table[i];
	return NULL;
}

/* The caller alone adds and deletes; a hit that ends a watch leaves the end where it was. */
static void set_top(void)
{
	uint32_t end = WATCH_MAX;

	while (end && !is_used(generation_of(&table[end - 1])))
		end--;
	atomic_store_explicit(&top, end, memory_order_release);
}

struct watch *watch_add(const struct watch_spec *spec)
{
	struct watch *w = free_slot();

	if (!w)
		return NULL;
	/* A CPU that reads the slot's last watch notices the change: both fences are those of a sequence lock. */
	atomic_fetch_add_explicit(&w->generation, 2, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	w->id = free_id();
	w->spec = *spec;
	w->hits = w->neighbours = w->limited = w->excepted = w->second = 0;
	w->in_second = 0;
	w->waits = false;
	atomic_fetch_add_explicit(&w->generation, 1, memory_order_release);
	set_top();
	return w;
}

bool watch_retire(struct watch *w, uint32_t generation)
{
	return is_used(generation) &&
	       atomic_compare_exchange_strong(&w->generation, &generation, generation + 1);
}

bool watch_delete(uint16_t id)
{
	struct watch *w = find(id);

	bool done = w && watch_retire(w, generation_of(w));

	set_top();
	return done;
}

unsigned watch_delete_all(void)
{
	unsigned n = 0;

	for_each_watch (w)
		n += watch_retire(w, generation_of(w));
	set_top();
	return n;
}

bool watch_any(enum watch_space space)
{
	for_each_watch (w)
		if (w->spec.space == space)
			return true;
	return false;
}

bool watch_any_memory(void)
{
	for_each_watch (w)
		if (w->spec.space == WATCH_PHYSICAL || w->spec.space == WATCH_LINEAR)
			return true;
	return false;
}

static bool is_register(const struct watch_spec *s, enum watch_register reg, uint32_t msr, unsigned access)
{
	return s->space == WATCH_REGISTER && s->reg == reg && s->access & access &&
	       (reg != WATCH_MSR || s->msr == msr);
}

/* Registers whose bits have names hit only if they change, even if no bits were named. */
static bool needs_change(enum watch_register reg)
{
	return reg == WATCH_CR0 || reg == WATCH_CR4 || reg == WATCH_EFER || reg == WATCH_DR7;
}

bool watch_register_hits(const struct watch_spec *spec, enum watch_register reg, uint32_t msr,
	unsigned access, uint64_t old, uint64_t new)
{
	if (!is_register(spec, reg, msr, access))
		return false;
	if (!(access & WATCH_WRITE) || (!spec->mask && !needs_change(reg)))
		return true;
	return (old ^ new) & (spec->mask ? spec->mask : UINT64_MAX);
}

bool watch_excepts(const struct watch_spec *spec, uint64_t rip)
{
	for (uint32_t i = 0; i < spec->excepts && i < WATCH_EXCEPT_MAX; i++)
		if (rip >= spec->except[i].first && rip <= spec->except[i].last)
			return true;
	return false;
}

uint64_t watch_register_mask(enum watch_register reg, uint32_t msr, unsigned access)
{
	uint64_t mask = 0;

	for_each_watch (w) {
		struct watch_spec s;
		uint32_t generation;
		uint16_t id;

		if (watch_read(w, &id, &s, &generation) && is_register(&s, reg, msr, access))
			mask |= s.mask ? s.mask : UINT64_MAX;
	}
	return mask;
}

/* Another CPU may begin the same second: a few records more than the rate do no harm. */
bool watch_hit(struct watch *w, uint64_t now, uint64_t per_second)
{
	uint32_t rate = w->spec.rate;

	atomic_fetch_add_explicit(&w->hits, 1, memory_order_relaxed);
	if (!rate || !per_second)
		return true;
	if (now - atomic_load_explicit(&w->second, memory_order_relaxed) >= per_second) {
		atomic_store_explicit(&w->second, now, memory_order_relaxed);
		atomic_store_explicit(&w->in_second, 0, memory_order_relaxed);
	}
	if (atomic_fetch_add_explicit(&w->in_second, 1, memory_order_relaxed) < rate)
		return true;
	atomic_fetch_add_explicit(&w->limited, 1, memory_order_relaxed);
	return false;
}
