// SPDX-License-Identifier: MIT
/*
 * When the guest's kernel is searched, and what is said of it: a kernel that starts, one that dies with a broken interrupt table, one that
 * starts another (kexec), a map of another build. The guest's memory and its CPU are arrays here.
 */
#include "hw/asm.h"
#include "hw/msr.h"
#include <stdlib.h>
#include <string.h>
#include "boot/boot_info.h"
#include "hw/x86.h"
#include "symbol_map.h"
#include "trace/gate.h"
#include "trace/slide.h"
#include "unit.h"
#include "vendor.h"

static uint64_t now_tsc = 1;
#define rdtsc() now_tsc
#include "../../src/report/guest_names.c"

#define BASE  0xffffffff81000000ull
#define SLIDE 0x6000000ull
#define IDT   0xfffffe0000000000ull
#define OTHER 0xfffffe0000100000ull
#define LSTAR (BASE + 0x3000)

static const char text[] =
	"ffffffff81000000 T startup_64\nffffffff81001000 T h0\nffffffff81001040 T h1\nffffffff81001080 T h2\n"
	"ffffffff810010c0 T h3\nffffffff81001100 T h4\nffffffff81002000 T c0\nffffffff81002010 T c1\n"
	"ffffffff81002020 T c2\nffffffff81002030 T c3\nffffffff81002040 T c4\nffffffff81003000 T "
	"entry_SYSCALL_64\n"
	"ffffffff81004000 T stubs\nffffffff81005000 T end\n";

static struct names_block *block;
static struct cpu cpu;
struct boot_info boot_info = {.tsc_khz = 1};
struct cpu *cpus[BOOT_MAX_CPUS] = {&cpu};
_Atomic uint32_t cpus_active;

/* The guest: where its kernel is, where its table is, and whether that table is readable. */
static uint64_t moved, idt_at, lstar, calls_moved;
static bool has_idt;
static unsigned gates; /* 5: handlers; 0: all lead to stubs */

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return EFER_LMA;
}

static void segment(const struct cpu *c, enum segment which, struct segment_state *out)
{
	assert_int_equal(which, SEG_IDTR);
	*out = (struct segment_state){.base = idt_at, .limit = 0xfff};
}

static void paging(const struct cpu *c, struct guest_paging *out)
{
	*out = (struct guest_paging){.cr0 = 0x80000001, .efer = EFER_LMA};
}

static enum msr_result access_msr(struct cpu *c, uint32_t msr, bool write, uint64_t *value)
{
	assert_true(msr == MSR_LSTAR && !write);
	*value = lstar;
	return MSR_DONE;
}

static const struct vendor fake = {
	.state = {.get = get, .segment = segment, .paging = paging}, .exits = {.msr = access_msr}};
const struct vendor *vendor = &fake;

bool guest_is_canonical(const struct guest_paging *p, uint64_t linear)
{
	return true;
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	*physical = linear;
	return linear != 0x7000;
}

/* What happens at the n-th rest of a search. */
static unsigned rests, at_rest;
static void (*meanwhile)(void);

void log_rest(void)
{
	if (++rests == at_rest)
		meanwhile();
}

uint64_t pool_alloc(uint64_t pages)
{
	return 0;
}

static void write_gate(uint8_t *to, uint64_t handler)
{
	const uint16_t words[] = {(uint16_t)handler, 0x10, 0x8e00, (uint16_t)(handler >> 16)};
	uint32_t high = (uint32_t)(handler >> 32);

	memset(to, 0, 16);
	memcpy(to, words, sizeof(words));
	memcpy(to + 8, &high, 4);
}

/* Each handler, and SYSCALL, has one CALL at its start. */
static void write_code(uint8_t *to, uint64_t at, unsigned n)
{
	uint64_t target =
		BASE + 0x2000 + 0x10 * ((at - BASE - moved - 0x1000) / 0x40 % 5) + moved + calls_moved;
	int32_t distance = (int32_t)(target - at - 5);

	memset(to, 0x90, n);
	to[0] = 0xe8;
	memcpy(to + 1, &distance, 4);
}

unsigned guest_read(const struct guest_paging *p, uint64_t at, void *to, unsigned n)
{
	if (at - idt_at < 0x1000) {
		uint64_t v = (at - idt_at) / 16;
		uint64_t handler = v < gates ? BASE + 0x1000 + 0x40 * v : BASE + 0x4000 + 9 * v;

		if (has_idt)
			write_gate(to, handler + moved);
		return has_idt ? n : 0;
	}
	if (at - BASE - moved >= 0x5000)
		return 0;
	write_code(to, at, n);
	return n;
}

static const char *said(void)
{
	static char line[200];

	now_tsc += 3000;
	guest_names_search(&cpu);
	return guest_names_line(line, sizeof(line)) ? line : "";
}

static int begin(void **state)
{
	static struct symbol_line line[32];
	struct symbol_map m;

	symbol_map_read(&m, text, sizeof(text) - 1, line);
	block = calloc(1, sizeof(*block) + symbol_map_size(&m));
	symbol_map_put(&m, &block->map[0], block, sizeof(*block));
	block->maps = 1;
	strcpy(block->map[0].file, "\\map");
	memset(states, 0, sizeof(states));
	memset(maps, 0, sizeof(maps));
	taken = block;
	guest_names_begin();
	moved = SLIDE;
	calls_moved = 0;
	idt_at = IDT;
	lstar = LSTAR + SLIDE;
	gates = 5;
	has_idt = true;
	rests = at_rest = 0;
	return 0;
}

static int end(void **state)
{
	names_init(NULL);
	free(block);
	return 0;
}

#define FOUND "trapline: slide=0x6000000 from idt,lstar,calls symbols=\\map"

static void assert_named(uint64_t address, const char *expected)
{
	struct guest_paging p = {0};
	char buf[80] = "";
	struct text t = text_on(buf, sizeof(buf));

	guest_names_add(&t, &p, false, address, 0);
	assert_string_equal(buf, expected);
}

static void a_kernel_that_runs(void **state)
{
	assert_named(BASE + SLIDE + 0x1044, "");
	assert_string_equal(said(), FOUND);
	assert_string_equal(said(), "");
	assert_named(BASE + SLIDE + 0x1044, " sym=\"h1+0x4\"");
}

/* Stubs and no SYSCALL, then SYSCALL, then the handlers: in the same table. */
static void a_kernel_that_starts(void **state)
{
	gates = 0;
	lstar = 0;
	assert_string_equal(said(), "");
	lstar = LSTAR + SLIDE;
	assert_string_equal(said(), "trapline: slide=0x6000000 from lstar,calls symbols=\\map");
	gates = 5;
	assert_string_equal(said(), "");
}

/* A search in between, when only a moment has passed, says nothing against the map. */
static void a_moment_too_early(void **state)
{
	char line[200];

	calls_moved = 4;
	guest_names_search(&cpu);
	assert_false(guest_names_line(line, sizeof(line)));
	calls_moved = 0;
	assert_string_equal(said(), FOUND);
}

static void a_broken_table(void **state)
{
	assert_string_equal(said(), FOUND);
	idt_at = OTHER;
	has_idt = false;
	assert_string_equal(said(), "");
	assert_named(BASE + SLIDE + 0x1044, " sym=\"h1+0x4\"");
}

/* kexec: the next kernel's gates are elsewhere, and the old kernel is not mapped any more. */
static void another_kernel(void **state)
{
	assert_string_equal(said(), FOUND);
	idt_at = OTHER;
	moved = 2 * SLIDE;
	gates = 0;
	said();
	assert_named(BASE + SLIDE + 0x1044, "");
	gates = 5;
	lstar = LSTAR + 2 * SLIDE;
	assert_string_equal(said(), "trapline: slide=0xc000000 from idt,lstar,calls symbols=\\map");
	assert_named(BASE + 2 * SLIDE + 0x1044, " sym=\"h1+0x4\"");
}

static void another_build(void **state)
{
	calls_moved = 4;
	assert_string_equal(said(), "");
	assert_string_equal(said(), "trapline: symbols=\\map is not of this kernel: no names from it");
	assert_string_equal(said(), "");
	assert_named(BASE + SLIDE + 0x1044, "");
}

static jmp_buf dropped;

static void drop(void)
{
	longjmp(dropped, 1);
}

/* A search whose CPU does not come again has to be made once more, wherever it rested. */
static void left_in_the_middle(void **state)
{
	volatile unsigned n = 1;

	meanwhile = drop;
	for (; n <= 100; n++) {
		end(NULL);
		begin(NULL);
		at_rest = n;
		if (!setjmp(dropped))
			guest_names_search(&cpu);
		if (rests < n)
			break;
		assert_true(guest_names_due(&cpu));
		assert_string_equal(said(), FOUND);
		assert_false(guest_names_due(&cpu));
	}
	assert_in_range(n, SLIDE_GATES_MAX + 1, 100); /* one for each gate, and for the look-ups */
}

static void search_too(void)
{
	guest_names_search(&cpu);
}

/* A report on the same CPU needs the names at once. */
static void twice_at_once(void **state)
{
	char line[200];

	meanwhile = search_too;
	at_rest = 3;
	guest_names_search(&cpu);
	assert_true(guest_names_line(line, sizeof(line)));
	assert_string_equal(line, FOUND);
	assert_false(guest_names_line(line, sizeof(line)));
	assert_false(guest_names_due(&cpu));
}

static void images(void **state)
{
	struct guest_paging p = {0};
	char buf[80] = "";
	struct text t = text_on(buf, sizeof(buf));

	assert_true(names_add_image("DxeCore", 0x6000, 0x2000));
	assert_named(0x6010, " sym=\"DxeCore+0x10\"");
	assert_named(0x7000, ""); /* not mapped */
	guest_names_add(&t, &p, true, 0x6010, 0);
	assert_string_equal(buf, ""); /* a program's */
	guest_names_add(&t, &p, false, 0x6000, 1);
	assert_string_equal(buf, ""); /* a return address at its start is behind a CALL before it */
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_kernel_that_runs),
		TEST(a_kernel_that_starts),
		TEST(a_moment_too_early),
		TEST(a_broken_table),
		TEST(another_kernel),
		TEST(another_build),
		TEST(left_in_the_middle),
		TEST(twice_at_once),
		TEST(images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
