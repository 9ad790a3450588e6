// SPDX-License-Identifier: MIT
/*
 * Ports that exit, and what the vendor lets in while the VMM carries the instruction out. The real IN, OUT, STGI and CLGI are
 * executed: they fault here, and what faults is noted and stepped over.
 */
#define _GNU_SOURCE
#include "unit.h"
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include "apic/apic.h"
#include "log/log.h"
#include "log/turn.h"
#include "cpu/moment.h"
#include "exit/breakpoint.h"
#include "exit/handlers.h"
#include "exit/exception.h"
#include "exit/io.h"
#include "exit/run_stop.h"
#include "exit/pic.h"
#include "exit/shutdown.h"
#include "mem/pool.h"
#include "svm/svm.h"

#define PM1     0x604
#define SLP_EN  0x2000
#define IN_READ 0x1c /* what every port has */

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
uint64_t turn_polled;
const struct vendor *vendor;
_Atomic uint32_t cpus_active;

static struct cpu cpu;
static char story[256]; /* what was executed, in order */
static unsigned skipped;

/* What happened, and to what; -1: nothing that matters. */
static void tell(const char *what, int number)
{
	size_t n = strlen(story);

	n += (size_t)snprintf(story + n, sizeof(story) - n, "%s", what);
	if (number >= 0)
		snprintf(story + n, sizeof(story) - n, " %x", (unsigned)number);
	strcat(story, ",");
}

/* The length of the instruction; 0: none of these. */
static unsigned carry_out(const uint8_t *code, greg_t *r)
{
	unsigned prefix = code[0] == 0x66, port = (uint16_t)r[REG_RDX];

	code += prefix;
	if (code[0] == 0xec || code[0] == 0xed) {
		tell("in", (int)port);
		r[REG_RAX] = (r[REG_RAX] & ~0xff) | IN_READ;
		return prefix + 1;
	}
	if (code[0] == 0xee || code[0] == 0xef) {
		tell("out", (int)port);
		return prefix + 1;
	}
	if (code[0] == 0x0f && code[1] == 0x01 && (code[2] == 0xdc || code[2] == 0xdd)) {
		tell(code[2] == 0xdc ? "stgi" : "clgi", -1);
		return 3;
	}
	return 0;
}

static void on_fault(int signal_number, siginfo_t *info, void *context)
{
	greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned length = carry_out((const uint8_t *)r[REG_RIP], r);

	if (!length)
		signal(signal_number, SIG_DFL); /* a fault of this program's own */
	r[REG_RIP] += length;
}

/* What io.c, svm_init.c and moment.c ask of the rest. */

static uint8_t map[3 * 4096];

uint64_t pool_alloc(uint64_t pages)
{
	return pool_phys(map);
}

struct cpu *cpu_of_stack(uint64_t address)
{
	return &cpu;
}

void log_line(const char *fmt, ...)
{
}

void log_print(const char *fmt, ...)
{
	tell("told", -1);
}

void turn_poll_now(struct cpu *c)
{
}

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	tell("raised", vector);
}

void shutdown_report(const char *why, unsigned seconds)
{
	tell("report", -1);
}

void shutdown_reset(void)
{
	tell("reset", -1);
}

/* A slave's end of interrupt is Trapline's own here. */
bool pic_write(uint16_t port, uint8_t value)
{
	if (port == 0xa0 || port == 0xa1 || port == 0x20 || port == 0xf0)
		tell("pic", port << 8 | value);
	return !(port == 0xa0 && value == 0x20);
}

bool pic_wants_master(void)
{
	return false;
}

uint64_t breakpoint_io(const struct cpu *c, unsigned port, unsigned size)
{
	return 0;
}

void svm_watch_halt(struct cpu *c)
{
}

void svm_open_nmi_window(void)
{
	tell("window", -1);
}

static const struct vendor_traits vmx_traits = {.reset_is_init = true};
static uint64_t rip;

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_RIP ? rip : fake_get(c, r);
}

FAKE_VENDOR(svm_like, .state.get = get, .events.let_in = svm_let_in);
FAKE_VENDOR(vmx_like, .traits = &vmx_traits);

/* In each test: cmocka has handlers of its own. */
static void catch_faults(void)
{
	const struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};

	assert_int_equal(sigaction(SIGSEGV, &action, NULL), 0);
	assert_int_equal(sigaction(SIGILL, &action, NULL), 0);
	story[0] = 0;
}

static void run_wide(uint16_t port, unsigned size, bool in, uint32_t value)
{
	catch_faults();
	memset(&cpu.exit, 0, sizeof(cpu.exit));
	cpu.exit.io = (struct exit_io){.port = port, .size = (uint8_t)size, .in = in};
	cpu.gpr[TRAP_RAX] = value;
	exit_io(&cpu);
	skipped = cpu.exit.skip;
	assert_true(skipped);
}

static void run(uint16_t port, bool in, uint32_t value)
{
	run_wide(port, port == PM1 ? 2 : 1, in, value);
}

static int setup(void **state)
{
	boot_info.pm1a_cnt = PM1;
	boot_info.cpus = 1;
	atomic_store(&cpus_active, 1);
	vendor = &svm_like;
	assert_true(io_init());
	return 0;
}

/* 15.17 and 15.13.3: an SMI that the instruction causes comes with it, and not behind the next VMRUN. */
static void smis_come(void **state)
{
	vendor = &svm_like;
	run(0x64, true, 0xff00);
	assert_string_equal(story, "stgi,in 64,clgi,");
	assert_int_equal(cpu.gpr[TRAP_RAX], 0xff00 | IN_READ);
	run(0x64, false, 0xad);
	assert_string_equal(story, "stgi,out 64,clgi,");
	run(0x92, false, 2);
	assert_string_equal(story, "stgi,out 92,clgi,");
	run(PM1, false, 0);
	assert_string_equal(story, "stgi,out 604,clgi,");
}

/* What a write to a port is to come to. */
struct written {
	uint16_t port;
	uint32_t value;
	const char *story;
};

static void write_each(const struct written *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		run(cases[i].port, false, cases[i].value);
		assert_string_equal(story, cases[i].story);
	}
}

_Atomic bool run_stops_resets;
static unsigned stops;

void run_stop(struct cpu *c, enum run_stop why)
{
	assert_int_equal(why, RUN_RESET);
	stops++;
}

static void stops_at(uint64_t at)
{
	unsigned before = stops;

	rip = at;
	story[0] = 0;
	cpu.gpr[TRAP_RAX] = 6;
	cpu.exit = (struct exit){.io = {.port = 0xcf9, .size = 1}};
	exit_io(&cpu);
	assert_string_equal(story, "");
	assert_false(cpu.exit.skip);
	assert_int_equal(stops, before + 1);
}

/* With a debugger a reset stops the CPU at its OUT, which runs anew and is carried out then. Power off is none. */
static void stops_before_reset(void **state)
{
	static const struct written other[] = {
		{PM1, SLP_EN, "report,stgi,out 604,clgi,"}, {0xcf9, 2, "stgi,out cf9,clgi,"}};

	vendor = &svm_like;
	run_stops_resets = true;
	write_each(other, ARRAY_SIZE(other));
	assert_int_equal(stops, 0);
	stops_at(0);
	run(0xcf9, false, 6);
	assert_string_equal(story, "report,stgi,out cf9,clgi,");
	stops_at(0x10);
	stops_at(0x20); /* the debugger has put RIP elsewhere: this reset is another one */
	story[0] = 0;
	run(0xcf9, false, 6);
	assert_string_equal(story, "report,stgi,out cf9,clgi,");
	assert_int_equal(stops, 3);
	stops_at(0x20); /* the first has done nothing, and it is tried again */
	run(0xcf9, false, 6);
	run_stops_resets = false;
}

/* The report is out before the power is. */
static void ends(void **state)
{
	static const struct written cases[] = {
		{PM1, SLP_EN, "report,stgi,out 604,clgi,"},
		{0xcf9, 6, "report,stgi,out cf9,clgi,"},
		{0x64, 0xfe, "report,stgi,out 64,clgi,"},
		{0x92, 1, "report,stgi,out 92,clgi,"},
	};

	vendor = &svm_like;
	write_each(cases, ARRAY_SIZE(cases));
}

/* On VT-x INIT resets nothing: the machine is reset, and if that does nothing the guest's write goes its way. */
static void init_is_no_reset(void **state)
{
	static const struct written cases[] = {
		{PM1, SLP_EN, "report,out 604,"},
		{0xcf9, 6, "report,out cf9,"},
		{0xcf9, 0xe, "report,out cf9,"},
		{0xcf9, 4, "report,reset,out cf9,"},
		{0x64, 0xfe, "report,reset,out 64,"},
		{0x92, 1, "report,reset,out 92,"},
		{0x64, 0xad, "out 64,"},
		{0x92, 2, "out 92,"},
		{0xcf9, 2, "out cf9,"},
	};

	vendor = &vmx_like;
	write_each(cases, ARRAY_SIZE(cases));
}

/* Writes of one byte or more, with what they lead to. */
struct wide {
	uint16_t port;
	unsigned size;
	uint32_t value;
	const char *story;
};

static void write_each_wide(const struct wide *cases, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		run_wide(cases[i].port, cases[i].size, false, cases[i].value);
		assert_string_equal(story, cases[i].story);
	}
}

/* A write of several bytes goes to several ports, as the bus makes of it. */
static void wide_writes(void **state)
{
	static const struct wide cases[] = {
		{0xcf8, 2, 0x0600, "report,out cf8,"},
		{0xcf8, 2, 0x0400, "report,reset,out cf8,"},
		{0xcf8, 2, 0x0006, "out cf8,"},
		{0x91, 2, 0x0100, "report,reset,out 91,"},
		{0x91, 2, 0x0001, "out 91,"},
		{0x63, 2, 0xfe00, "report,reset,out 63,"},
		{PM1, 4, SLP_EN, "report,out 604,"},
		{PM1 + 1, 1, SLP_EN >> 8, "report,out 605,"},
	};

	vendor = &vmx_like;
	write_each_wide(cases, ARRAY_SIZE(cases));
}

/* Of the 8259s' ports each byte is looked at, and only those that are for them get there. */
static void pic_ports(void **state)
{
	static const struct wide cases[] = {
		{0xa0, 1, 0x11, "pic a011,out a0,"},
		{0xa0, 1, 0x20, "pic a020,"},
		{0xa0, 2, 0x7011, "pic a011,out a0,pic a170,out a1,"},
		{0xa0, 2, 0xff20, "pic a020,pic a1ff,out a1,"},
		{0x9f, 2, 0x2000, "out 9f,pic a020,"},
		{0xf0, 2, 0x0100, "pic f000,out f0,out f1,"},
		{0x92, 2, 0x0002, "out 92,"},
	};

	vendor = &vmx_like;
	io_watch_pic();
	write_each_wide(cases, ARRAY_SIZE(cases));
}

static bool exits(unsigned port)
{
	return map[port / 8] >> port % 8 & 1;
}

#define ROUNDS 4000000

static void *switch_console(void *lost)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		io_watch(IO_CONSOLE, i & 1);
		*(unsigned *)lost += exits(0xcfc) != (i & 1);
	}
	return NULL;
}

/* Two CPUs, and two ports of one byte of the map. */
static void one_map(void **state)
{
	unsigned lost[2] = {0};
	pthread_t other;

	boot_info.console.pci = true;
	assert_int_equal(pthread_create(&other, NULL, switch_console, &lost[0]), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		io_watch(IO_POWER, i & 1);
		lost[1] += exits(0xcf9) != (i & 1);
	}
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_int_equal(lost[0] + lost[1], 0);
	io_watch(IO_CONSOLE, false);
	boot_info.console.pci = false;
}

/* VT-x holds nothing back; before the guest runs nobody else's flag is touched. */
static void nothing_held(void **state)
{
	vendor = &vmx_like;
	run(0x64, true, 0);
	assert_string_equal(story, "in 64,");
	vendor = &svm_like;
	atomic_store(&cpus_active, 0);
	run(0x64, true, 0);
	assert_string_equal(story, "in 64,");
	moment_open();
	moment();
	assert_string_equal(story, "in 64,");
	atomic_store(&cpus_active, 1);
	moment();
	assert_string_equal(story, "in 64,stgi,clgi,");
	boot_info.cpus =
		2; /* the other one's beneath it, where this one's may have no such instruction yet */
	cpu.beneath = false;
	moment();
	assert_string_equal(story, "in 64,stgi,clgi,");
	cpu.beneath = true;
	moment();
	assert_string_equal(story, "in 64,stgi,clgi,stgi,clgi,");
	boot_info.cpus = 1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smis_come),
		cmocka_unit_test(ends),
		cmocka_unit_test(stops_before_reset),
		cmocka_unit_test(init_is_no_reset),
		cmocka_unit_test(nothing_held),
		cmocka_unit_test(wide_writes),
		cmocka_unit_test(one_map),
		cmocka_unit_test(pic_ports),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
