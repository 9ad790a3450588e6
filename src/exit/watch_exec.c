// SPDX-License-Identifier: MIT
#include "exit/watch_exec.h"
#include "apic/flush.h"
#include "exit/exception.h"
#include "exit/watch_hit.h"
#include "guest/insn.h"
#include "lib/array.h"
#include "mem/guest_ram.h"
#include "mem/guest_walk.h"
#include "stage2/exec.h"
#include "stage2/stage2.h"
#include "trace/vector.h"
#include "vendor.h"
#include "watch/exec_ranges.h"

#define TOLD_MAX   1024 /* pages whose last record is remembered */
#define INSN_MAX   15
#define FORGET_MAX 16384                 /* pages that are closed one by one: 64 MiB */
#define GOLDEN     0x9e3779b97f4a7c15ull /* 2^64 / the golden ratio: spreads the bits of a counter */

static uint32_t served; /* the generation of the watch in force; 0: there is none */
static uint64_t key;    /* of contents_of(), odd: the guest cannot compute the sums of its pages */

/* The pages that were told, with their contents then. */
static struct told {
	uint64_t page, contents;
} told[TOLD_MAX];

struct found {
	struct watch *watch;
	struct watch_spec spec;
	uint32_t generation;
};

static bool find(struct found *f)
{
	uint16_t id;

	for_each_watch (w)
		if (watch_read(w, &id, &f->spec, &f->generation) && f->spec.space == WATCH_EXEC) {
			f->watch = w;
			return true;
		}
	return false;
}

static void begin(const struct found *f)
{
	for (unsigned i = 0; i < f->spec.excepts; i++)
		exec_ranges_allow(&f->spec.except[i]);
	for (unsigned i = 0; i < TOLD_MAX; i++)
		told[i] = (struct told){0};
	key = (rdtsc() * GOLDEN) | 1;
}

void watch_exec_changed(struct cpu *cpu)
{
	struct found f;
	bool there = find(&f);

	if (served == (there ? f.generation : 0))
		return;
	if (cpu)
		flush_hold(cpu);
	if (there)
		begin(&f);
	else
		exec_ranges_clear();
	exec_switch(there);
	served = there ? f.generation : 0;
	if (cpu)
		flush_release(cpu, true);
}

void watch_exec_end(void)
{
	struct found f;

	if (find(&f))
		watch_retire(f.watch, f.generation);
	watch_exec_changed(NULL);
}

/* Both halves of the product: the lower one alone lets the highest bits through as they are. */
static uint64_t mix(uint64_t sum)
{
	__extension__ unsigned __int128 product = (unsigned __int128)sum * key;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t contents_of(uint64_t page)
{
	uint64_t sum = key, words[64];

	for (unsigned at = 0; at < PAGE_SIZE; at += sizeof(words)) {
		if (!guest_ram_read(page + at, words, sizeof(words)))
			return sum;
		for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
			sum = mix(sum ^ words[i]);
	}
	return sum;
}

/* Whether the page was told with these contents; remembers it. */
static bool was_told(uint64_t page)
{
	struct told *t = &told[page / PAGE_SIZE % TOLD_MAX], now = {page, contents_of(page)};
	bool same = t->page == now.page && t->contents == now.contents;

	*t = now;
	return same;
}

/* The linear address at which the page is executed. The instruction may begin in the page before. */
static uint64_t linear_of(struct cpu *cpu)
{
	uint64_t rip = insn_address(cpu), next = (rip + INSN_MAX) & ~(PAGE_SIZE - 1), physical;
	bool across = next > rip && !insn_leads_to(cpu, rip, cpu->exit.address, &physical) &&
		      insn_leads_to(cpu, next, cpu->exit.address, &physical);

	return across ? next : rip;
}

static bool is_expected(struct cpu *cpu, uint64_t linear)
{
	return guest_cpl(cpu) == 3 || exec_ranges_have(linear);
}

static void tell(struct cpu *cpu, const struct found *f, uint64_t linear)
{
	uint64_t at = (cpu->exit.address & ~(PAGE_SIZE - 1)) | (linear & (PAGE_SIZE - 1));
	struct trap_record r;

	watch_hit_begin(cpu, &r);
	watch_hit_values(&r, 0, 0);
	r.watch_access = WATCH_EXECUTE;
	r.watch_size = 0;
	watch_hit_place(
		&r, TRAP_WATCH_LINEAR | (f->spec.action == WATCH_DENY ? TRAP_WATCH_DENIED : 0), at, linear);
	watch_hit_end(cpu, f->watch, f->generation, &r);
}

enum verdict {
	EXPECTED,
	SAME_AGAIN, /* it was told */
	UNEXPECTED,
	REFUSED
};

static enum verdict judge(struct cpu *cpu, struct found *f, uint64_t linear)
{
	if (!find(f))
		return EXPECTED;
	if (is_expected(cpu, linear)) {
		atomic_fetch_add_explicit(&f->watch->neighbours, 1, memory_order_relaxed);
		return EXPECTED;
	}
	if (f->spec.action == WATCH_DENY)
		return REFUSED;
	return was_told(cpu->exit.address & ~(PAGE_SIZE - 1)) ? SAME_AGAIN : UNEXPECTED;
}

/* Another CPU may have opened the page since this exit. */
static enum exec_exit fetch(struct cpu *cpu)
{
	uint64_t linear = linear_of(cpu);
	enum verdict verdict;
	struct found f;
	bool closed;

	flush_hold(cpu);
	closed = exec_state(cpu->exit.address) == EXEC_STATE_CLOSED;
	verdict = closed ? judge(cpu, &f, linear) : EXPECTED;
	if (closed && verdict != REFUSED)
		exec_open(cpu->exit.address);
	flush_release(cpu, closed && verdict != REFUSED);
	if (verdict == UNEXPECTED || verdict == REFUSED)
		tell(cpu, &f, linear);
	if (verdict == REFUSED)
		exception_raise(cpu, VEC_GP, 0);
	return verdict == REFUSED ? EXEC_DENIED : closed ? EXEC_CHANGED : EXEC_NOT_MINE;
}

/* The contents change: what is executed there next is seen again. */
static enum exec_exit store(struct cpu *cpu)
{
	uint64_t gpa = cpu->exit.address;
	bool open;

	flush_hold(cpu);
	open = exec_state(gpa) == EXEC_STATE_OPEN;
	if (open)
		exec_close(gpa);
	flush_release(cpu, open);
	return open ? EXEC_CHANGED : EXEC_NOT_MINE;
}

enum exec_exit watch_exec_stage2(struct cpu *cpu)
{
	uint64_t q = cpu->exit.qualifier;

	if (!exec_is_on() || q & STAGE2_RESERVED)
		return EXEC_NOT_MINE;
	if (q & STAGE2_WRITE)
		return store(cpu);
	return q & STAGE2_FETCH && !(q & STAGE2_WALK) ? fetch(cpu) : EXEC_NOT_MINE;
}

/* Pages that are not mapped have been closed by the store that gave them other contents, or are closed with all others. */
static void forget(struct cpu *cpu, const struct watch_range *r)
{
	uint64_t at = r->first & ~(PAGE_SIZE - 1), pages = r->last / PAGE_SIZE - at / PAGE_SIZE + 1, physical;
	struct guest_paging paging;

	if (!served)
		return;
	if (pages > FORGET_MAX) {
		exec_switch(true);
		return;
	}
	vendor->state.paging(cpu, &paging);
	for (; pages--; at += PAGE_SIZE)
		if (guest_translate(&paging, at, &physical))
			exec_forget(physical);
}

const char *watch_exec_allow(struct cpu *cpu, char *list, bool allow)
{
	struct watch_range r[WATCH_EXCEPT_MAX];
	uint32_t n = 0;

	if (!watch_parse_ranges(r, &n, list))
		return "not ranges of bytes: up to four FIRST-LAST, ADDRESS+BYTES, with commas";
	if (!exec_ranges_fit(n))
		return "there are 1024 ranges already";
	flush_hold(cpu);
	for (unsigned i = 0; i < n; i++) {
		if (allow) {
			exec_ranges_allow(&r[i]);
			continue;
		}
		exec_ranges_forbid(&r[i]);
		forget(cpu, &r[i]);
	}
	flush_release(cpu, !allow);
	return NULL;
}
