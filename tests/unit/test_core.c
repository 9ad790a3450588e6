// SPDX-License-Identifier: MIT
/*
 * A core as the black box keeps it, written to a file, and opened by Debian's readelf and gdb: each has to find in it what was put
 * into it. The program itself has the functions whose frames are on the made-up stack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "trace/core_file.h"
#include "unit.h"

#define ROOM  (128u * 1024)
#define STACK 0xffffc90000010000ull
#define OTHER 0xffff888000123000ull

static uint8_t room[ROOM] __attribute__((aligned(4096)));
static char path[] = "/tmp/trapline-core-XXXXXX", other[] = "/tmp/trapline-core-XXXXXX", answer[1 << 16];

static void run(const char *command)
{
	FILE *f = popen(command, "r");
	size_t n;

	assert_non_null(f);
	n = fread(answer, 1, sizeof(answer) - 1, f);
	answer[n] = 0;
	assert_int_equal(pclose(f), 0);
}

static void expect(const char *text)
{
	if (!strstr(answer, text))
		fail_msg("no \"%s\" in:\n%s", text, answer);
}

/* Two functions that never run: the frames on the stack are theirs. */
__attribute__((noinline, used)) static int core_inner(int value)
{
	return value + 1;
}

__attribute__((noinline, used)) static int core_outer(int value)
{
	return core_inner(value * 2) + 1;
}

static uint8_t *add(struct core_file *c, uint64_t linear, uint64_t physical)
{
	uint8_t *to;

	assert_true(core_file_add_page(c, linear, physical, &to));
	if (to)
		memset(to, 0, CORE_FILE_PAGE);
	return to;
}

static void write_file(const struct core_file *c, char *to)
{
	int fd = mkstemp(to);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, c->room, core_file_size(c)), (ssize_t)core_file_size(c));
	close(fd);
}

/* At the first instruction of core_inner(): the return address is on the stack's top. */
static struct core_registers first(void)
{
	struct core_registers r = {.rip = (uint64_t)core_inner};

	for (unsigned i = 0; i < TRAP_GPRS; i++)
		r.gpr[i] = 0x1111111111111111ull * i;
	r.gpr[TRAP_RSP] = STACK + 0x100;
	r.gpr[TRAP_RBP] = STACK + 0x200;
	r.rflags = 0x10246;
	r.cr3 = 0x5000;
	r.segment[CORE_CS].selector = 0x10;
	r.segment[CORE_GS].base = OTHER;
	r.vectors.avx = true;
	r.vectors.control = 0x37f;
	r.vectors.mxcsr = 0x1f80;
	r.vectors.header[0] = 7;
	memset(r.vectors.xmm[3], 0x33, sizeof(r.vectors.xmm[3]));
	memset(r.vectors.ymmh[4], 0x44, sizeof(r.vectors.ymmh[4]));
	r.system[0] = (struct core_system_register){CORE_DEBUG, 3, 0x1234};
	r.system[CORE_SYSTEM_MAX - 1] =
		(struct core_system_register){CORE_MSR, 0xc0000082, 0xffffffff81e00000};
	return r;
}

static void make(struct core_file *c)
{
	struct core_registers r = first(), second = {.rip = 0xfff0};
	uint64_t returns = (uint64_t)core_outer + 20;

	assert_true(core_file_begin(c, room, sizeof(room), 2, core_file_signal(6)));
	assert_true(core_file_add_cpu(c, &r, 3));
	assert_true(core_file_add_cpu(c, &second, 0));
	assert_false(core_file_add_cpu(c, &second, 1));
	memcpy(add(c, STACK, 0x7000) + 0x100, &returns, sizeof(returns));
	memcpy(add(c, OTHER, 0x8000), "per CPU", 8);
	memcpy(add(c, CORE_FILE_PHYSICAL + 0x5000, 0x5000), "table", 6);
	assert_null(add(c, OTHER + 0x1000, 0x8000)); /* the same page once more */
	memcpy(add(c, STACK, 0x9000), "user", 5);    /* another page at the same address */
}

static void opened_by_readelf(void **state)
{
	char command[200];

	snprintf(command, sizeof(command), "readelf -W -h -l -n %s 2>&1", path);
	run(command);
	expect("CORE (Core file)");
	expect("Advanced Micro Devices X86-64");
	expect("0xffffc90000010000 0x0000000000007000 0x001000 0x001000 RWE 0x1000");
	expect("0x0100000000005000 0x0000000000005000");
	expect("0x0100000000009000 0x0000000000009000");
	expect("NT_PRSTATUS");
	expect("QEMU");
	expect("NT_FPREGSET");
	expect("NT_X86_XSTATE");
	expect("Trapline             0x000001a0");
	assert_null(strstr(answer, "arning"));
	assert_null(strstr(answer, "rror"));
}

static void opened_by_gdb(void **state)
{
	char command[1000], program[200] = "";

	assert_true(readlink("/proc/self/exe", program, sizeof(program) - 1) > 0);
	snprintf(command, sizeof(command),
		"gdb -nx -batch %s %s -ex bt -ex 'info registers' -ex 'info threads' -ex 'x/s $gs_base' "
		"-ex 'x/s 0x0100000000005000' -ex 'x/s 0x0100000000009000' -ex 'x/s %#llx' -ex 'thread 2' "
		"-ex 'p $rip' -ex 'thread 1' -ex 'p/x $xmm3.uint128' -ex 'p/x $ymm4.v2_int128' -ex 'p/x "
		"$fctrl' "
		"-ex 'source tools/gdb/linux.py' -ex trapline-registers 2>&1",
		program, path, OTHER + 0x1000);
	run(command);
	expect("SIGILL");
	expect("in core_outer");
	expect("core_inner");
	expect("0x3333333333333333"); /* RBX */
	expect("0xffffc90000010100");
	expect("LWP 4");
	expect("LWP 1");
	expect("\"per CPU\"");
	expect("\"table\"");
	expect("\"user\"");
	expect("0xfff0");
	expect("= 0x33333333333333333333333333333333\n");
	expect("= {0x0, 0x44444444444444444444444444444444}");
	expect("= 0x37f\n");
	expect("cpu=3 dr3 = 0x1234\n");
	expect("cpu=3 msr 0xc0000082 = 0xffffffff81e00000\n");
	assert_null(strstr(answer, "cpu=0 "));
}

/* As many as fit, then no more, and nothing beyond the room. */
static void full(void **state)
{
	struct core_registers r = first();
	struct core_file c;
	uint8_t *to;

	assert_true(core_file_begin(&c, room, sizeof(room), 1024, 0));
	assert_true(c.cpus_max < 1024);
	while (core_file_add_cpu(&c, &r, c.cpus))
		;
	assert_int_equal(c.cpus, c.cpus_max);
	for (uint64_t at = 0; core_file_add_page(&c, at, at, &to); at += CORE_FILE_PAGE) {
		assert_true(to >= room + c.pages_at && to + CORE_FILE_PAGE <= room + sizeof(room));
		memset(to, 0xff, CORE_FILE_PAGE);
	}
	assert_int_equal(c.pages, c.pages_max);
	assert_true(core_file_size(&c) <= sizeof(room));
	assert_int_equal(room[1], 'E');
	while (core_file_add_page(&c, 0x100000000000ull + c.loads * 4096ull, 0, &to))
		assert_null(to);
	assert_int_equal(c.loads, c.loads_max);
}

static unsigned count(const char *text)
{
	unsigned n = 0;

	for (const char *at = answer; (at = strstr(at, text)); at++)
		n++;
	return n;
}

/* With more CPUs than there is room for all notes, each still has the first two: no CPU is lost to another one's vector registers. */
static void many_cpus(void **state)
{
	struct core_registers r = first();
	char command[200];
	struct core_file c;

	assert_true(core_file_begin(&c, room, sizeof(room), 30, 0));
	assert_int_equal(c.cpus_max, 30);
	while (core_file_add_cpu(&c, &r, c.cpus))
		;
	assert_int_equal(c.cpus, 30);
	add(&c, STACK, 0x7000);
	write_file(&c, other);
	snprintf(command, sizeof(command), "readelf -W -n %s 2>&1", other);
	run(command);
	assert_int_equal(count("NT_PRSTATUS"), 30);
	assert_int_equal(count("QEMU"), 30);
	assert_in_range(count("NT_X86_XSTATE"), 1, 29);
	assert_int_equal(count("Trapline"), count("NT_X86_XSTATE"));
	unlink(other);
}

/* Every room from nothing up: refused, or all parts are inside. */
static void rooms(void **state)
{
	for (uint64_t size = 0; size <= sizeof(room); size += 512) {
		struct core_file c;

		if (core_file_begin(&c, room, size, 4, 0)) {
			assert_true(c.pages_at + c.pages_max * (uint64_t)CORE_FILE_PAGE <= size);
			assert_true(c.cpus_max && c.pages_max);
		} else {
			assert_true(size < 16384);
		}
	}
}

static void dropped(void **state)
{
	struct core_file c;
	uint8_t *to;

	assert_true(core_file_begin(&c, room, sizeof(room), 1, 0));
	add(&c, 0x1000, 0x1000);
	add(&c, 0x2000, 0x2000);
	core_file_drop_page(&c);
	assert_int_equal(c.pages, 1);
	assert_int_equal(*(uint16_t *)(room + 56), 2); /* e_phnum: the notes and one page */
	assert_true(core_file_add_page(&c, 0x2000, 0x3000, &to));
	assert_non_null(to);
}

static int set_up(void **state)
{
	struct core_file c;

	make(&c);
	write_file(&c, path);
	return 0;
}

static int clean_up(void **state)
{
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opened_by_readelf),
		cmocka_unit_test(opened_by_gdb),
		cmocka_unit_test(full),
		cmocka_unit_test(many_cpus),
		cmocka_unit_test(rooms),
		cmocka_unit_test(dropped),
	};

	return cmocka_run_group_tests(tests, set_up, clean_up);
}
