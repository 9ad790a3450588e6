#include "trace/process.h"
#include <stdatomic.h>
#include <stddef.h>

#define PROCESSES 1024 /* a power of two */
#define WAYS      4
#define SPACE     (~0xfffull)
#define USER_HALF 0x1000ull
#define TRIES     4
#define CR0_PG    (1u << 31)
#define EFER_LMA  (1u << 10)

/* While `version` is odd it is being written. */
struct entry {
	_Atomic uint32_t version;
	_Atomic uint32_t pid; /* 0: empty */
	_Atomic uint64_t space;
	_Atomic uint64_t name[PROCESS_NAME_MAX / 8];
};

static struct entry table[PROCESSES];
static unsigned turn; /* which of the ways goes */
static process_pair *is_pair;

void process_pairs_by(process_pair *pair)
{
	is_pair = pair;
}

/* Programs have spaces of their own, and so have kernels whose half they share. What runs at low addresses is firmware, or like it. */
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

/* Page tables that come in pairs are two pages each. */
static struct entry *way(uint64_t space, unsigned n)
{
	uint64_t hash = (space >> 12) * 0x9e3779b97f4a7c15ull >> 32;

	return &table[(hash & ~(WAYS - 1ull)) % PROCESSES + n];
}

static void write_entry(struct entry *e, uint64_t space, uint32_t pid, const char *name)
{
	uint64_t words[PROCESS_NAME_MAX / 8];

	__builtin_memcpy(words, name, sizeof(words));
	atomic_fetch_add(&e->version, 1);
	atomic_store(&e->pid, pid);
	atomic_store(&e->space, space);
	atomic_store(&e->name[0], words[0]);
	atomic_store(&e->name[1], words[1]);
	atomic_fetch_add(&e->version, 1);
}

void process_note(uint64_t space, uint32_t pid, const char *name)
{
	struct entry *place = NULL;

	space &= SPACE;
	for (unsigned n = 0; n < WAYS; n++) {
		struct entry *e = way(space, n);

		if (atomic_load(&e->pid) && atomic_load(&e->space) == space) {
			place = e;
			break;
		}
		if (!place && !atomic_load(&e->pid))
			place = e;
	}
	if (!place && !pid)
		return;
	write_entry(place ? place : way(space, turn++ % WAYS), space, pid, name);
}

/* False: somebody wrote meanwhile. */
static bool read_entry(struct entry *e, uint64_t space, struct process *out)
{
	uint32_t version = atomic_load(&e->version);
	uint64_t words[PROCESS_NAME_MAX / 8];

	out->pid = atomic_load(&e->space) == space ? atomic_load(&e->pid) : 0;
	words[0] = atomic_load(&e->name[0]);
	words[1] = atomic_load(&e->name[1]);
	__builtin_memcpy(out->name, words, sizeof(words));
	out->name[PROCESS_NAME_MAX] = '\0';
	return !(version & 1) && atomic_load(&e->version) == version;
}

bool process_find(uint64_t space, struct process *out)
{
	for (unsigned n = 0; n < WAYS; n++)
		for (unsigned i = 0; i < TRIES; i++)
			if (read_entry(way(space, n), space, out)) {
				if (out->pid)
					return true;
				break;
			}
	return false;
}
