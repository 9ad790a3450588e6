// SPDX-License-Identifier: MIT
/*
 * Whole lines, character for character: other people's scripts read them. docs/log.md
 * describes the same ones.
 */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "trace/format.h"
#include <trapline/watch.h>
#include "trace/summary.h"
#include "trace/vector.h"

static const struct trap_clock clock_2ghz = {.tsc_start = 1000, .tsc_khz = 2000000};

static struct trap_record record(unsigned vector, const char *bytes)
{
	struct trap_record r = {
		.seq = 42,
		.cpu = 1,
		.tsc = 1000 + 3000002468, /* 1.500001 s and a bit */
		.rip = 0xffffffff81000000,
		.cs = 0x10,
		.vector = (uint8_t)vector,
		.type = TRAP_TYPE_EXCEPTION,
		.mode = 64,
		.cr0 = 0x80050033,
		.cr4 = 0x6f0,
		.efer = 0xd01,
	};

	for (unsigned byte; sscanf(bytes, "%2x", &byte) == 1; bytes += 2)
		r.code[r.code_len++] = (uint8_t)byte;
	return r;
}

static void set_error(struct trap_record *r, uint32_t error)
{
	r->flags |= TRAP_HAS_ERROR;
	r->error_code = error;
}

static const char *line_of(const struct trap_record *r)
{
	static char line[TRAP_LINE_MAX];
	size_t n = trap_format(line, sizeof(line), r, &clock_2ghz);

	assert_int_equal(n, strlen(line));
	return line;
}

static void assert_line(const struct trap_record *r, const char *expected)
{
	assert_string_equal(line_of(r), expected);
}

/* The value of one field without its quotes; NULL if the line does not have the field. */
static const char *field(const struct trap_record *r, const char *name)
{
	static char value[TRAP_LINE_MAX];
	char key[32];
	const char *at;

	snprintf(key, sizeof(key), " %s=", name);
	at = strstr(line_of(r), key);
	if (!at)
		return NULL;
	at += strlen(key);
	if (*at == '"')
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(at + 1, "\""), at + 1);
	else
		snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, " "), at);
	return value;
}

static void assert_field(const struct trap_record *r, const char *name, const char *expected)
{
	const char *value = field(r, name);

	if (!expected) {
		assert_null(value);
		return;
	}
	assert_non_null(value);
	assert_string_equal(value, expected);
}

static void wrmsr_gp(void **state)
{
	struct trap_record r = record(13, "0f30");

	set_error(&r, 0);
	r.gpr[TRAP_RCX] = 0xdead000001b0;
	r.gpr[TRAP_RAX] = 6;
	assert_line(&r, "trap seq=42 cpu=1 t=1.500001 vec=13 name=#GP err=0x0 at=0x10:0xffffffff81000000 "
			"mode=64 cpl=0 "
			"code=0f30 insn=\"wrmsr\" uses=\"ecx=0x1b0(IA32_ENERGY_PERF_BIAS) eax=0x6 edx=0x0\"");
}

static void unknown_msr_has_no_name(void **state)
{
	struct trap_record r = record(13, "0f32");

	r.gpr[TRAP_RCX] = 0xbad;
	assert_field(&r, "uses", "ecx=0xbad");
}

static void user_page_fault(void **state)
{
	struct trap_record r = record(14, "c70001000000");

	set_error(&r, 6);
	r.flags |= TRAP_HAS_CR2;
	r.cr2 = 0x7f0000001000;
	r.gpr[TRAP_RAX] = 0x7f0000001000;
	r.cs = 0x33;
	r.cpl = 3;
	r.rip = 0x401136;
	assert_line(&r, "trap seq=42 cpu=1 t=1.500001 vec=14 name=#PF err=0x6 at=0x33:0x401136 mode=64 cpl=3 "
			"code=c70001000000 insn=\"mov dword ptr [rax], 0x1\" cr2=0x7f0000001000 "
			"why=\"write to a page not present, from user mode\" uses=\"rax=0x7f0000001000\" "
			"mem=0x7f0000001000");
}

static void page_fault_codes(void **state)
{
	static const struct {
		uint32_t error;
		unsigned cpl;
		const char *why;
	} cases[] = {
		{0x0, 0, "read of a page not present, from supervisor mode"},
		{0x1, 0, "read of a page that does not permit it, from supervisor mode"},
		{0x2, 0, "write to a page not present, from supervisor mode"},
		{0x3, 0, "write to a page that does not permit it, from supervisor mode"},
		{0x4, 3, "read of a page not present, from user mode"},
		{0x5, 3, "read of a page that does not permit it, from user mode"},
		{0x7, 3, "write to a page that does not permit it, from user mode"},
		{0x9, 0, "read of a page with a reserved bit set in its tables, from supervisor mode"},
		{0xf, 3, "write to a page with a reserved bit set in its tables, from user mode"},
		{0x10, 0, "instruction fetch from a page not present, from supervisor mode"},
		{0x11, 0, "instruction fetch from a page that does not permit it, from supervisor mode"},
		{0x15, 3, "instruction fetch from a page that does not permit it, from user mode"},
		{0x25, 3, "read of a page that does not permit it, from user mode, protection key"},
		{0x44, 3, "shadow-stack read of a page not present, from user mode"},
		{0x47, 3, "shadow-stack write to a page that does not permit it, from user mode"},
		{0x81, 0, "read of a page that does not permit it, from supervisor mode, HLAT paging"},
		{0x8005, 3, "read of a page that does not permit it, from user mode, SGX"},
		{0x80000007, 3, "write to a page that does not permit it, from user mode, RMP"},
		/* a GDT, IDT or TSS that is not mapped */
		{0x0, 3, "read of a page not present, from supervisor mode by the CPU itself"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(14, "90");

		set_error(&r, cases[i].error);
		r.cpl = (uint8_t)cases[i].cpl;
		assert_field(&r, "why", cases[i].why);
	}
}

/* Without NX and SMEP the I bit stays 0, SDM vol. 3A 4.7. */
static void fetches_are_not_always_marked(void **state)
{
	struct trap_record r = record(14, "");

	set_error(&r, 0);
	r.efer = 0x500;
	assert_field(&r, "why", "read of or fetch from a page not present, from supervisor mode");
	r.efer = 0x800;
	r.cr4 = 0; /* NXE alone: without PAE there is no such bit */
	assert_field(&r, "why", "read of or fetch from a page not present, from supervisor mode");
	r.cr4 = 0x20;
	assert_field(&r, "why", "read of a page not present, from supervisor mode");
	r.efer = 0;
	r.cr4 = 0x100000;
	assert_field(&r, "why", "read of a page not present, from supervisor mode");
}

static void selector_errors(void **state)
{
	static const struct {
		unsigned vector;
		uint32_t error;
		const char *sel;
	} cases[] = {
		{13, 0x73, "idt 0x0e ext"},
		{13, 0x72, "idt 0x0e"},
		{13, 0x402, "idt 0x80"},
		{13, 0x7fa, "idt 0xff"},
		{13, 0x28, "gdt 0x0028"},
		{10, 0x29, "gdt 0x0028 ext"},
		{11, 0x0c, "ldt 0x0008"},
		{12, 0xfffc, "ldt 0xfff8"},
		{13, 0x01, "ext"},
		{13, 0x0, NULL},
		{14, 0x10, NULL}, /* not a selector error code */
		{8, 0x0, NULL},
		{17, 0x10, NULL},
		{21, 0x10, NULL},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(cases[i].vector, "");

		set_error(&r, cases[i].error);
		assert_field(&r, "sel", cases[i].sel);
	}
}

static void debug_status(void **state)
{
	static const struct {
		uint32_t dr6;
		const char *text;
	} cases[] = {
		{0xffff0ff0, "0xffff0ff0"},
		{0xffff4ff0, "0xffff4ff0(BS)"},
		{0xffff0ff1, "0xffff0ff1(B0)"},
		{0xffff4ff9, "0xffff4ff9(B0,B3,BS)"},
		{0xffff2ff0, "0xffff2ff0(BD)"},
		{0xffff8ff0, "0xffff8ff0(BT)"},
		{0xffff07f0, "0xffff07f0(BLD)"}, /* these two are 0 when they happen */
		{0xfffe0ff0, "0xfffe0ff0(RTM)"},
		{0x4000, "0x4000(BS)"}, /* without the fixed ones nothing is said of the inverted */
		{0, "0x0"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(1, "");

		r.flags = TRAP_HAS_DR6;
		r.dr6 = cases[i].dr6;
		assert_field(&r, "dr6", cases[i].text);
	}
}

static void other_causes(void **state)
{
	struct trap_record r = record(7, "9b");

	r.cr0 |= 8;
	assert_field(&r, "why", "CR0.TS is set");
	r.cr0 |= 4;
	assert_field(&r, "why", "CR0.EM is set");
	r.cr0 = 0x33;
	assert_field(&r, "why", NULL);
	r = record(21, "c3");
	set_error(&r, 1);
	assert_field(&r, "why", "RET does not match the shadow stack");
	set_error(&r, 0x8003);
	assert_field(&r, "why", "indirect branch to a place without ENDBRANCH");
	set_error(&r, 6);
	assert_field(&r, "why", NULL);
}

static void non_canonical(void **state)
{
	struct trap_record r = record(13, "488b03");

	set_error(&r, 0);
	r.gpr[TRAP_RBX] = 0x8000000000000000;
	assert_field(&r, "why", "address not canonical");
	r.gpr[TRAP_RBX] = 0x800000000000;
	assert_field(&r, "why", "address not canonical");
	r.cr4 |= 0x1000; /* five-level paging */
	assert_field(&r, "why", NULL);
	r.gpr[TRAP_RBX] = 0x0080000000000000;
	assert_field(&r, "why", NULL);
	r.gpr[TRAP_RBX] = 0x0100000000000000;
	assert_field(&r, "why", "address not canonical");
	r.cr4 = 0;
	r.gpr[TRAP_RBX] = 0x7fffffffffff;
	assert_field(&r, "why", NULL);
	r.gpr[TRAP_RBX] = 0xffff800000000000;
	assert_field(&r, "why", NULL);
	r.gpr[TRAP_RBX] = 0xffff7fffffffffff;
	assert_field(&r, "why", "address not canonical");
	r.flags |= TRAP_DURING; /* the fault is a delivery's; the instruction did not run */
	assert_field(&r, "why", NULL);
	r.flags &= (uint8_t)~TRAP_DURING;
	r.rip = 0xfeffffff81000000; /* the code bytes are those of another address */
	assert_field(&r, "why", "RIP not canonical");
	assert_field(&r, "code", NULL);
	assert_field(&r, "insn", NULL);
	r.mode = 32;
	assert_field(&r, "why", NULL);
}

static void double_fault(void **state)
{
	struct trap_record r = record(13, "");

	set_error(&r, 0x73);
	r.flags |= TRAP_DURING | TRAP_DURING_ERR | TRAP_DOUBLED;
	r.during_vector = 14;
	r.during_type = TRAP_TYPE_EXCEPTION;
	r.during_error = 2;
	r.link = 1;
	assert_line(&r,
		"trap seq=42 cpu=1 t=1.500001 vec=13 name=#GP err=0x73 at=0x10:0xffffffff81000000 mode=64 "
		"cpl=0 sel=\"idt 0x0e ext\" during=\"#PF err=0x2\" cause=41 outcome=double-fault");
	r = record(8, "");
	set_error(&r, 0);
	r.flags |= TRAP_SYNTHESIZED;
	assert_line(&r, "trap seq=42 cpu=1 t=1.500001 vec=8 name=#DF err=0x0 at=0x10:0xffffffff81000000 "
			"mode=64 cpl=0 "
			"origin=merge");
	r.flags |= TRAP_TRIPLED;
	assert_field(&r, "outcome", "triple-fault");
}

static void delivered_events(void **state)
{
	static const struct {
		unsigned vector, type;
		const char *text;
	} cases[] = {
		{14, TRAP_TYPE_EXCEPTION, "#PF"},
		{0x20, TRAP_TYPE_EXTINT, "extint 0x20"},
		{0xd, TRAP_TYPE_EXTINT, "extint 0xd"}, /* not #GP */
		{0x80, TRAP_TYPE_SOFTINT, "int 0x80"},
		{8, TRAP_TYPE_SOFTINT, "int 0x8"},
		{2, TRAP_TYPE_NMI, "NMI"},
		{3, TRAP_TYPE_SOFTEXC, "#BP"},
		{1, TRAP_TYPE_ICEBP, "#DB"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(13, "");

		r.flags = TRAP_DURING;
		r.during_vector = (uint8_t)cases[i].vector;
		r.during_type = (uint8_t)cases[i].type;
		assert_field(&r, "during", cases[i].text);
		assert_field(&r, "cause", NULL);
	}
}

static void types(void **state)
{
	static const struct {
		unsigned vector, type;
		const char *name, *text;
	} cases[] = {
		{3, TRAP_TYPE_EXCEPTION, "#BP", NULL},
		{3, TRAP_TYPE_SOFTEXC, "#BP", "softexc"},
		{1, TRAP_TYPE_ICEBP, "#DB", "int1"},
		{2, TRAP_TYPE_NMI, "NMI", "nmi"},
		{0x80, TRAP_TYPE_SOFTINT, "int", "int"},
		{14, TRAP_TYPE_SOFTINT, "int", "int"},
		{0x30, TRAP_TYPE_EXTINT, "extint", "extint"},
		{0x80, TRAP_TYPE_EXCEPTION, NULL, NULL},
		{3, 77, "#BP", NULL},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(cases[i].vector, "");

		r.type = (uint8_t)cases[i].type;
		assert_field(&r, "name", cases[i].name);
		assert_field(&r, "type", cases[i].text);
	}
}

/* Fields without a known value are omitted, even if the record's member is not zero. */
static void absent(void **state)
{
	struct trap_record r = record(14, "");

	r.error_code = 6;
	r.cr2 = 0x1000;
	r.dr6 = 0xffff4ff0;
	r.during_vector = 13;
	r.link = 3;
	assert_line(
		&r, "trap seq=42 cpu=1 t=1.500001 vec=14 name=#PF at=0x10:0xffffffff81000000 mode=64 cpl=0");
}

static void bytes_that_are_no_instruction(void **state)
{
	struct trap_record r = record(6, "06");

	assert_field(&r, "code", "06");
	assert_field(&r, "insn", "(bad)");
	r = record(6, "0f");
	assert_field(&r, "code", "0f");
	assert_field(&r, "insn", NULL);
}

static void real_mode(void **state)
{
	struct trap_record r = record(6, "0f0b");

	r.cs = 0xf000;
	r.rip = 0xfff0;
	r.mode = 16;
	assert_field(&r, "at", "0xf000:0xfff0");
	assert_field(&r, "mode", "16");
	assert_field(&r, "insn", "ud2");
}

static void times(void **state)
{
	static const struct {
		uint64_t start, tsc;
		uint32_t khz;
		const char *t;
	} cases[] = {
		{0, 0, 1, "0.000000"}, {0, 1, 1000000, "0.000000"}, {0, 999, 1000000, "0.000000"},
		{0, 1000, 1000000, "0.000001"}, {0, 999999999, 1000000, "0.999999"},
		{0, 1000000000, 1000000, "1.000000"}, {500, 500, 3000000, "0.000000"},
		{0, UINT64_MAX, 1, "18446744073709551.615000"},
		{0, UINT64_MAX, UINT32_MAX, "4294967.297000"}, /* (2^64-1) / (2^32-1) = 2^32+1 ms */
		{0, UINT32_MAX * 1000ULL - 1, UINT32_MAX, "0.999999"}, {0, 5, 0, NULL}, /* speed not known */
		{10, 5, 1, NULL},                                                       /* before the start */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(6, "");
		struct trap_clock clock = {cases[i].start, cases[i].khz};
		char line[TRAP_LINE_MAX], expected[64];

		r.tsc = cases[i].tsc;
		trap_format(line, sizeof(line), &r, &clock);
		snprintf(expected, sizeof(expected), " cpu=1 %s%s%svec=6", cases[i].t ? "t=" : "",
			cases[i].t ? cases[i].t : "", cases[i].t ? " " : "");
		assert_non_null(strstr(line, expected));
	}
}

/* Every size: never past the end, always terminated, and cut between fields. */
static void truncation(void **state)
{
	struct trap_record r = record(13, "0f30");
	char whole[TRAP_LINE_MAX];
	size_t full = trap_format(whole, sizeof(whole), &r, &clock_2ghz);

	for (size_t size = 1; size <= full + 8; size++) {
		char out[TRAP_LINE_MAX];
		size_t n;

		memset(out, 0x5a, sizeof(out));
		n = trap_format(out, size, &r, &clock_2ghz);
		assert_true(n < size);
		assert_int_equal(out[n], '\0');
		assert_int_equal(strlen(out), n);
		assert_int_equal(out[size], 0x5a);
		assert_memory_equal(out, whole, n);
		if (size > 5)
			assert_true(whole[n] == ' ' || whole[n] == '\0');
		if (size > full)
			assert_int_equal(n, full);
	}
	assert_int_equal(trap_format(NULL, 0, &r, &clock_2ghz), 0);
}

/* A line of the guest has neither vector nor code, and its text cannot break the line. */
static void mark(void **state)
{
	struct trap_record r = {.seq = 7,
		.type = TRAP_TYPE_MARK,
		.cpu = 1,
		.cs = 0x33,
		.rip = 0x401000,
		.mode = 64,
		.cpl = 3};

	memcpy(r.gpr, "say \"hi\"\n", 9);
	assert_string_equal(
		line_of(&r), "mark seq=7 cpu=1 at=0x33:0x401000 mode=64 cpl=3 text=\"say \\\"hi\\\".\"");
}

/* A hit of a watch has what it watches instead of a vector; the flags of an exception are not looked at. */
static void watch(void **state)
{
	struct trap_record r = {.seq = 7,
		.type = TRAP_TYPE_WATCH,
		.vector = 14,
		.cs = 0x10,
		.rip = 0xffffffff81000000,
		.mode = 64,
		.watch_id = 3,
		.watch_access = WATCH_WRITE,
		.watch_register = WATCH_MSR,
		.watch_where = {0xc0000082},
		.watch_old = 0xffffffff82000000,
		.watch_new = 0x1000,
		.watch_flags = TRAP_WATCH_OLD | TRAP_WATCH_NEW};

	assert_string_equal(line_of(&r),
		"watch seq=7 cpu=0 id=3 name=IA32_LSTAR access=w at=0x10:0xffffffff81000000 mode=64 cpl=0 "
		"old=0xffffffff82000000 new=0x1000");
	r.watch_where[0] = 0x4b564d00;
	assert_non_null(strstr(line_of(&r), " name=msr:0x4b564d00 "));
	r.watch_register = WATCH_CR0;
	r.watch_access = WATCH_READ | WATCH_WRITE;
	r.watch_flags = TRAP_WATCH_DENIED;
	assert_string_equal(line_of(&r), "watch seq=7 cpu=0 id=3 name=cr0 access=rw "
					 "at=0x10:0xffffffff81000000 mode=64 cpl=0 how=denied");
	r.watch_register = 0;
	r.watch_size = 8;
	r.watch_where[1] = 1;
	r.cr2 = 0xffff888000001000;
	r.watch_flags = TRAP_WATCH_LINEAR | TRAP_WATCH_PHYSICAL | TRAP_WATCH_NEW | TRAP_WATCH_WALK |
			TRAP_WATCH_LOCKED;
	assert_string_equal(line_of(&r),
		"watch seq=7 cpu=0 id=3 access=rw at=0x10:0xffffffff81000000 mode=64 cpl=0 "
		"addr=0xffff888000001000 phys=0x14b564d00 size=8 new=0x1000 how=page-walk,locked");
}

/* Records of random bytes, as in a damaged ring: one line each, printable, within the limit. */
static void any_record(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	size_t longest = 0;

	for (unsigned i = 0; i < 100000; i++) {
		struct trap_record r;
		unsigned char *bytes = (void *)&r;
		const char *line;

		for (unsigned k = 0; k < sizeof(r); k++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			bytes[k] = (unsigned char)(seed >> 56);
		}
		if (i & 1) { /* half of them likely ones */
			r.mode = (uint8_t)(16 << i / 2 % 3);
			r.vector &= 31;
			r.type = TRAP_TYPE_EXCEPTION;
			r.code_len = 15;
		}
		line = line_of(&r);
		if (strlen(line) > longest)
			longest = strlen(line);
		for (const char *p = line; *p; p++)
			assert_in_range(*p, ' ', '~');
		assert_memory_equal(line,
			r.type == TRAP_TYPE_MARK    ? "mark seq="
			: r.type == TRAP_TYPE_WATCH ? "watch seq="
						    : "trap seq=",
			9);
	}
	print_message("             longest line: %zu\n", longest);
	assert_true(longest < TRAP_LINE_MAX - 200);
}

static void fields_are_documented(void **state)
{
#define X(name, kind, meaning) assert_true(sizeof(meaning) > 5);
	TRAP_FIELDS(X)
#undef X
}

static void summary(void **state)
{
	struct trap_counts counts = {0};
	char out[SUMMARY_MAX];
	size_t n;

	counts.kernel[13] = 2;
	counts.user[13] = 1;
	counts.user[14] = 123456;
	n = summary_format(out, sizeof(out), &counts);
	assert_int_equal(n, strlen(out));
	assert_string_equal(out, "trap                                             count               "
				 "kernel                 user\n"
				 "#GP   general protection                             3                    "
				 "2                    1\n"
				 "#PF   page fault                                123456                    "
				 "0               123456\n"
				 "all                                             123459                    "
				 "2               123457\n");
}

static void summary_of_everything(void **state)
{
	struct trap_counts counts;
	char out[SUMMARY_MAX];
	unsigned lines = 0;
	size_t n;

	memset(&counts, 0x77, sizeof(counts)); /* 20 digits */
	n = summary_format(out, sizeof(out), &counts);
	assert_int_equal(n, strlen(out));
	for (const char *p = out; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 34);
	assert_true(summary_format(out, 100, &counts) < 100);
	assert_int_equal(summary_format(NULL, 0, &counts), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrmsr_gp),
		cmocka_unit_test(unknown_msr_has_no_name),
		cmocka_unit_test(user_page_fault),
		cmocka_unit_test(page_fault_codes),
		cmocka_unit_test(fetches_are_not_always_marked),
		cmocka_unit_test(selector_errors),
		cmocka_unit_test(debug_status),
		cmocka_unit_test(other_causes),
		cmocka_unit_test(non_canonical),
		cmocka_unit_test(double_fault),
		cmocka_unit_test(delivered_events),
		cmocka_unit_test(types),
		cmocka_unit_test(absent),
		cmocka_unit_test(bytes_that_are_no_instruction),
		cmocka_unit_test(real_mode),
		cmocka_unit_test(times),
		cmocka_unit_test(truncation),
		cmocka_unit_test(mark),
		cmocka_unit_test(watch),
		cmocka_unit_test(any_record),
		cmocka_unit_test(fields_are_documented),
		cmocka_unit_test(summary),
		cmocka_unit_test(summary_of_everything),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
