// SPDX-License-Identifier: MIT
/*
 * Cache lines: an exception on one CPU writes no line that another CPU writes, and nothing of what each exit writes is on a line that the
 * printer reads on another CPU. What the handlers write is found by comparing struct cpu before and after. What the stub and the vendor's
 * code write before them is a list by hand, begin_exit(). The usual exception (exit/usual.h) has no handler: test_svm_usual.c and
 * test_vmx_usual.c compare what it leaves behind. tools/shared.py sees all of it, in the real loads and stores of a run on QEMU.
 */
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include <boot/blackbox_layout.h>
#include "apic/flush.h"
#include "apic/park.h"
#include "apic/pause.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "exit/record.h"
#include "exit/shutdown.h"
#include "console/printer.h"
#include "blackbox/blackbox.h"
#include "log/log.h"
#include "log/screen.h"
#include "log/uart.h"
#include "mem/guest_access.h"
#include "trace/vector.h"
#include "hw/cache_line.h"
#include "fake_vendor.h"

#define CPUS      2
#define RECORDS   64
#define EXITS     4
#define CPU_LINES (sizeof(struct cpu) / LINE_SIZE)

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active = CPUS;
const struct vendor *vendor;

static struct cpu cpu[CPUS];
static struct trap_record rings[CPUS][RECORDS];
static struct reserve reserves[CPUS];
/* Each at a multiple of twice its size. */
static struct exit_entry exits[CPUS][2 * EXITS]
	__attribute__((aligned(2 * EXITS * sizeof(struct exit_entry))));

struct cpu *cpu_of_stack(uint64_t address)
{
	return &cpu[1];
}

/* As in apic/park.c. */
void cpu_kick(struct cpu *c)
{
	atomic_store(&c->kicked, 2);
}

void cpu_kick_others(const struct cpu *self)
{
	for_each_cpu (c)
		if (c != self)
			cpu_kick(c);
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	return false;
}

unsigned guest_read(const struct guest_paging *p, uint64_t linear, void *to, unsigned n)
{
	return 0;
}

uint32_t uart_init(const struct uart_port *port, uint32_t baud)
{
	return 115200;
}

size_t uart_put(const char *bytes, size_t n)
{
	return n;
}

bool uart_idle(void)
{
	return true;
}

bool blackbox_is_there(void)
{
	return false;
}

void blackbox_add_line(const char *line, size_t n)
{
}

#define UNUSED(X)                                                                                            \
	X(cpu_park_if_asked, struct cpu *c)                                                                  \
	X(exit_vmcall, struct cpu *c)                                                                        \
	X(shutdown_guest, struct cpu *c)                                                                     \
	X(blackbox_line, const char *line)                                                                   \
	X(screen_line, const char *line)
#define X(name, argument)                                                                                    \
	void name(argument)                                                                                  \
	{                                                                                                    \
	}
UNUSED(X)
#undef X

static uint64_t ud(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CODE_MODE ? 64 : 1;
}

FAKE_VENDOR(fake, .state.get = ud);

struct lines {
	bool is[CPU_LINES];
};

/* Which lines of CPU 0's struct differ from those of before. */
static struct lines changed(const struct cpu *before)
{
	struct lines lines = {{false}};

	for (unsigned i = 0; i < CPU_LINES; i++)
		lines.is[i] = memcmp((const char *)before + i * LINE_SIZE,
			(const char *)&cpu[0] + i * LINE_SIZE, LINE_SIZE);
	return lines;
}

static void expect_apart(const struct lines *a, const struct lines *b, const char *what)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CPU_LINES; i++) {
		n += b->is[i];
		if (a->is[i] && b->is[i])
			fail_msg("%s: the line at %u of struct cpu", what, i * LINE_SIZE);
	}
	if (!n)
		fail_msg("%s: nothing was written", what);
}

/* What an exit writes before its handler, as in svm_exit() and vmx_exit(). A new member that they write belongs here as well. */
static void begin_exit(void)
{
	struct cpu *c = &cpu[0];

	for (unsigned i = 0; i < TRAP_GPRS; i++)
		c->gpr[i]++;
	exit_begin(&c->exit);
	history_note(&c->history, c->gpr[0], 1, 2);
	c->exit.kind = EXIT_EXCEPTION;
	c->exit.reason++;
	c->stats.exits[EXIT_EXCEPTION]++;
}

static struct lines take_exit(void)
{
	struct cpu before = cpu[0];

	begin_exit();
	return changed(&before);
}

static void take_exception(void)
{
	begin_exit();
	cpu[0].exit.event = (struct event){.valid = true, .vector = VEC_UD, .type = TRAP_TYPE_EXCEPTION};
	exit_exception(&cpu[0]);
}

/* The reserve has its records already. */
static struct lines take_exceptions(void)
{
	struct cpu before;

	for (unsigned i = 0; i < RESERVE_RECORDS; i++)
		take_exception();
	before = cpu[0];
	for (unsigned i = 0; i < 3; i++)
		take_exception();
	return changed(&before);
}

static int setup(void **state)
{
	boot_info.cpus = CPUS;
	boot_info.tsc_khz = 1000000;
	boot_info.config.print.vectors = ~0u;
	vendor = &fake;
	for (unsigned n = 0; n < CPUS; n++) {
		struct cpu *c = cpus[n] = &cpu[n];

		memset(c, 0, sizeof(*c));
		c->self = c;
		c->number = n;
		c->beneath = true;
		c->writing = &c->ring;
		c->poll_mask = RECORDS - 1;
		c->noted = ~0u;
		c->reserve = &reserves[n];
		ring_init(&c->ring, rings[n], RECORDS);
		history_init(&c->history, exits[n], EXITS);
	}
	return 0;
}

/* CPU 1 prints CPU 0's records. */
static void printer(void **state)
{
	struct lines own = take_exceptions(), others;
	struct cpu before = cpu[0];

	assert_true(printer_waiting());
	while (printer_waiting())
		printer_turn();
	others = changed(&before);
	expect_apart(&own, &others, "printed");
}

/* CPU 1 sends CPU 0 an INIT, lets it run when it has stopped, and has changed the second-level tables. */
static void commands(void **state)
{
	struct lines own = take_exceptions(), others;
	struct cpu before = cpu[0];

	atomic_fetch_or(&cpu[0].start, 1);
	cpu_kick(&cpu[0]);
	pause_release(&cpu[0]);
	flush_changed(&cpu[1]);
	others = changed(&before);
	expect_apart(&own, &others, "a command");
}

static void expect_unwritten(const struct lines *lines, size_t from, size_t bytes, const char *what)
{
	for (size_t i = from / LINE_SIZE; i <= (from + bytes - 1) / LINE_SIZE; i++)
		if (lines->is[i])
			fail_msg("%s: an exit writes the line at %zu", what, i * LINE_SIZE);
}

#define EXPECT_UNWRITTEN(lines, member)                                                                      \
	expect_unwritten(lines, offsetof(struct cpu, member), sizeof(cpu[0].member), #member)

/* The printer and the CPUs that send commands read these of every CPU. */
static void reads(void **state)
{
	struct lines exit = take_exit();

	EXPECT_UNWRITTEN(&exit, ring);
	EXPECT_UNWRITTEN(&exit, writing);
	EXPECT_UNWRITTEN(&exit, print);
	EXPECT_UNWRITTEN(&exit, start);
	EXPECT_UNWRITTEN(&exit, kicked);
	EXPECT_UNWRITTEN(&exit, waits_for_sipi);
	EXPECT_UNWRITTEN(&exit, beneath);
	EXPECT_UNWRITTEN(&exit, flush_due);
	EXPECT_UNWRITTEN(&exit, paused);
	EXPECT_UNWRITTEN(&exit, released);
}

/* Each poll of the console, once a millisecond, asks for losses. The counts of all CPUs are read less often. */
static void losses(void **state)
{
	boot_info.tsc_khz = 0; /* every time is over */
	while (printer_losses_due() || printer_waiting())
		printer_turn();
	boot_info.tsc_khz = 1000000000; /* none is */
	cpu[0].print.lost++;
	assert_false(printer_losses_due());
	boot_info.tsc_khz = 0;
	assert_true(printer_losses_due());
	boot_info.tsc_khz = 1000000000;
	assert_true(printer_losses_due()); /* until a line says so */
	for (unsigned i = 0; i <= PRINT_KINDS; i++)
		printer_turn();
	assert_false(printer_losses_due());
}

/* Every CPU's part of the black box, and each piece of it, begins at a page; so does struct cpu, which is whole pages of the pool. */
static void parts(void **state)
{
	for (uint32_t ring = 64; ring <= 65536; ring *= 2)
		for (uint32_t history = 16; history <= 4096; history *= 2) {
			struct blackbox_part p = blackbox_part(ring, history);

			assert_int_equal((p.beside_at | p.reserve_at | p.history_at | p.size) % 4096, 0);
			assert_true(p.beside_at >= ring * sizeof(struct trap_record));
			assert_true(p.reserve_at >=
				    p.beside_at + blackbox_beside(ring) * sizeof(struct trap_record));
			assert_true(p.history_at >= p.reserve_at + sizeof(struct reserve));
			assert_true(p.size >= p.history_at + history * sizeof(struct exit_entry));
		}
	assert_int_equal(sizeof(struct trap_record) % LINE_SIZE, 0);
	assert_int_equal(sizeof(struct cpu) % LINE_SIZE, 0);
	assert_int_equal(sizeof(struct site), LINE_SIZE);
	assert_int_equal(offsetof(struct reserve, sites.site) % LINE_SIZE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(printer, setup),
		cmocka_unit_test_setup(commands, setup),
		cmocka_unit_test_setup(reads, setup),
		cmocka_unit_test_setup(losses, setup),
		cmocka_unit_test(parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
