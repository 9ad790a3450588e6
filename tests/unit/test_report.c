// SPDX-License-Identifier: MIT
/*
 * The parts of reports: gates, page walks, chains, runs and named bits, from bytes that a guest may
 * leave.
 */
#include <string.h>
#include "hw/x86.h"
#include "unit.h"
#include "trace/walk_trace.h"
#include "trace/bits.h"
#include "trace/chain.h"
#include "trace/explain.h"
#include "trace/gate.h"
#include "trace/vector.h"

#define SLOTS 16

static char out[512];

static const char *gate(enum gate_kind kind, const char *bytes)
{
	struct gate_info g = gate_decode(kind, (const uint8_t *)bytes);
	struct text t = text_on(out, sizeof(out));

	gate_format(&t, kind, &g);
	return out;
}

/* SDM vol. 3A figures 6-2 and 6-8; in real mode offset and segment. */
static void gates(void **state)
{
	assert_string_equal(gate(GATE_LONG, "\x00\xa0\x08\x00\x02\x8e\x25\x3e\x01\x00\xff\xff\0\0\0"),
		"gate=\"64-bit interrupt gate\" to=0x8:0xffff00013e25a000 dpl=0 ist=2");
	assert_string_equal(gate(GATE_LONG, "\x00\xa0\x10\x00\x00\xef\x25\x3e\0\0\0\0\0\0\0"),
		"gate=\"64-bit trap gate\" to=0x10:0x3e25a000 dpl=3 ist=0");
	assert_string_equal(gate(GATE_LONG, "\x00\xa0\x08\x00\x00\x0e\x25\x3e\0\0\0\0\0\0\0"),
		"gate=\"64-bit interrupt gate\" to=0x8:0x3e25a000 dpl=0 ist=0 why=\"not present\"");
	assert_string_equal(gate(GATE_LONG, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
		"to=0x0:0x0 dpl=0 ist=0 why=\"type 0x0 is no gate\"");
	assert_string_equal(gate(GATE_LONG, "\x00\xa0\x03\x00\x00\x8e\x25\x3e\0\0\0\0\0\0\0"),
		"gate=\"64-bit interrupt gate\" to=0x3:0x3e25a000 dpl=0 ist=0 why=\"its code segment is "
		"null\"");
	assert_string_equal(gate(GATE_PROTECTED, "\x00\xa0\x08\x00\x00\x86\x25"),
		"gate=\"16-bit interrupt gate\" to=0x8:0x25a000 dpl=0");
	assert_string_equal(
		gate(GATE_PROTECTED, "\x00\x00\x28\x00\x00\x85\x00"), "gate=\"task gate\" to=0x28:0x0 dpl=0");
	assert_string_equal(
		gate(GATE_REAL, "\x34\x12\x00\xf0"), "gate=\"vector of real mode\" to=0xf000:0x1234");
	assert_int_equal(gate_kind_of(0x80000011, 0x500), GATE_LONG);
	assert_int_equal(gate_kind_of(0x11, 0), GATE_PROTECTED);
	assert_int_equal(gate_kind_of(0x10, 0x800), GATE_REAL);
}

/* Memory of the walks: eight pages of tables at 0x1000 to 0x8fff; everything else is not RAM. */
static uint64_t memory[8 * 512];

static bool read_memory(uint64_t physical, uint64_t *value)
{
	if (physical < 0x1000 || physical >= 0x9000)
		return false;
	*value = memory[(physical - 0x1000) / 8];
	return true;
}

static void set(uint64_t physical, uint64_t value)
{
	memory[(physical - 0x1000) / 8] = value;
}

static const char *level(const struct walk *w, unsigned n, uint32_t error)
{
	struct text t = text_on(out, sizeof(out));

	walk_format(&t, &w->level[n], error, 40);
	return out;
}

static void walk_long(void **state)
{
	const struct guest_paging p = {.cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x20, .efer = 0xd00};
	struct walk w;

	memset(memory, 0, sizeof(memory));
	set(0x1ff8, 0x2023);
	set(0x2ff0, 0x3023);
	set(0x3040, 0x4023);
	set(0x3048, 0x4000e3 | 1ull << 63);
	set(0x4008, 0x8061);
	walk_trace(&w, &p, 0xffffffff81001234, read_memory);
	assert_true(w.mapped && w.count == 4);
	assert_int_equal(w.physical, 0x8234);
	assert_string_equal(
		level(&w, 3, PF_P | PF_W), "PTE at=0x4008 entry=0x8061 bits=\"P A D\" why=\"not writable\"");
	assert_string_equal(level(&w, 0, PF_P | PF_U),
		"PML4E at=0x1ff8 entry=0x2023 bits=\"P W A\" why=\"supervisor only\"");
	walk_trace(&w, &p, 0xffffffff81212345, read_memory);
	assert_true(w.mapped && w.count == 3 && w.page_size == 2 << 20);
	assert_int_equal(w.physical, 0x412345);
	assert_string_equal(level(&w, 2, PF_P | PF_I),
		"PDE at=0x3048 entry=0x80000000004000e3 bits=\"P W A D PS XD\" why=\"no execute\"");
	walk_trace(&w, &p, 0, read_memory);
	assert_true(!w.mapped && w.count == 1);
	assert_string_equal(level(&w, 0, 0), "PML4E at=0x1000 entry=0x0 bits=\"\" why=\"not present\"");
}

static void walk_refused(void **state)
{
	struct guest_paging p = {.cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x20, .efer = 0x500};
	struct walk w;

	memset(memory, 0, sizeof(memory));
	set(0x1000, 0x2023 | 1ull << 63); /* without EFER.NXE the bit is reserved */
	set(0x2000, 0xf0000003);
	walk_trace(&w, &p, 0, read_memory);
	assert_string_equal(level(&w, 0, PF_P | PF_RSVD),
		"PML4E at=0x1000 entry=0x8000000000002023 bits=\"P W A XD\" why=\"a reserved bit is set\"");
	assert_string_equal(level(&w, 2, 0), "PDE at=0xf0000000 why=\"not in RAM\"");
	set(0x1000, 0x2003 | 1ull << 41); /* beyond 40 bits */
	walk_trace(&w, &p, 0, read_memory);
	assert_non_null(strstr(level(&w, 0, PF_P | PF_RSVD), "a reserved bit is set"));
	p.cr3 = 0xfffffffffffff000;
	walk_trace(&w, &p, 0, read_memory);
	assert_true(w.count == 1 && !w.level[0].readable);
}

static void walk_legacy(void **state)
{
	struct guest_paging p = {.cr0 = 0x80000011, .cr3 = 0x1000, .cr4 = 0x10};
	struct walk w;

	memset(memory, 0, sizeof(memory));
	set(0x1000, 0x2003ull << 32 | 0x83); /* 32-bit entries: 0 a 4 MiB page, 1 a table */
	set(0x2000, 0x5003);
	walk_trace(&w, &p, 0x00123456, read_memory);
	assert_true(w.mapped && w.page_size == 4 << 20 && w.physical == 0x123456);
	walk_trace(&w, &p, 0x00400678, read_memory);
	assert_true(w.mapped && w.count == 2 && w.physical == 0x5678);
	p.cr4 = 0x20;
	set(0x1000, 0x2001);
	set(0x2000, 0x3003);
	set(0x3008, 0x6003);
	walk_trace(&w, &p, 0x1abc, read_memory);
	assert_string_equal(w.paging, "PAE");
	assert_true(w.mapped && w.count == 3 && w.physical == 0x6abc);
	/* PAE's pointers have no rights, so they refuse nothing. */
	assert_string_equal(level(&w, 0, PF_P | PF_W | PF_U), "PDPTE at=0x1000 entry=0x2001 bits=\"P\"");
	assert_non_null(strstr(level(&w, 2, PF_P | PF_U), "supervisor only"));
	p.cr0 = 0x10;
	walk_trace(&w, &p, 0x1234, read_memory);
	assert_true(w.mapped && !w.count && w.physical == 0x1234);
}

static struct trap_record slots[SLOTS];
static struct trace_ring ring;

static uint64_t put(unsigned vector, uint64_t rip, unsigned link)
{
	struct trap_record *r = ring_begin(&ring);

	memset((char *)r + sizeof(r->seq), 0, sizeof(*r) - sizeof(r->seq));
	r->vector = (uint8_t)vector;
	r->type = TRAP_TYPE_EXCEPTION;
	r->rip = rip;
	r->link = (uint8_t)link;
	ring_commit(&ring, r);
	return r->seq;
}

static void chains(void **state)
{
	struct trap_record chain[CHAIN_MAX];

	ring_init(&ring, slots, SLOTS);
	assert_int_equal(chain_collect(&ring, 0, chain), 0);
	put(VEC_UD, 1, 0);
	put(VEC_PF, 2, 0);
	put(VEC_GP, 2, 1);
	put(VEC_DF, 2, 1);
	assert_int_equal(chain_collect(&ring, 4, chain), 3);
	assert_true(chain[0].vector == VEC_PF && chain[1].vector == VEC_GP && chain[2].vector == VEC_DF);
	assert_int_equal(chain_collect(&ring, 5, chain), 0);
	for (unsigned i = 0; i < SLOTS; i++) /* a chain longer than any */
		put(VEC_GP, 3, 1);
	assert_int_equal(chain_collect(&ring, SLOTS + 4, chain), CHAIN_MAX);
	assert_int_equal(chain[CHAIN_MAX - 1].seq, SLOTS + 4);
}

static void runs(void **state)
{
	struct trap_run run[3];

	ring_init(&ring, slots, SLOTS);
	assert_int_equal(chain_runs(&ring, 0, run, ARRAY_SIZE(run)), 0);
	put(VEC_BP, 9, 0);
	put(VEC_PF, 1, 0);
	for (unsigned i = 0; i < 10; i++)
		put(VEC_PF, 2, 0);
	put(VEC_GP, 2, 0);
	assert_int_equal(chain_runs(&ring, 13, run, ARRAY_SIZE(run)), 3);
	assert_true(run[0].first.vector == VEC_GP && run[0].count == 1);
	assert_true(run[1].first.seq == 3 && run[1].count == 10);
	assert_true(run[2].first.seq == 2 && run[2].count == 1);
	for (unsigned i = 0; i < 3 * SLOTS; i++)
		put(VEC_PF, 2, 0);
	assert_int_equal(chain_runs(&ring, 13 + 3 * SLOTS, run, ARRAY_SIZE(run)), 1);
	assert_int_equal(run[0].count, SLOTS);
}

static const char *bits(enum bits_register which, uint64_t value)
{
	struct text t = text_on(out, sizeof(out));

	bits_add(&t, which, value);
	return out;
}

static void named_bits(void **state)
{
	assert_string_equal(bits(BITS_CR0, 0x80010033), "0x80010033 (PE MP ET NE WP PG)");
	assert_string_equal(bits(BITS_RFLAGS, 2), "0x2");
	assert_string_equal(bits(BITS_EFER, 0xd01), "0xd01 (SCE LME LMA NXE)");
	assert_string_equal(bits(BITS_CR4, 0x8000000000000020), "0x8000000000000020 (PAE)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gates),
		cmocka_unit_test(walk_long),
		cmocka_unit_test(walk_refused),
		cmocka_unit_test(walk_legacy),
		cmocka_unit_test(chains),
		cmocka_unit_test(runs),
		cmocka_unit_test(named_bits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
