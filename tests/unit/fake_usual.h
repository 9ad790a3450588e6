// SPDX-License-Identifier: MIT
/*
 * Used by the test of each vendor's usual exception (exit/usual.h), which leaves the same behind as the long way of exit_exception(): the
 * guest, the fakes and the comparison. The test defines struct vendor_left before, and the functions that are declared here after.
 */
#ifndef FAKE_USUAL_H
#define FAKE_USUAL_H

#include "unit.h"
#include <string.h>
#include "cpu/host_interrupt.h"
#include "exit/exception.h"
#include "exit/shutdown.h"
#include "exit/usual.h"
#include "hw/x86.h"

#define RIP   0x7f0012345010ull
#define SLOTS 4

struct boot_info boot_info;

static struct cpu cpu;
static struct reserve reserve;
static struct trap_record records[SLOTS];
static _Alignas(4096) uint8_t page[4096];
static uint64_t tables[CODE_PAGE_LEVELS];
static unsigned after, calls, long_exits, ends;

/* What an exception leaves behind. */
struct left {
	struct trap_record record;
	struct vendor_left vendor;
	uint64_t counted[32][4], head, site_count;
	uint8_t vector, type;
	unsigned after;
};

static struct left by_usual, by_long;

/* The vendor, with what both ways use. */
#define USUAL_VENDOR(name)                                                                                   \
	static const struct vendor usual_vendor = {.state.get = name##_get,                                  \
		.state.set = name##_set,                                                                     \
		.state.capture = name##_capture,                                                             \
		.state.fetch = name##_fetch,                                                                 \
		.events.inject = name##_inject};                                                             \
	const struct vendor *vendor = &usual_vendor

/* The vendor's part of the guest, with the CR3 and the CR4 of the code page. */
static void make_vendor_guest(unsigned vector, unsigned cpl, uint64_t error, uint64_t address);
/* Takes the exception. Returns false if it goes the long way. */
static bool usual(unsigned vector);
static void long_way(void);
/* Fills in the vendor's part; the rest is there. */
static void look_at_vendor(struct left *l);

void host_interrupt_take(struct cpu *c)
{
}

void shutdown_guest(struct cpu *c)
{
}

void exit_vmcall(struct cpu *c)
{
	calls++;
	exit_skip(c);
}

void record_after(struct cpu *c, const struct trap_record *r)
{
	after++;
}

void record_find_site(struct cpu *c, struct trap_record *r)
{
	sites_find(&c->reserve->sites, r);
}

bool code_page_find(struct code_page *p, uint64_t cr3, uint64_t cr4, uint64_t linear)
{
	return false;
}

unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, struct code_page *last, uint8_t *code)
{
	return 0;
}

/* Every byte of the guest's state is another one. */
static void fill(void *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = (uint8_t)(i * 37 + i / 256 + 1);
}

static void make_guest(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	memset(&cpu, 0, sizeof(cpu));
	memset(&reserve, 0, sizeof(reserve));
	memset(records, 0xee, sizeof(records));
	fill(cpu.gpr, sizeof(cpu.gpr));
	fill(page, sizeof(page));
	cpu.number = 3;
	cpu.reserve = &reserve;
	cpu.poll_mask = ~0u;
	ring_init(&cpu.ring, records, SLOTS);
	cpu.writing = &cpu.ring;
	cpu.code_page = (struct code_page){
		.base = RIP & ~4095ull, .room = CODE_PAGE_ROOM, .offset = (uint64_t)page - (RIP & ~4095ull)};
	for (unsigned i = 0; i < CODE_PAGE_LEVELS; i++) {
		cpu.code_page.at[i] = &tables[i];
		cpu.code_page.entry[i] = tables[i] = 0x1000 * i + 7;
	}
	make_vendor_guest(vector, cpl, error, address);
	exit_begin(&cpu.exit);
	after = calls = long_exits = ends = 0;
}

static void make_ud(void)
{
	make_guest(VEC_UD, 0, 0, 0);
}

static void look(struct left *l)
{
	const struct trap_record *r = &records[1];

	memset(l, 0, sizeof(*l));
	l->record = *r;
	memcpy(l->counted, cpu.stats.vectors, sizeof(l->counted));
	l->head = cpu.ring.head;
	l->site_count = reserve.sites.site[site_hash(r->rip, site_key(r))].count;
	l->vector = cpu.recorded_vector;
	l->type = cpu.recorded_type;
	l->after = after;
	look_at_vendor(l);
}

static void go_both_ways(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	make_guest(vector, cpl, error, address);
	assert_true(usual(vector));
	look(&by_usual);
	make_guest(vector, cpl, error, address);
	long_way();
	look(&by_long);
}

static void assert_same_left(void)
{
	assert_memory_equal(&by_usual.record, &by_long.record, sizeof(by_usual.record));
	assert_memory_equal(&by_usual, &by_long, sizeof(by_usual));
	assert_int_equal(by_usual.record.seq, 1);
}

/* Each of `vectors`, from the kernel and from a process. */
static void compare_all(
	uint32_t vectors, void (*compare)(unsigned vector, unsigned cpl, uint64_t error, uint64_t address))
{
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			if (!(vectors >> vector & 1))
				continue;
			compare(vector, cpl, 0x1234, 0x7fff00001000);
			compare(vector, cpl, 0, 8);
			compare(vector, cpl, 6, 0xffff800000000000);
		}
}

/* The guest has been changed since make_ud(), and the short way cannot do it: nothing is recorded. */
static void assert_refused(void)
{
	assert_false(usual(VEC_UD));
	assert_int_equal(cpu.ring.head, 0);
}

static void refuses_changed_tables(void)
{
	make_ud();
	tables[2] ^= 0x1000; /* the guest has changed its tables, and the code cannot be found again */
	assert_refused();
}

/* Of the work that waits, the console's is done at the end of the exit. */
static void takes_with_console(void)
{
	make_ud();
	cpu.work = CPU_WORK_CONSOLE;
	assert_true(usual(VEC_UD));
	assert_int_equal(ends, 1);
}

static void take_code(const uint8_t *code, size_t n)
{
	memcpy(page + (RIP & 4095), code, n);
	assert_true(usual(VEC_UD));
}

/* A call, and no exception. */
static void serve_call(const uint8_t *code, size_t n)
{
	take_code(code, n);
	assert_int_equal(calls, 1);
	assert_int_equal(ends, 1);
	assert_int_equal(cpu.ring.head, 0);
}

#endif
