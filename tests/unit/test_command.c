// SPDX-License-Identifier: MIT
/* From a line to a command: shortened names, completion, addresses made of registers, help. */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "console/address.h"
#include "console/command.h"
#include "console/complete.h"
#include "log/log.h"
#include "console/input.h"
#include "vmcall/share.h"

static const struct command_call *ran;
static char said[16384];
static struct cpu cpu[3];

enum input_output input_output;
uint32_t input_cpu;
struct boot_info boot_info = {.cpus = 3};
struct cpu *cpus[BOOT_MAX_CPUS];

/* Every command only notes that it was called, except help, which is tested here. */
command_function tested_elsewhere;
#define command_help tested_elsewhere
#define X(name, arguments, where, help)                                                                      \
	const char *command_##name(struct command_call *call)                                                \
	{                                                                                                    \
		ran = call;                                                                                  \
		return NULL;                                                                                 \
	}
COMMANDS(X)
#undef X
#undef command_help

void log_rest(void)
{
}

void log_reply(const char *fmt, ...)
{
	size_t n = strlen(said);
	va_list ap;

	va_start(ap, fmt);
	n += (size_t)vsnprintf(said + n, sizeof(said) - n, fmt, ap);
	va_end(ap);
	snprintf(said + n, sizeof(said) - n, "\n");
}

bool share_at(unsigned n, struct trapline_share *out)
{
	*out = (struct trapline_share){.number = n + 1, .name = "mailbox"};
	return n == 3;
}

static int setup(void **state)
{
	memset(cpus, 0, sizeof(cpus));
	memset(cpu, 0, sizeof(cpu));
	input_output = INPUT_TERMINAL;
	input_cpu = 2;
	said[0] = '\0';
	ran = NULL;
	return 0;
}

static const char *run(const char *text, enum command_source source)
{
	static struct command_result result;
	char line[256];

	snprintf(line, sizeof(line), "%s", text);
	ran = NULL;
	said[0] = '\0';
	command_run(&cpu[0], source, line, &result);
	return result.why ? result.why : result.name;
}

static void names(void **state)
{
	static const struct {
		const char *line, *what;
	} rows[] = {
		{"regs", "regs"},
		{"  regs  all ", "regs"},
		{"reg", "regs"},
		{"d", "disas"},
		{"sto", "stop"},
		{"reset", "reset"},
		{"?", "help"},
		{"? mem", "help"},
		{"rese", "it can be short for reset, which must be written in full"},
		{"re", "it can be short for regs, reset"},
		{"stat", "it can be short for status, stats"},
		{"regsx", "no such command; help lists all commands"},
		{"??", "no such command; help lists all commands"},
		{"status # x", "it takes no arguments"},
		{"go now", "it takes no arguments"},
		{"help me now", "usage: help [COMMAND]"},
		{"help st", "it can be short for status, stats, stop"},
		{"", "none"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *what = run(rows[i].line, COMMAND_OPERATOR);

		if (strcmp(what, rows[i].what))
			fail_msg("%s: %s", rows[i].line, what);
	}
	assert_string_equal(
		run("sto", COMMAND_GUEST), "only the operator at the console may use this command");
	assert_null(ran);
}

/* The CPU that carries out a line; CPU 1 waits for a SIPI. */
static void places(void **state)
{
	for (unsigned n = 0; n < 3; n++) {
		cpu[n].number = n;
		cpus[n] = &cpu[n];
	}
	atomic_store(&cpu[1].start, 1);
	assert_int_equal(command_place("status"), COMMAND_ANYWHERE);
	assert_int_equal(command_place(" reg"), 2);
	assert_int_equal(command_place("mem all"), 2);
	assert_int_equal(command_place("regs all"), 0);
	assert_int_equal(command_next("regs all", 0), 2);
	assert_int_equal(command_next("regs all", 2), COMMAND_ANYWHERE);
	assert_int_equal(command_next(" b  all ", 0), 2);
	assert_int_equal(command_next("regs", 0), COMMAND_ANYWHERE);
	assert_int_equal(command_next("regs all of", 0), COMMAND_ANYWHERE);
	assert_int_equal(command_next("traps all", 0), COMMAND_ANYWHERE);
	assert_int_equal(command_next("", 0), COMMAND_ANYWHERE);
}

/* What Tab appends to the line, and what a second Tab lists. */
static void completion(void **state)
{
	static const struct {
		const char *line, *rest, *list;
	} rows[] = {
		{"loglevel", " ", " loglevel"},
		{"lo", "glevel ", " loglevel"},
		{"sta", "t", " status stats"},
		{"st", "", " status stats stop"},
		{"zz", "", ""},
		{"loglevel q", "uiet ", " quiet"},
		{"logl ", "", " quiet notices traps"},
		{"help re", "", " regs reset"},
		{"mem p", "hys ", " phys"},
		{"mem rs", "", " rsi rsp"},
		{"mem fs", "base ", " fsbase"},
		{"mem phys rsp+rb", "", " rbx rbp"},
		{"walk cr2+ph", "", ""},
		{"traps v", "ec=", " vec="},
		{"traps follow o", "", " on off"},
		{"traps vec=pf,u", "d ", " ud"},
		{"filter cp", "", " cpl= cpu="},
		{"filter cpl=p", "", ""},
		{"intercept -p", "f ", " pf"},
		{"intercept all po", "wer ", " power"},
		{"watch de", "", " deny delete"},
		{"watch add w phy", "sical ", " physical"},
		{"watch add reg xc", "r0 ", " xcr0"},
		{"watch add reg lstar ra", "te=", " rate="},
		{"shares m", "ailbox ", " mailbox"},
		{"shares mailbox 0 w", "rite ", " write"},
		{"go x", "", ""},
		{"nonsense x", "", ""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct completion c;

		command_complete(&c, rows[i].line, (unsigned)strlen(rows[i].line));
		if (strcmp(c.rest, rows[i].rest) || strcmp(c.list, rows[i].list))
			fail_msg("%s: %s:%s", rows[i].line, c.rest, c.list);
	}
}

/* Tab completes only at the end of a word. */
static void completion_inside(void **state)
{
	struct completion c;

	command_complete(&c, "stop", 2);
	assert_int_equal(c.count, 0);
	command_complete(&c, "log quiet", 3);
	assert_string_equal(c.rest, "level ");
	command_complete(&c, "", 0);
	assert_int_equal(c.count, command_count);
	assert_string_equal(c.rest, "");
}

static void addresses(void **state)
{
	static const struct trap_record r = {.rip = 0x401000,
		.cr2 = 0x30,
		.cr3 = 0x1000,
		.gpr = {[TRAP_RSP] = 0x7ff0, [TRAP_RBP] = 0x8000, [TRAP_R8] = 8, [TRAP_R15] = 15},
		.ss_base = 0xfffff000,
		.gs_base = 0xffff888000000000};
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = {
		{"0x10", 0x10},
		{"16", 16},
		{"rsp", 0x7ff0},
		{"rip-16", 0x400ff0},
		{"rbp+8", 0x8008},
		{"rbp+0x10-8", 0x8008},
		{"r8+r15", 23},
		{"cr2", 0x30},
		{"cr3", 0x1000},
		{"ssbase+rsp", 0x100006ff0},
		{"gsbase+0x40", 0xffff888000000040},
		{"cr2-0x31", UINT64_MAX},
	};
	static const char *const wrong[] = {"", "+", "-8", "rsp+", "rsp-", "rsp++8", "rs", "rspx", "0x",
		"rsp*8", "rsp 8", "0x10000000000000000", "rsp+0x000000000000000000000000000000000001"};
	uint64_t value;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(address_parse(rows[i].text, &r, &value));
		assert_int_equal(value, rows[i].value);
	}
	value = 77;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (address_parse(wrong[i], &r, &value) || value != 77)
			fail_msg("%s", wrong[i]);
}

/* In columns that fit a terminal for people; as a line of key=value each for scripts. */
static void help(void **state)
{
	run("help", COMMAND_OPERATOR);
	assert_non_null(strstr(said, "\n  regs       the guest's registers\n"));
	assert_non_null(strstr(said, "\n  reset      resets the machine\n"));
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) < 100);
	run("help", COMMAND_GUEST);
	assert_null(strstr(said, "\n  reset "));
	run("help tr", COMMAND_OPERATOR);
	assert_int_equal(strncmp(said, "traps [N] ", 10), 0);
	for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) < 80);
	input_output = INPUT_LOGFMT;
	run("help stop", COMMAND_OPERATOR);
	assert_string_equal(said,
		"help name=stop arguments=\"\" text=\"stops the guest on all CPUs, and says what it "
		"may have died of, or where its CPUs stand\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names, setup),
		cmocka_unit_test_setup(places, setup),
		cmocka_unit_test_setup(completion, setup),
		cmocka_unit_test_setup(completion_inside, setup),
		cmocka_unit_test_setup(addresses, setup),
		cmocka_unit_test_setup(help, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
