// SPDX-License-Identifier: MIT
/* What trapline-decode reads of a log: lines, fields, records, reports, and what the log tells of where the kernel was. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <trapline/record_file.h>
#include "unit.h"
#include "lib/array.h"
#include "../../guest-tools/decode/map.h"
#include "../../guest-tools/decode/notes.h"
#include "../../guest-tools/decode/options.h"
#include "../../guest-tools/decode/read.h"
#include "../../guest-tools/decode/read_file.h"

#define TRAP                                                                                                 \
	"trap seq=107 cpu=1 t=9.707206 vec=14 name=#PF err=0x2 at=0x10:0xffffffffc027c005 mode=64 cpl=0 "    \
	"code=48c7473001000000 insn=\"mov qword ptr [rdi+0x30], 0x1\" cr2=0x30 uses=\"rdi=0x0 ecx=0x5\""

static struct model m;
static unsigned complaints;

void complain(const char *format, ...)
{
	complaints++;
}

char *read_file(const char *name, size_t *length)
{
	return NULL;
}

void free_file(char *bytes)
{
}

static int begin(void **state)
{
	model_begin(&m);
	return 0;
}

static int end(void **state)
{
	model_end(&m);
	return 0;
}

static void reads(const char *text)
{
	assert_null(read_any(&m, 0, text, strlen(text)));
	link_entries(&m);
}

static void is(size_t i, enum entry_kind kind, const char *text)
{
	assert_true(i < m.entries);
	assert_string_equal(kind_name(m.entry[i].kind), kind_name(kind));
	assert_string_equal(m.entry[i].text, text);
}

/* Colours, CR LF, other text in front, a prompt that was being edited; what Linux says of trapline is Linux' own. */
static void lines(void **state)
{
	reads("\033[2J\033[01;01Htrapline: active version=1 backend=svm cpus=2\r\n"
	      "login: \033[31mtrap seq=1\033[0m cpu=0\r\r\n"
	      "[    1.234567] trapline: loading out-of-tree module\n"
	      "[12:00:01]   by 0x10 stack=0x20 how=guess\n"
	      "> re\b \b\b \bok\n"
	      "\n"
	      "\xff\xfe\x01 by 0x10\n"
	      "trapline: verdict \"torn");
	is(0, ENTRY_ACTIVE, "trapline: active version=1 backend=svm cpus=2");
	assert_string_equal(m.entry[0].end, "\r\n");
	is(1, ENTRY_TRAP, "trap seq=1 cpu=0");
	assert_string_equal(m.entry[1].end, "\r\r\n");
	is(2, ENTRY_OTHER, "[    1.234567] trapline: loading out-of-tree module");
	is(3, ENTRY_BY, "by 0x10 stack=0x20 how=guess");
	is(4, ENTRY_OTHER, "> ok");
	is(5, ENTRY_OTHER, "");
	is(6, ENTRY_OTHER, "?? by 0x10");
	is(7, ENTRY_VERDICT, "trapline: verdict \"torn");
	assert_true(m.entry[7].field[m.entry[7].fields - 1].value != NULL);
	assert_int_equal(m.entries, 8);
}

static void fields(void **state)
{
	reads("trap seq=1 why=\"a \\\"word\\\" \\\\\" x= =y during=\"torn");
	assert_string_equal(entry_field(&m.entry[0], "why"), "a \"word\" \\");
	assert_string_equal(entry_field(&m.entry[0], "x"), "");
	assert_string_equal(entry_word(&m.entry[0], 1), "=y");
	assert_null(entry_word(&m.entry[0], 2));
	assert_true(m.entry[0].field[m.entry[0].fields - 1].cut);
}

static void record(void **state)
{
	const struct trap_record *r;

	reads(TRAP "\n  regs rax=00000000000000aa r8 =0000000000000008 cr3=0000000000001000 cr0=80050033\n");
	r = m.entry[0].record;
	assert_int_equal(r->seq, 107);
	assert_int_equal(m.entry[0].cpu, 1);
	assert_int_equal(m.entry[0].us, 9707206);
	assert_int_equal(r->flags, TRAP_HAS_ERROR | TRAP_HAS_CR2);
	assert_true(r->rip == 0xffffffffc027c005 && r->cs == 0x10 && r->cr2 == 0x30 && r->code_len == 8);
	assert_true(m.entry[0].known & KNOWN_GPR(TRAP_RDI));
	assert_false(m.entry[0].known & KNOWN_GPR(TRAP_RCX)); /* of ecx= the upper half is not known */
	assert_true(
		r->gpr[TRAP_RAX] == 0xaa && r->gpr[TRAP_R8] == 8 && r->cr3 == 0x1000 && r->cr0 == 0x80050033);
	assert_true(m.entry[0].known & KNOWN(CR3) && !(m.entry[0].known & KNOWN(EFER)));
	assert_int_equal(m.entry[1].of, 0);
}

static void chain(void **state)
{
	const struct trap_record *r;

	reads("trap seq=5 cpu=0 vec=8 name=#DF err=0x0 during=\"#NP err=0xe2\" cause=4 origin=merge "
	      "outcome=triple-fault\n"
	      "trap seq=6 cpu=0 vec=128 type=int during=\"int 0x80\" cause=1000\n"
	      "trap seq=99999999999999999999 cpu=70000 vec=300 cpl=4 at=0x10 t=1.5\n");
	r = m.entry[0].record;
	assert_int_equal(
		r->flags, TRAP_HAS_ERROR | TRAP_DURING | TRAP_DURING_ERR | TRAP_SYNTHESIZED | TRAP_TRIPLED);
	assert_true(r->during_vector == 11 && r->during_error == 0xe2 && r->link == 1);
	r = m.entry[1].record;
	assert_true(r->type == TRAP_TYPE_SOFTINT && r->during_type == TRAP_TYPE_SOFTINT &&
		    r->during_vector == 0x80);
	assert_false(m.entry[1].known & KNOWN(LINK));
	assert_int_equal(m.entry[2].known & ~(KNOWN(TYPE) | KNOWN(FLAGS)), 0);
	assert_true(m.entry[2].us == NOT_KNOWN && m.entry[2].cpu == NOT_KNOWN);
}

static void stories(void **state)
{
	reads("trapline: active version=1 backend=svm cpus=1\n" TRAP
	      "\ntrapline: verdict \"the kernel wrote\"\n" TRAP
	      "\n  by 0x1 stack=0x2 how=call\nother\n  site count=1 vec=14 at=0x1\n" TRAP
	      "\ntrapline: last run: version=\"1\" end=\"none\"\nlast| trapline: triple fault cpu=0\nlast|   "
	      "before: " TRAP "\nlast| " TRAP
	      "\nlast| cpu=0 exit t=1.000 reason=0x7b rip=0x10\nlast| trapline: end\n"
	      "trapline: end of last run\ntrapline: active version=1 backend=svm cpus=1\n");
	assert_int_equal(m.stories, 3);
	assert_int_equal(m.story[1].first, 2);
	assert_int_equal(m.story[1].last, 6);
	assert_int_equal(m.story[1].record, 3);
	assert_int_equal(m.entry[4].of, 3);
	assert_int_equal(m.entry[5].story, NO_STORY);
	assert_int_equal(m.entry[7].story, NO_STORY);
	assert_int_equal(m.story[2].kind, ENTRY_TRIPLE);
	assert_int_equal(m.story[2].record, 11);
	assert_true(m.entry[10].before && m.entry[10].last && m.entry[10].run == 1);
	is(12, ENTRY_EXIT, "cpu=0 exit t=1.000 reason=0x7b rip=0x10");
	assert_int_equal(m.story[2].last, 13);
	assert_int_equal(m.entry[15].run, 2);
	assert_int_equal(m.runs, 3);
}

static void json(void **state)
{
	reads("{\"kind\":\"trap\",\"seq\":7,\"cpu\":0,\"vec\":14,\"name\":\"#PF\",\"code\":\"90\",\"why\":"
	      "\"a \\\"b\\\"\"}\n"
	      "{\"kind\":\"trap\",\"seq\":[1]}\n{\"kind\":\"trap\n");
	is(0, ENTRY_TRAP, "trap seq=7 cpu=0 vec=14 name=#PF code=90 why=\"a \\\"b\\\"\"");
	assert_int_equal(m.entry[0].record->seq, 7);
	assert_string_equal(m.entry[0].raw + 1,
		"\"kind\":\"trap\",\"seq\":7,\"cpu\":0,\"vec\":14,\"name\":\"#PF\",\"code\":\"90\","
		"\"why\":\"a \\\"b\\\"\"}");
	assert_int_equal(m.entry[1].kind, ENTRY_OTHER);
	assert_int_equal(m.entry[2].kind, ENTRY_OTHER);
}

static void records(void **state)
{
	struct {
		struct record_file h;
		struct trap_record r[3];
	} file = {.h = {.version = TRAP_RECORD_VERSION,
			  .record_size = sizeof(struct trap_record),
			  .tsc_khz = 1000},
		.r = {{0}, {.seq = 2, .tsc = 2500, .mode = 64, .vector = 6, .type = 3, .cpu = 1},
			{.seq = 3, .mode = 7}}};
	const char *why;

	memcpy(file.h.magic, RECORD_FILE_MAGIC, sizeof(file.h.magic));
	assert_null(read_any(&m, 0, (const char *)&file, sizeof(file)));
	assert_int_equal(m.entries, 1); /* an empty slot and one that is none */
	assert_true(m.entry[0].known == KNOWN_ALL && m.entry[0].line == 2 && m.entry[0].cpu == 1);
	assert_int_equal(strncmp(m.entry[0].text, "trap seq=2 cpu=1 t=0.002500 vec=6 name=#UD ", 43), 0);
	file.r[2] = file.r[1];
	assert_null(read_any(&m, 0, (const char *)file.r, sizeof(file.r))); /* a ring as it lies in memory */
	assert_int_equal(m.entries, 3);
	file.h.version = 9;
	why = read_any(&m, 0, (const char *)&file, sizeof(file));
	assert_non_null(why);
	assert_non_null(strstr(why, "version 9"));
	assert_non_null(read_any(&m, 0, "\177ELF...", 7));
}

#define MARK(cpl, text) "mark seq=1 cpu=0 at=0x10:0x1 mode=64 cpl=" #cpl " text=\"" text "\"\n"

static void notes(void **state)
{
	struct notes n;

	reads(MARK(0, "kernel release=6.1.0 build=ab") MARK(
		0, "kernel panic=0x81000010 kfree=0x81000020") MARK(3,
		"modules evil=0xffffffffc0000000+0x1000") MARK(0,
		"modules a=0xffffffffc0100000+0x1000 b.init=0xffffffffc0200000+0x20 c=1+0 d=0x1+") MARK(0,
		"modules gone=a") MARK(0,
		"modules z=0xffffffffc0100000+0x1000") "[    2.4] Kernel Offset: 0x1000000 from "
						       "0xffffffff81000000 (relocation range: x)\n");
	notes_take(&n, &m);
	assert_string_equal(n.kernel[0].release, "6.1.0");
	assert_string_equal(n.kernel[0].build_id, "ab");
	assert_int_equal(n.kernel[0].symbols, 2);
	assert_true(n.kernel[0].has_slide && n.kernel[0].slide == 0x1000000);
	assert_int_equal(n.modules, 3);
	assert_null(notes_module(&n, &m, 3, 0xffffffffc0000000));
	assert_string_equal(notes_module(&n, &m, 4, 0xffffffffc0100fff)->name, "a");
	assert_string_equal(notes_module(&n, &m, 6, 0xffffffffc0100000)->name, "z");
	assert_string_equal(notes_module(&n, &m, 0, 0xffffffffc0100000)->name, "a");
	assert_true(notes_module(&n, &m, 0, 0xffffffffc0200010)->init);
	assert_null(notes_module(&n, &m, 0, 0xffffffffc0200020));
	notes_free(&n);
}

/* An address has no name when its module has gone, and another's when it lies there now. */
static void modules_go(void **state)
{
	struct notes n;

	reads(MARK(0, "modules a=0x100000+0x1000 a.init=0x200000+0x1000") MARK(0, "modules gone=a")
			MARK(0, "x") MARK(0, "modules b.init=0x200800+0x1000 c=0x300000+0x1000")
				MARK(0, "modules d=0x201000+0x800 c=0x300000+0x1000") MARK(0, "x"));
	notes_take(&n, &m);
	assert_string_equal(notes_module(&n, &m, 1, 0x100000)->name, "a");
	assert_null(notes_module(&n, &m, 2, 0x100000));
	assert_null(notes_module(&n, &m, 2, 0x200000));
	assert_null(notes_module(&n, &m, 2, 0x200800));
	assert_string_equal(notes_module(&n, &m, 3, 0x200800)->name, "b");
	assert_string_equal(notes_module(&n, &m, 5, 0x201000)->name, "d");
	assert_null(notes_module(&n, &m, 5, 0x200800)); /* the initialisation of b is over */
	assert_string_equal(notes_module(&n, &m, 5, 0x300000)->name, "c");
	assert_int_equal(n.modules, 5);
	notes_free(&n);
}

/* More of them than there is room for: the last ones have their names, and there is a message. */
static void many_modules(void **state)
{
	struct notes n;
	char *text;
	size_t length;
	FILE *log = open_memstream(&text, &length);

	complaints = 0;
	for (unsigned k = 0; k < 5000; k++)
		fprintf(log, MARK(0, "modules m%u=0x%x+0x1000") MARK(0, "modules gone=m%u"), k, 0x1000 * k,
			k);
	fputs(MARK(0, "modules last=0x9000000+0x1000"), log);
	fclose(log);
	reads(text);
	notes_take(&n, &m);
	assert_string_equal(notes_module(&n, &m, 10000, 0x9000000)->name, "last");
	assert_string_equal(notes_module(&n, &m, 9998, 0x1000 * 4999)->name, "m4999");
	assert_null(notes_module(&n, &m, 0, 0x1000 * 4999));
	assert_int_equal(complaints, 1);
	notes_free(&n);
	free(text);
}

/* Two kernels in one run, not the same one again; a torn line says nothing. */
static void kernels(void **state)
{
	struct notes n;

	reads(MARK(0, "kernel panic=0x10 kfree=0x20") MARK(0, "modules a=0x100000+0x1000") MARK(
		0, "kernel panic=0x10 kfree=0x20") "mark seq=1 cpu=0 cpl=0 text=\"kernel panic=0x1\n"
						   "trapline: active version=1 backend=svm cpus=1\n" MARK(
							   0, "kernel build=1") MARK(0, "kernel build=2"));
	notes_take(&n, &m);
	assert_false(n.kernel[0].replaced);
	assert_string_equal(notes_module(&n, &m, 3, 0x100000)->name, "a");
	assert_true(n.kernel[1].replaced);
	notes_free(&n);
}

/* Only Linux' own line tells an offset, and only one that KASLR makes. */
static void last_words(void **state)
{
	struct notes n;

	reads("my program says Kernel Offset: 0x2000000 from 0xffffffff81000000\n"
	      "[    1.0] my program: Kernel Offset: 0x2000000 from 0xffffffff81000000\n"
	      "[    1.0] Kernel Offset: 0x2000000 from 0x1\n"
	      "[    1.0] Kernel Offset: 0x2001000 from 0xffffffff81000000\n"
	      "[    1.0] Kernel Offset: 0x40000000 from 0xffffffff81000000\n"
	      "trapline: active version=1 backend=svm cpus=1\n"
	      "[12:00:01] <0>[    1.0] Kernel Offset: disabled\n"
	      "trapline: active version=1 backend=svm cpus=1\n"
	      "[    1.0] Kernel Offset: 0x2000000 from 0xffffffff81000000 (relocation range: x)\n"
	      "[    2.0] Kernel Offset: 0x4000000 from 0xffffffff81000000 (relocation range: x)\n");
	notes_take(&n, &m);
	assert_false(n.kernel[0].has_slide);
	assert_true(n.kernel[1].has_slide && !n.kernel[1].slide && !n.kernel[1].slide_differs);
	assert_true(n.kernel[2].slide_differs);
	notes_free(&n);
}

/* Trapline's own lines: each map has one, and maps are of different things. */
static void told(void **state)
{
	struct notes n;

	reads("trapline: active version=1 backend=svm cpus=1\ntrapline: slide=-0x200000 from idt "
	      "symbols=\\m\n"
	      "trapline: active version=1 backend=svm cpus=1\ntrapline: slide=0x200000 from idt symbols=\\m\n"
	      "trapline: slide=0x400000 from calls symbols=\\n\ntrapline: slide=x\n");
	notes_take(&n, &m);
	assert_true(n.kernel[1].has_logged && !n.kernel[1].logged_differ &&
		    n.kernel[1].logged_slide == -0x200000ull);
	assert_true(n.kernel[2].logged_differ && !n.kernel[2].has_slide);
	notes_free(&n);
}

static void processes(void **state)
{
	struct notes n;

	reads("trap seq=1 cpu=0 at=0x33:0x1005 cpl=3\n"
	      "trap seq=1 cpu=1 at=0x33:0x1006 cpl=3\n" MARK(
		      0, "process pid=7 base=0x1000+0x10 offset=0x2000 file=/lib/a b.so")
			MARK(0, "process pid=7 base=0x1000+0x10 file=/x"));
	notes_take(&n, &m);
	assert_int_equal(n.processes, 1);
	assert_string_equal(notes_process(&n, &m, 0, 0x1005)->file, "/lib/a b.so");
	assert_null(notes_process(&n, &m, 0, 0x1010));
	assert_null(notes_process(&n, &m, 1, 0x1006)); /* another CPU's */
	assert_null(notes_process(&n, &m, 2, 0x1005));
	notes_free(&n);
}

static void maps(void **state)
{
	struct map *map = map_parse(strdup(
		"ffffffff81000100 t second\nffffffff81000000 T _text\r\nffffffffc0000000 t own\t[death]\n"
		"0000000000000000 A none\nffffffff81000200 D data\nrubbish\nffffffff81000300 T\n"));
	const char *module;
	uint64_t offset, at;

	assert_string_equal(map_find(map, 0xffffffff810000ff, &offset, &module), "_text");
	assert_true(offset == 0xff && !module);
	assert_string_equal(map_find(map, 0xffffffffc0000001, &offset, &module), "own");
	assert_string_equal(module, "death");
	assert_null(map_find(map, 0xffffffff80ffffff, &offset, &module));
	assert_null(map_find(map, 0xffffffffffffffff, &offset, &module));
	assert_true(map_symbol(map, "_text", &at) && at == 0xffffffff81000000);
	assert_false(map_symbol(map, "own", &at));
	assert_true(map_is_of_running(map));
	map_close(map);
	assert_null(map_parse(strdup("0000000000000000 T _text\n")));
}

/* No function reaches to data, nor behind the kernel's last one; data at a function's own address is nothing. */
static void map_ends(void **state)
{
	struct map *map =
		map_parse(strdup("ffffffff81000000 T first\nffffffff81000010 d first_data\n"
				 "ffffffff81000020 t second\nffffffff81000020 D mark\n"
				 "ffffffff81000030 T _etext\nffffffff81000030 T also_end\n"
				 "ffffffff81000040 t _sinittext\nffffffff81000050 T _einittext\n"
				 "ffffffffc0000000 t own\t[death]\nffffffffc0001000 d it\t[death]\n"));
	static const struct {
		uint64_t at;
		const char *name;
	} wanted[] = {{0xffffffff8100000f, "first"}, {0xffffffff81000010, NULL},
		{0xffffffff81000020, "second"}, {0xffffffff8100002f, "second"}, {0xffffffff81000030, NULL},
		{0xffffffff8100004f, "_sinittext"}, {0xffffffff81000051, NULL}, {0xffffffffc0000fff, "own"},
		{0xffffffffc0001000, NULL}};
	const char *module, *name;
	uint64_t offset;

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		name = map_find(map, wanted[i].at, &offset, &module);
		assert_true(name ? wanted[i].name && !strcmp(name, wanted[i].name) : !wanted[i].name);
	}
	assert_false(map_symbol(map, "mark", &offset));
	map_close(map);
	assert_null(map_parse(strdup("ffffffff81000000 D data\n")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(lines), TEST(fields), TEST(record), TEST(chain),
		TEST(stories), TEST(json), TEST(records), TEST(notes), TEST(modules_go), TEST(many_modules),
		TEST(kernels), TEST(last_words), TEST(told), TEST(processes), TEST(maps), TEST(map_ends)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
