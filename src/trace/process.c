// SPDX-License-Identifier: MIT
#include "trace/process.h"
#include <stdatomic.h>
#include <stddef.h>

#define PROCESSES 4096 /* The table's size, a power of two. */
#define WAYS      16   /* short-lived programs use the same few page tables again and again */
#define SPACE     0x000ffffffffff000ull /* CR3 without PCID, PWT, PCD, and LAM in bits 61 and 62 */
#define USER_HALF 0x1000ull
#define TRIES     4
#define CR0_PG    (1u << 31)
#define EFER_LMA  (1u << 10)

/* `version` is odd while the entry is written. */
struct entry {
	_Atomic uint32_t version;
	_Atomic uint32_t pid;
	_Atomic uint64_t space; /* 0: the entry is empty. */
	_Atomic uint64_t tsc;
	_Atomic uint64_t name[PROCESS_NAME_MAX / 8];
};

static struct entry table[PROCESSES];
static process_pair *is_pair;

void process_pairs_by(process_pair *pair)
{
	is_pair = pair;
}

/* Programs have an address space each, and kernels in the upper half run in theirs. Privileged code at low addresses is firmware, or the like. */
static bool tells_apart(const struct trap_record *r)
{
	if (!(r->cr0 & CR0_PG))
		return false;
	return r->cpl == 3 || (r->efer & EFER_LMA && r->rip >> 63);
}

uint64_t process_space(const struct trap_record *r)
{
	uint64_t space = r->cr3 & SPACE;

	if (!tells_apart(r))
		return 0;
	return space & USER_HALF && is_pair && is_pair(space) ? space - USER_HALF : space;
}

/* Entry n of the set that a space belongs to. */
static struct entry *way(uint64_t space, unsigned n)
{
	uint64_t hash = (space >> 12) * 0x9e3779b97f4a7c15ull >> 32;

	return &table[(hash & ~(WAYS - 1ull)) % PROCESSES + n];
}

static void write_entry(struct entry *e, uint64_t space, uint64_t tsc, uint32_t pid, const char *name)
{
	uint64_t words[PROCESS_NAME_MAX / 8];

	__builtin_memcpy(words, name, sizeof(words));
	atomic_fetch_add(&e->version, 1);
	atomic_store(&e->pid, pid);
	atomic_store(&e->space, space);
	atomic_store(&e->tsc, tsc);
	atomic_store(&e->name[0], words[0]);
	atomic_store(&e->name[1], words[1]);
	atomic_fetch_add(&e->version, 1);
}

/* The oldest entry of the set goes, an empty one first: records of an earlier owner may still be printed. */
void process_note(uint64_t space, uint64_t tsc, uint32_t pid, const char *name)
{
	struct entry *oldest;

	space &= SPACE;
	oldest = way(space, 0);
	for (unsigned n = 1; n < WAYS; n++) {
		struct entry *e = way(space, n);

		if (atomic_load(&e->tsc) < atomic_load(&oldest->tsc))
			oldest = e;
	}
	write_entry(oldest, space, tsc, pid, name);
}

/* A copy of an entry. */
struct copy {
	uint64_t space, tsc;
	struct process process;
};

/* Returns false if the entry changed meanwhile. */
static bool read_entry(struct entry *e, struct copy *c)
{
	uint32_t version = atomic_load(&e->version);
	uint64_t words[PROCESS_NAME_MAX / 8];

	c->space = atomic_load(&e->space);
	c->tsc = atomic_load(&e->tsc);
	c->process.pid = atomic_load(&e->pid);
	words[0] = atomic_load(&e->name[0]);
	words[1] = atomic_load(&e->name[1]);
	__builtin_memcpy(c->process.name, words, sizeof(words));
	c->process.name[PROCESS_NAME_MAX] = '\0';
	return !(version & 1) && atomic_load(&e->version) == version;
}

bool process_find(uint64_t space, uint64_t tsc, struct process *out)
{
	uint64_t newest = 0;

	out->pid = 0;
	for (unsigned n = 0; space && n < WAYS; n++) {
		struct copy c;
		unsigned tries = TRIES;

		while (!read_entry(way(space, n), &c) && --tries)
			;
		if (!tries || c.space != space || c.tsc > tsc || c.tsc < newest)
			continue;
		newest = c.tsc;
		*out = c.process;
	}
	return out->pid;
}
