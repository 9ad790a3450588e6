// SPDX-License-Identifier: MIT
/*
 * Names for addresses: files of symbols as nm prints them, good and bad, what is found in their table, and how far a kernel has
 * moved. With Debian's own kernel, where there is one, the functions are its own (tools/kernel-map).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "images.h"
#include "symbol_map.h"
#include "trace/slide.h"
#include "unit.h"

#define DEBIAN "tools/kernel-map build/linux/vmlinuz 2>&1"

/* A file, read and put into a block of its own. */
struct made {
	struct symbol_map map;
	struct names_block *block;
	struct symbol_line *line;
};

static struct made make_names(const char *text, size_t size)
{
	struct made m;
	char *exact = malloc(size + !size); /* what reads behind it is caught */

	memcpy(exact, text, size);
	m.line = malloc(symbol_map_lines(exact, size) * sizeof(*m.line));
	symbol_map_read(&m.map, exact, size, m.line);
	m.block = calloc(1, sizeof(*m.block) + symbol_map_size(&m.map));
	m.block->maps = 1;
	symbol_map_put(&m.map, &m.block->map[0], m.block, sizeof(*m.block));
	free(exact);
	return m;
}

static void drop(struct made *m)
{
	names_init(NULL);
	free(m->line);
	free(m->block);
}

static void assert_name(const struct made *m, uint64_t address, const char *expected)
{
	char buf[NAMES_NAME_MAX + 32] = "";
	struct text t = text_on(buf, sizeof(buf));
	struct name n;

	if (names_map_find(m->block, &m->block->map[0], address, &n))
		name_add(&t, &n);
	assert_string_equal(buf, expected);
}

static void a_file(void **state)
{
	static const char text[] = "ffffffff81000000 T startup_64\n"
				   "ffffffff81000040 t inner\r\n"
				   "ffffffff81000080 T _etext\n"
				   "ffffffff81200000 D data\n"
				   "0x0000 A absolute\n"
				   "                 U elsewhere\n"
				   "ffffffff81000060 W weak";
	struct made m = make_names(text, sizeof(text) - 1);

	assert_name(&m, 0xffffffff81000000, "startup_64+0x0");
	assert_name(&m, 0xffffffff8100003f, "startup_64+0x3f");
	assert_name(&m, 0xffffffff81000041, "inner+0x1");
	assert_name(&m, 0xffffffff8100007f, "weak+0x1f");
	assert_name(&m, 0xffffffff80ffffff, "");
	assert_name(&m, 0xffffffff81200000, ""); /* data has no name here */
	assert_name(&m, 0xffffffff81200001, "");
	assert_int_equal(m.map.names, 4);
	assert_int_equal(m.map.bad, 1); /* the one that is elsewhere has no address */
	assert_int_equal(m.block->map[0].grain, 0x200000);
	drop(&m);
}

/* Nothing says where the last function ends: not before a page. */
static void the_last_one(void **state)
{
	static const char text[] = "1000 T first\n2000 T last\n";
	struct made m = make_names(text, sizeof(text) - 1);

	assert_name(&m, 0x2fff, "last+0xfff");
	assert_name(&m, 0x3000, "");
	assert_int_equal(m.block->map[0].grain, 0x1000);
	drop(&m);
}

static void several_at_one_address(void **state)
{
	static const char text[] = "1000 t local\n1000 T _text\n1000 W weak\n1000 T start\n1000 D data\n";
	struct made m = make_names(text, sizeof(text) - 1);

	assert_name(&m, 0x1004, "start+0x4");
	assert_int_equal(m.map.aliases, 3);
	assert_int_equal(m.map.names, 1);
	drop(&m);
}

static void what_is_left_out(void **state)
{
	static const struct {
		const char *text;
		unsigned names, bad, modules, far, data, cut;
	} cases[] = {
		{"", 0, 0, 0, 0, 0, 0},
		{"\n\r\n \t\n", 0, 0, 0, 0, 0, 0},
		{"no map at all\n", 0, 1, 0, 0, 0, 0},
		{"1000 T a\nffffffffc0000000 t b\t[module]\n", 1, 0, 1, 0, 0, 0},
		{"1000 T\n", 0, 1, 0, 0, 0, 0},
		{"1000 T \n", 0, 1, 0, 0, 0, 0},
		{"1000 TT name\n", 0, 1, 0, 0, 0, 0},
		{"11111111111111111 T name\n", 0, 1, 0, 0, 0, 0},
		{"1000 T na\"me\n1000 T na\\me\n1000 T na\x01me\n1000 T na\xffme\n", 0, 4, 0, 0, 0, 0},
		{"ffffffffffffffff B The real System.map is in the linux-image-<version>-dbg package\n", 0, 0,
			0, 0, 1, 0},
		{"1000 T a\n100001000 T b\n100002000 T c\n", 2, 0, 0, 1, 0, 0},
		{"0 t a\nffffffffffffffff T b\n", 1, 0, 0, 1, 0, 0},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct made m = make_names(cases[i].text, strlen(cases[i].text));

		assert_int_equal(m.map.names, cases[i].names);
		assert_int_equal(m.map.bad, cases[i].bad);
		assert_int_equal(m.map.modules, cases[i].modules);
		assert_int_equal(m.map.far, cases[i].far);
		assert_int_equal(m.map.data, cases[i].data);
		drop(&m);
	}
}

static void long_names(void **state)
{
	char text[400] = "1000 T ", expected[NAMES_NAME_MAX + 8];
	struct made m;

	memset(text + 7, 'n', 300);
	m = make_names(text, strlen(text));
	memset(expected, 'n', NAMES_NAME_MAX - 1);
	strcpy(expected + NAMES_NAME_MAX - 1, "+0x4");
	assert_name(&m, 0x1004, expected);
	assert_int_equal(m.map.cut, 1);
	drop(&m);
}

/* Ten thousand lines in any order give the table that the sorted ones do; backwards is the worst for what sorts nearly sorted ones. */
static void any_order(void **state)
{
	static char text[10000 * 24], line[24];
	uint64_t seed = 1;

	for (unsigned way = 0; way < 2; way++) {
		char *at = text;
		struct made m;

		for (unsigned i = 0; i < 10000; i++) {
			unsigned n = way ? (unsigned)((seed = seed * 6364136223846793005 + 1) >> 33) % 10000
					 : 9999 - i;

			at += snprintf(at, sizeof(line), "%x T f%u\n", 0x1000 + n * 16, n);
		}
		m = make_names(text, (size_t)(at - text));
		assert_int_equal(m.map.names + m.map.aliases, 10000);
		assert_true(m.map.bad == 0 && m.map.names > 5000);
		for (uint32_t i = 1; i < m.block->map[0].count; i++)
			assert_true(((uint32_t *)(m.block + 1))[i] > ((uint32_t *)(m.block + 1))[i - 1]);
		if (!way)
			assert_name(&m, 0x1000 + 4711 * 16 + 3, "f4711+0x3");
		drop(&m);
	}
}

static void a_list(void **state)
{
	static const char list[] =
		"\\System.map, \\grub.map next ,\\k.map 0xffff0000,,/long/path.map,\\x 0z, \\y a b";
	const char *rest = list, *why;
	struct names_map m;
	char path[16];

	assert_true(symbol_map_item(&rest, path, sizeof(path), &m, &why) && !why);
	assert_string_equal(path, "\\System.map");
	assert_string_equal(m.file, "\\System.map");
	assert_int_equal(m.how, NAMES_FOUND);
	assert_true(symbol_map_item(&rest, path, sizeof(path), &m, &why) && !why);
	assert_string_equal(path, "\\grub.map");
	assert_int_equal(m.how, NAMES_OF_IMAGE);
	assert_string_equal(m.image, "next");
	assert_true(symbol_map_item(&rest, path, sizeof(path), &m, &why) && !why);
	assert_int_equal(m.how, NAMES_GIVEN);
	assert_int_equal(m.slide, 0xffff0000);
	assert_true(symbol_map_item(&rest, path, sizeof(path), &m, &why) && !why);
	assert_string_equal(path, "/long/path.map");
	assert_true(symbol_map_item(&rest, path, sizeof(path), &m, &why));
	assert_string_equal(why, "its slide is not a hexadecimal number");
	assert_true(symbol_map_item(&rest, path, sizeof(path), &m, &why));
	assert_non_null(why);
	assert_false(symbol_map_item(&rest, path, sizeof(path), &m, &why));
	rest = "\\a/path/that/is/too/long 0x1";
	assert_true(symbol_map_item(&rest, path, sizeof(path), &m, &why));
	assert_string_equal(why, "its path is too long");
	assert_false(symbol_map_item(&rest, path, sizeof(path), &m, &why));
}

/* By hand, and of an image: known from the start, or when the image comes. */
static void slides_that_are_known(void **state)
{
	static const char text[] = "1000 T f\n";
	struct made m = make_names(text, sizeof(text) - 1);
	struct name n;

	m.block->map[0].how = NAMES_GIVEN;
	m.block->map[0].slide = 0x5000;
	names_init(m.block);
	assert_true(names_find(0x6004, &n) && n.offset == 4);
	assert_false(names_find(0x1004, &n));
	m.block->map[0].how = NAMES_OF_IMAGE;
	strcpy(m.block->map[0].image, "grubx64");
	names_init(m.block);
	assert_false(names_find(0x6004, &n));
	assert_true(names_add_image("other", 0x7000, 0x1000));
	assert_true(names_add_image("grubx64", 0x40000000, 0x10000));
	assert_true(names_find(0x40001004, &n));
	assert_true(names_image(0x40000010, &n) && n.offset == 0x10);
	assert_string_equal(n.text, "grubx64");
	assert_true(names_image(0x7fff, &n));
	assert_false(names_image(0x8000, &n));
	assert_true(names_add_image("new \"here\"", 0x7000, 0x10));
	assert_true(names_image(0x7008, &n));
	assert_string_equal(n.text, "new..here.");
	assert_false(names_image(0x7fff, &n));
	for (unsigned i = 2; i < NAMES_IMAGES; i++)
		assert_true(names_add_image("x", i << 20, 1));
	assert_false(names_add_image("one more", 0x1000, 1));
	drop(&m);
}

/* A CALL behind 8 bytes of the entry's own. */
static void see_entry(struct slide_seen *seen, uint64_t entry, uint64_t target)
{
	uint8_t code[16] = {0xf3, 0x0f, 0x1e, 0xfa, 0x90, 0x90, 0x90, 0x90, 0xe8};
	int32_t distance = (int32_t)(target - entry - 13);

	memcpy(code + 9, &distance, 4);
	slide_add_code(seen, entry, code, sizeof(code));
}

static uint64_t address_of(const char *text, const char *name)
{
	char pattern[64];
	const char *at;

	snprintf(pattern, sizeof(pattern), " %s\n", name);
	at = strstr(text, pattern);
	return at ? strtoull(at - 18, NULL, 16) : 0;
}

static const char *const exceptions[] = {"divide_error", "overflow", "bounds", "invalid_op",
	"device_not_available", "coproc_segment_overrun", "invalid_tss", "segment_not_present",
	"stack_segment", "general_protection", "page_fault", "coprocessor_error", "alignment_check",
	"simd_coprocessor_error"};

static void show(struct slide_seen *seen, const char *text, uint64_t slide, uint64_t calls_moved)
{
	char name[64];
	uint64_t stubs = address_of(text, "early_idt_handler_array");

	*seen = (struct slide_seen){.lstar = address_of(text, "entry_SYSCALL_64") + slide};
	for (unsigned i = 0; i < ARRAY_SIZE(exceptions); i++) {
		uint64_t gate, handler;

		snprintf(name, sizeof(name), "asm_exc_%s", exceptions[i]);
		gate = address_of(text, name);
		handler = address_of(text, name + 4);
		assert_true(gate && handler);
		gate += slide;
		handler += slide + calls_moved;
		slide_add_gate(seen, gate);
		see_entry(seen, gate, handler);
	}
	for (unsigned i = 9; stubs && i < 21; i++) /* as Linux leaves vectors that have no handler */
		slide_add_gate(seen, stubs + slide + 9 * i);
}

static enum slide_result find(
	const struct made *m, const struct slide_seen *seen, uint64_t *slide, unsigned *witnesses)
{
	*slide = 0;
	*witnesses = 0;
	return slide_find(m->block, &m->block->map[0], seen, slide, witnesses);
}

static char *debian_map(size_t *size)
{
	FILE *f = popen(DEBIAN, "r");
	char *text = calloc(1, 16 << 20);

	*size = f ? fread(text, 1, (16 << 20) - 1, f) : 0;
	if (f && !pclose(f) && *size > 1000000)
		return text;
	free(text);
	return NULL;
}

static void slides_of_debian(void **state)
{
	static const uint64_t slides[] = {0, 0x200000, 0xec00000, 0x3ea00000, -0x1000000ull};
	size_t size;
	char *text = debian_map(&size);
	struct slide_seen seen;
	unsigned witnesses;
	uint64_t slide;
	struct made m;

	if (!text) {
		print_message("there is no kernel in build/linux: make deps\n");
		skip();
	}
	m = make_names(text, size);
	assert_true(m.map.names > 30000 && !m.map.bad);
	assert_true(symbol_map_size(&m.map) < size / 2);
	for (unsigned i = 0; i < ARRAY_SIZE(slides); i++) {
		show(&seen, text, slides[i], 0);
		assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_FITS);
		assert_int_equal(slide, slides[i]);
		assert_int_equal(witnesses, SLIDE_IDT | SLIDE_LSTAR | SLIDE_CALLS);
		assert_true(slide_fits_any(m.block, &m.block->map[0], &seen, slides[i]));
		/* Another build: what enters lies as far apart, what it calls has moved. */
		show(&seen, text, slides[i], 0x40);
		assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_MISFITS);
	}
	show(&seen, text, 0x1000, 0); /* no slide of Linux' */
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_MISFITS);
	drop(&m);
	free(text);
}

/* A small kernel: eight handlers, 64 bytes each, what they call, SYSCALL, and stubs for the rest. */
static const char small[] =
	"ffffffff81000000 T startup_64\nffffffff81001000 T h0\nffffffff81001040 T h1\nffffffff81001080 T h2\n"
	"ffffffff810010c0 T h3\nffffffff81001100 T h4\nffffffff81001140 T h5\nffffffff81002000 T c0\n"
	"ffffffff81002010 T c1\nffffffff81002020 T c2\nffffffff81002030 T c3\nffffffff81002040 T c4\n"
	"ffffffff81003000 T entry_SYSCALL_64\nffffffff81003100 T rest\nffffffff81004000 T stubs\n"
	"ffffffff81005000 T end\n";

#define BASE 0xffffffff81000000ull

static void see_small(struct slide_seen *seen, uint64_t slide)
{
	*seen = (struct slide_seen){.lstar = BASE + 0x3000 + slide};
	for (unsigned i = 0; i < 6; i++)
		slide_add_gate(seen, BASE + 0x1000 + 0x40 * i + slide);
	for (unsigned i = 0; i < 5; i++)
		see_entry(seen, BASE + 0x1000 + 0x40 * i + slide, BASE + 0x2000 + 0x10 * i + slide);
}

static void witnesses_that_agree(void **state)
{
	struct made m = make_names(small, sizeof(small) - 1);
	struct slide_seen seen;
	unsigned witnesses;
	uint64_t slide;

	see_small(&seen, 0x4000000);
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_FITS);
	assert_int_equal(slide, 0x4000000);
	assert_int_equal(witnesses, SLIDE_IDT | SLIDE_LSTAR | SLIDE_CALLS);
	seen.gate[2] = 0xffffffffdead0000; /* one gate that somebody has broken */
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_FITS);
	seen.gates = 0; /* a table that is not there any more */
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_FITS);
	assert_int_equal(witnesses, SLIDE_LSTAR | SLIDE_CALLS);
	see_small(&seen, 0x4000000);
	seen.lstar = 0; /* a kernel without SYSCALL */
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_FITS);
	assert_int_equal(witnesses, SLIDE_IDT | SLIDE_CALLS);
	drop(&m);
}

static void witnesses_that_do_not(void **state)
{
	struct made m = make_names(small, sizeof(small) - 1);
	struct slide_seen seen;
	unsigned witnesses;
	uint64_t slide;

	see_small(&seen, 0x4000000);
	seen.lstar += 0x200000;
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_MISFITS);
	see_small(&seen, 0x4000000);
	seen.lstar += 8; /* within the function */
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_MISFITS);
	see_small(&seen, 0x4000000);
	for (unsigned i = 0; i < 6; i++)
		seen.gate[i] += 0x10;
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_MISFITS);
	see_small(&seen, 0x4000000);
	for (unsigned i = 0; i < 5; i++)
		seen.call[i].to += 4;
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_MISFITS);
	drop(&m);
}

/* One alone proves no slide; where nothing has moved there is none to prove. */
static void a_single_witness(void **state)
{
	struct made m = make_names(small, sizeof(small) - 1);
	struct slide_seen seen;
	unsigned witnesses;
	uint64_t slide;

	see_small(&seen, 0x4000000);
	seen.calls = seen.gates = 0;
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_MISFITS);
	see_small(&seen, 0x4000000);
	seen.calls = 0;
	seen.lstar = 0;
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_OPEN);
	see_small(&seen, 0);
	seen.calls = 0;
	seen.lstar = 0;
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_FITS);
	assert_int_equal(witnesses, SLIDE_IDT);
	seen = (struct slide_seen){0};
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_OPEN);
	drop(&m);
}

/* A map in which each slide seems possible is given up in time. */
/* `many` functions at pages, and behind them a kernel that fits what is seen. */
static enum slide_result find_behind(unsigned many)
{
	static char text[20000 * 24];
	struct slide_seen seen = {.lstar = 0x50000000};
	unsigned witnesses;
	char *at = text;
	uint64_t slide;
	struct made m;
	enum slide_result result;

	for (unsigned i = 0; i < many; i++)
		at += snprintf(at, 24, "%x T f\n", 0x1000 * (i + 1));
	at += snprintf(at, 24, "%x T lstar\n", 0x10000000);
	for (unsigned i = 1; i <= SLIDE_GATES_MAX; i++)
		at += snprintf(at, 24, "%x T gate\n", 0x10000000 + 0x1010 * i);
	m = make_names(text, (size_t)(at - text));
	for (unsigned i = 1; i <= SLIDE_GATES_MAX; i++)
		slide_add_gate(&seen, 0x50000000 + 0x1010 * i);
	result = find(&m, &seen, &slide, &witnesses);
	drop(&m);
	return result;
}

/* The search ends, whatever the map: what lies behind many places that could be it is not found any more. */
static void too_many_slides(void **state)
{
	assert_int_equal(find_behind(20), SLIDE_FITS);
	assert_int_equal(find_behind(19000), SLIDE_MISFITS);
}

/* Linux comes up with one array of stubs behind all its gates, and no SYSCALL: nobody says that this is another kernel. */
static void a_kernel_that_comes_up(void **state)
{
	struct made m = make_names(small, sizeof(small) - 1);
	struct slide_seen seen = {0};
	unsigned witnesses;
	uint64_t slide;

	for (unsigned i = 0; i < SLIDE_GATES_MAX; i++)
		slide_add_gate(&seen, BASE + 0x4000 + 9 * i + 0x4000000);
	assert_int_equal(seen.gates, SLIDE_GATES_MAX);
	assert_int_equal(find(&m, &seen, &slide, &witnesses), SLIDE_OPEN);
	assert_true(slide_fits_any(m.block, &m.block->map[0], &seen, 0x4000000));
	assert_false(slide_fits_any(m.block, &m.block->map[0], &seen, 0x200000));
	drop(&m);
}

static void what_witnesses_are_called(void **state)
{
	char buf[64];
	struct text t = text_on(buf, sizeof(buf));

	slide_witnesses_add(&t, SLIDE_IDT | SLIDE_CALLS);
	assert_string_equal(buf, "idt,calls");
}

/* A PE image with a debug directory, as edk2 builds them. */
static void put32(uint8_t *image, unsigned at, uint32_t value)
{
	memcpy(image + at, &value, 4);
}

static void names_of_images(void **state)
{
	static const char path[] = "/build/MdeModule/Core/Dxe/DxeMain/DEBUG/DxeCore.dll";
	uint8_t image[0x400] = "MZ";
	char name[NAMES_IMAGE_MAX];

	put32(image, 0x3c, 0x80);
	put32(image, 0x80, 0x4550);
	put32(image, 0x98, 0x20b);
	put32(image, 0x98 + 108, 16);
	put32(image, 0x98 + 112 + 48, 0x200);
	put32(image, 0x98 + 112 + 52, 28);
	put32(image, 0x20c, 2);
	put32(image, 0x214, 0x300);
	put32(image, 0x300, 0x3031424e);
	memcpy(image + 0x310, path, sizeof(path));
	assert_true(image_debug_name(image, sizeof(image), name));
	assert_string_equal(name, "DxeCore");
	for (uint64_t size = 0; size < sizeof(image); size++) {
		uint8_t *exact = malloc(size + 1);

		memcpy(exact, image, size);
		image_debug_name(exact, size, name);
		free(exact);
	}
	put32(image, 0x214, 0xfffffff0);
	assert_false(image_debug_name(image, sizeof(image), name));
	put32(image, 0x98 + 112 + 48, 0xfffffff0);
	assert_false(image_debug_name(image, sizeof(image), name));
	put32(image, 0x3c, 0xffffffff);
	assert_false(image_debug_name(image, sizeof(image), name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file),
		cmocka_unit_test(the_last_one),
		cmocka_unit_test(several_at_one_address),
		cmocka_unit_test(what_is_left_out),
		cmocka_unit_test(long_names),
		cmocka_unit_test(any_order),
		cmocka_unit_test(a_list),
		cmocka_unit_test(slides_that_are_known),
		cmocka_unit_test(slides_of_debian),
		cmocka_unit_test(witnesses_that_agree),
		cmocka_unit_test(witnesses_that_do_not),
		cmocka_unit_test(a_single_witness),
		cmocka_unit_test(too_many_slides),
		cmocka_unit_test(a_kernel_that_comes_up),
		cmocka_unit_test(what_witnesses_are_called),
		cmocka_unit_test(names_of_images),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
