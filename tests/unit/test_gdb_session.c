// SPDX-License-Identifier: MIT
/* The line while a gdb has it: two stopped CPUs, an UART that takes all bytes, and packets whose answers are known. */
#include <asm/prctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "unit.h"
#include "apic/pause.h"
#include "console/command.h"
#include "console/debugger.h"
#include "console/input.h"
#include "exit/catch.h"
#include "exit/run_stop.h"
#include "gdb/gdb.h"
#include "gdb/points.h"
#include "gdb/session.h"
#include "log/log.h"
#include "log/uart.h"

#define CPUS  3
#define NEVER (1ull << 40) /* kHz of the TSC: no time passes */
#define AGES  (1ull << 54) /* not even since the TSC was 0 */
#define LONG  0            /* all times have passed */

static struct cpu cpu[CPUS], *self;
static char sent[65536], given[1024], said[256];
static size_t sent_bytes;
static const struct log_way *way;
static void (*at_pause_end)(void);
static bool turned, died;

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t pause_asked;
uint32_t input_cpu;

bool pause_has(const struct cpu *c)
{
	return c->paused;
}

void pause_begin(struct cpu *c)
{
	pause_asked = true;
	for (unsigned n = 0; n < CPUS; n++)
		cpu[n].released = false;
}

bool pause_end(void)
{
	if (died)
		return false;
	if (at_pause_end)
		at_pause_end();
	pause_asked = false;
	if (at_pause_end)
		at_pause_end();
	return true;
}

size_t uart_put(const char *bytes, size_t n)
{
	assert_true(sent_bytes + n < sizeof(sent));
	memcpy(sent + sent_bytes, bytes, n);
	sent_bytes += n;
	sent[sent_bytes] = '\0';
	return n;
}

bool uart_idle(void)
{
	return true;
}

void input_give(const char *bytes, size_t n)
{
	strncat(given, bytes, n);
}

bool input_is_empty(void)
{
	return true;
}

void input_leave(void)
{
}

void log_send_by(const struct log_way *w)
{
	way = w;
}

bool log_feed(void)
{
	return false;
}

_Atomic bool run_stops_resets;
static bool points;
static const struct filter *caught = (const struct filter *)&points;

void catch_set(const struct filter *f)
{
	caught = f;
}

uint8_t gdb_stub_signal(uint8_t vector)
{
	return 11;
}

void gdb_points_clear(struct cpu *c)
{
	points = false;
}

static bool hits_at_once;

void pause_release(struct cpu *c)
{
	c->released = true;
	if (!hits_at_once || c->number)
		return;
	c->run.stop = RUN_BREAKPOINT; /* as run_stop() does */
	pause_begin(c);
}

bool pause_lets_any(void)
{
	return cpu[0].released || cpu[1].released || cpu[2].released;
}

void log_put_line(const char *line)
{
	strcpy(said, line);
}

bool log_add_line(const char *line)
{
	strcpy(said, line);
	return true;
}

void log_reply(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static bool carries_out;
static uint32_t carrier, carriers;
static const struct command go = {.name = "go", .run = command_go};

const char *command_go(struct command_call *call)
{
	fail();
	return NULL;
}

const struct command *command_find(const char *name, size_t n)
{
	return n == 2 && !memcmp(name, "go", n) ? &go : NULL;
}

bool command_begin(void)
{
	return true;
}

void command_end(void)
{
}

uint32_t command_place(const char *text)
{
	return strcmp(text, "all") ? input_cpu : 0;
}

uint32_t command_next(const char *text, uint32_t n)
{
	return !strcmp(text, "all") && n + 1 < CPUS ? n + 1 : COMMAND_ANYWHERE;
}

const struct command *command_of(const char *text, const char **arguments)
{
	text += strspn(text, " ");
	return command_find(text, strlen(text));
}

void command_run(struct cpu *c, enum command_source source, char *text, struct command_result *result)
{
	carries_out = true;
	carrier = c->number;
	carriers |= 1u << carrier;
	if (!strcmp(text, "reset"))
		assert_int_equal(way->put("end", 3), 3);
	*result = (struct command_result){.name = "none"};
}

void gdb_stub_stopped(struct gdb_session *s)
{
	gdb_reply_begin(s);
	text_add_string(&s->reply, "T");
	text_add_bytes(&s->reply, &s->signal, 1);
}

/* `c`, `D` and `Q` as they are, `M` is a command, another packet is its own answer. */
enum gdb_then gdb_stub_answer(struct gdb_session *s, struct cpu *c, const char *packet, size_t n)
{
	gdb_reply_begin(s);
	switch (*packet) {
	case 'c':
		memset(s->order, GDB_GO, sizeof(s->order));
		return GDB_RUN;
	case 's': /* CPU 1 alone */
		memset(s->order, GDB_STAY, sizeof(s->order));
		s->order[1] = GDB_STEP;
		return GDB_RUN;
	case 'v': /* all but CPU 1 */
		memset(s->order, GDB_GO, sizeof(s->order));
		s->order[1] = GDB_STAY;
		return GDB_RUN;
	case 'M':
		strcpy(s->command, packet + 1);
		return GDB_MONITOR;
	case 'H':
		s->cpu = (uint32_t)packet[1] - '0';
		return GDB_WAIT;
	case 'Q':
		s->without_acks = true;
		text_add_string(&s->reply, "OK");
		return GDB_WAIT;
	case 'D':
		text_add_string(&s->reply, "OK");
		return GDB_LEAVE;
	default:
		text_add_part(&s->reply, packet, n);
		return GDB_WAIT;
	}
}

static void on_cpu(unsigned n)
{
	self = &cpu[n];
	syscall(SYS_arch_prctl, ARCH_SET_GS, &self); /* this_cpu() */
}

static void type(const char *bytes)
{
	for (; *bytes; bytes++)
		if (!debugger->key(*bytes))
			strncat(given, bytes, 1);
}

/* Its bytes come without a pause. */
static void packet(const char *data)
{
	char frame[GDB_FRAME_MAX + 1];
	uint64_t khz = boot_info.tsc_khz;

	frame[gdb_frame(frame, data, strlen(data))] = '\0';
	boot_info.tsc_khz = NEVER;
	type(frame);
	boot_info.tsc_khz = khz;
}

static void turns(void)
{
	for (unsigned i = 0; i < 20; i++) {
		debugger->turn();
		debugger->run(&cpu[i % CPUS]);
	}
}

static void forget(void)
{
	sent_bytes = 0;
	sent[0] = given[0] = said[0] = '\0';
}

static void all_stop(bool stop)
{
	for (unsigned n = 0; n < CPUS; n++)
		cpu[n].paused = stop;
}

/* A gdb has the line, and the guest has stopped. */
static int setup(void **state)
{
	boot_info.cpus = CPUS;
	boot_info.tsc_khz = NEVER;
	for (unsigned n = 0; n < CPUS; n++) {
		cpu[n] = (struct cpu){.number = n};
		cpus[n] = &cpu[n];
	}
	all_stop(true);
	at_pause_end = NULL;
	turned = carries_out = died = false;
	on_cpu(0);
	gdb_init();
	forget();
	packet("qSupported");
	turns();
	assert_true(debugger->has_line());
	return 0;
}

/* A detach, so that the next test begins with a free line. */
static int teardown(void **state)
{
	boot_info.tsc_khz = NEVER;
	at_pause_end = NULL;
	died = false;
	all_stop(true);
	for (unsigned i = 0; i < 2 && debugger->has_line(); i++) {
		type("\x03");
		turns();
		packet("D");
		turns();
	}
	assert_false(debugger->has_line());
	return 0;
}

/* What the guest's CPUs do when they are told to go on. */
static void run_on(void)
{
	packet("c");
	turns();
	all_stop(false);
	assert_false(pause_asked);
	assert_true(debugger->prints());
	forget();
}

static void answers(void **state)
{
	assert_string_equal(sent, "+$qSupported#37");
	forget();
	packet("g");
	assert_true(debugger->is_busy());
	turns();
	assert_false(debugger->is_busy());
	assert_string_equal(sent, "+$g#67");
	type("-");
	turns();
	assert_string_equal(sent, "+$g#67$g#67");
}

/* A CPU that starts after the stop was reported is not waited for, however long the TSC has counted. */
static void answers_without_the_late(void **state)
{
	run_on();
	type("\x03");
	all_stop(true);
	turns();
	assert_string_equal(sent, "$T02#b6");
	forget();
	cpu[1].paused = false;
	boot_info.tsc_khz = AGES;
	packet("g");
	turns();
	assert_string_equal(sent, "+$g#67");
}

static void interrupts(void **state)
{
	run_on();
	type("\x03");
	assert_true(pause_asked);
	turns();
	assert_string_equal(sent, "");
	all_stop(true);
	turns();
	assert_string_equal(sent, "$T02#b6");
	assert_false(debugger->prints());
}

/* Another CPU, which still waits, takes a turn right before the guest may run, and right after. */
static void other_turn(void)
{
	debugger->turn();
	turned = true;
}

static void runs_with_another_cpu(void **state)
{
	at_pause_end = other_turn;
	packet("c");
	turns();
	assert_true(turned);
	at_pause_end = NULL;
	all_stop(false);
	assert_false(pause_asked);
	assert_true(debugger->prints());
	forget();
	type("\x03");
	all_stop(true);
	turns();
	assert_string_equal(sent, "$T02#b6");
}

/* Whatever let the guest run: a packet stops it again. */
static void stops_again(void **state)
{
	pause_asked = false;
	all_stop(false);
	forget();
	packet("g");
	turns();
	assert_true(pause_asked);
	all_stop(true);
	turns();
	assert_string_equal(sent, "+$g#67");
}

static void refuses_go(void **state)
{
	packet("M  go");
	turns();
	assert_false(carries_out);
	assert_string_equal(said, "error: gdb's continue does this");
	packet("Mregs");
	turns();
	assert_true(carries_out);
}

/* On the CPU that gdb's `thread` has chosen, whichever the console's commands showed before. */
static void shows_the_thread(void **state)
{
	static const char *const choose[] = {"H0", "H1"};

	for (unsigned i = 0; i < 4; i++) {
		packet(choose[i % 2]);
		turns();
		packet("Mregs");
		turns();
		assert_int_equal(carrier, i % 2);
	}
}

/* No other CPU's registers stand for those of one that has not stopped. */
static void leaves_out_the_silent(void **state)
{
	boot_info.tsc_khz = LONG;
	cpu[1].paused = false;
	carriers = 0;
	packet("Mall");
	turns();
	assert_int_equal(carriers, 1u << 0 | 1u << 2);
	assert_string_equal(
		said, "cpu n=1 why=\"that CPU does not answer: it waits for a SIPI, or is in the VMM\"");
}

/* A report that a command prints at once, as `reset` does, goes out. */
static void prints_report(void **state)
{
	uint64_t before = way->sent();

	forget();
	assert_int_equal(way->put("early", 5), 0);
	packet("Mreset");
	turns();
	assert_non_null(strstr(sent, "$O656e64#"));
	assert_true(way->idle());
	assert_int_equal(way->sent() - before, sent_bytes);
}

/* The guest dies on CPU 1, and the others answer no more. It does not go on, and gdb learns of it. */
static void dies(void **state)
{
	run_on();
	died = pause_asked = cpu[1].paused = true;
	boot_info.tsc_khz = LONG;
	turns();
	assert_string_equal(sent, "$T05#b9");
	forget();
	packet("g");
	turns();
	assert_string_equal(sent, "+$g#67");
	forget();
	packet("c");
	turns();
	assert_string_equal(sent, "+$T05#b9");
	assert_true(debugger->has_line());
}

/* No CPU is left that could answer: keys have a meaning again. */
static void no_cpu(void **state)
{
	all_stop(false);
	packet("g");
	turns();
	assert_true(debugger->is_busy());
	boot_info.tsc_khz = LONG;
	turns();
	assert_false(debugger->has_line());
	assert_false(debugger->is_busy());
	assert_string_equal(said, "trapline: no CPU can answer gdb: the console has the line");
	type("status");
	assert_string_equal(given, "status");
}

static void log_goes_out(unsigned packets)
{
	for (unsigned i = 0; i < packets; i++) {
		assert_int_equal(way->put("text", 4), 4);
		turns();
	}
}

/* A gdb that is gone without a detach acknowledges nothing. One that is there may lose some of its acknowledgements. */
static void gone(void **state)
{
	run_on();
	log_goes_out(10);
	type("+");
	boot_info.tsc_khz = LONG;
	log_goes_out(3);
	assert_true(debugger->has_line());
	log_goes_out(1);
	assert_false(debugger->has_line());
	assert_null(way);
	assert_false(pause_asked);
	assert_string_equal(said, "trapline: gdb is gone: the console has the line");
}

/* The packet that ends the acknowledgements still has its own. After it none is sent, and none is missed. */
static void no_acks(void **state)
{
	forget();
	packet("QStartNoAckMode");
	turns();
	assert_string_equal(sent, "+$OK#9a");
	forget();
	packet("g");
	turns();
	assert_string_equal(sent, "$g#67");
	forget();
	type("$g#00");
	turns();
	assert_string_equal(sent, "");
	run_on();
	boot_info.tsc_khz = LONG;
	log_goes_out(10);
	assert_true(debugger->has_line());
	/* the next gdb begins with acknowledgements */
	boot_info.tsc_khz = NEVER;
	forget();
	packet("qSupported");
	all_stop(true);
	turns();
	assert_string_equal(sent, "+$qSupported#37");
}

/* Another gdb comes while the guest is stopped: it has acknowledgements, and nothing of the other one's. A ^C before it was not its own. */
static void next_gdb_at_a_stop(void **state)
{
	packet("QStartNoAckMode");
	turns();
	points = true;
	type("\x03");
	forget();
	packet("qSupported");
	turns();
	assert_string_equal(sent, "+$qSupported#37");
	assert_false(points);
	assert_true(pause_asked);
	forget();
	packet("c");
	turns();
	assert_string_equal(sent, "+");
	assert_false(pause_asked);
}

/* The cable is pulled in the middle of a packet. Later a ^C is the operator's, and not a byte of the packet. */
static void half_a_packet(void **state)
{
	type("$X1000,4:a");
	type("\x03status\r");
	assert_true(debugger->has_line());
	type("#00$X1000,4:a");
	boot_info.tsc_khz = LONG;
	type("\x03");
	boot_info.tsc_khz = NEVER;
	type("status\r");
	assert_false(debugger->has_line());
	assert_string_equal(given, "status\r");
	assert_true(pause_asked);
}

/* One CPU steps alone: the stop is told when it has come back, and its order is gone. */
static void steps_alone(void **state)
{
	packet("s");
	turns();
	forget();
	assert_true(
		pause_asked && cpu[1].released && cpu[1].run.steps && !cpu[0].released && !cpu[0].run.steps);
	turns();
	assert_string_equal(sent, "");
	cpu[1].paused = false; /* it is on its way */
	turns();
	assert_string_equal(sent, "");
	cpu[1].run.stop = RUN_STEPPED;
	cpu[1].run.steps = cpu[1].released = false;
	turns();
	assert_string_equal(sent, "");
	cpu[1].paused = true;
	turns();
	assert_string_equal(sent, "$T05#b9");
	assert_int_equal(cpu[1].run.stop, RUN_NOT);
}

/* CPU 0 comes to a breakpoint before CPU 2 is let run: CPU 2 stays, and the stop is told. */
static void stops_while_released(void **state)
{
	hits_at_once = true;
	packet("v");
	turns();
	hits_at_once = false;
	assert_true(pause_asked && !cpu[0].released && !cpu[2].released);
	assert_string_equal(strrchr(sent, '$'), "$T05#b9");
	packet("v");
	turns();
	assert_true(cpu[0].released && !cpu[1].released && cpu[2].released);
	type("\x03");
	turns();
}

static void interrupts_a_step(void **state)
{
	packet("s");
	turns();
	forget();
	type("\x03");
	assert_false(cpu[1].released);
	turns();
	assert_string_equal(sent, "$T02#b6");
}

/* Two CPUs come to watchpoints at the same time: the second one is told at the next `c`, and the guest stays. */
static void tells_each_reason(void **state)
{
	run_on();
	pause_asked = true;
	cpu[0].run.stop = cpu[2].run.stop = RUN_WATCH;
	cpu[1].run.stop = RUN_BREAKPOINT; /* it comes there again */
	all_stop(true);
	turns();
	assert_string_equal(sent, "$T05#b9");
	forget();
	packet("c");
	turns();
	assert_true(pause_asked);
	assert_string_equal(sent, "+$T05#b9");
	forget();
	packet("c");
	turns();
	assert_false(pause_asked);
	assert_string_equal(sent, "+");
}

/* The signal of an exception, and of a reset. */
static void tells_signals(void **state)
{
	static const struct {
		uint8_t why;
		const char *reply;
	} rows[] = {{RUN_EXCEPTION, "$T0b#e6"}, {RUN_RESET, "$T0f#ea"}, {RUN_WATCH, "$T05#b9"}};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		run_on();
		cpu[0].run.stop = rows[i].why;
		pause_asked = true;
		all_stop(true);
		turns();
		assert_string_equal(sent, rows[i].reply);
	}
}

/* Breakpoints do not outlive their gdb, however it goes. */
static void leaves_no_points(void **state)
{
	points = true;
	assert_true(run_stops_resets);
	packet("D");
	turns();
	assert_false(points || run_stops_resets);
	assert_null(caught);
	packet("qSupported");
	turns();
	points = cpu[0].run.told_reset = true;
	type("\x03status\r");
	assert_false(debugger->has_line());
	turns();
	assert_false(points || cpu[0].run.told_reset);
}

/* Neither does a catch without a breakpoint, nor what was set by a gdb whose place another one takes. */
static void leaves_no_catch(void **state)
{
	static const struct filter *const some = (const struct filter *)&points;

	caught = some;
	type("\x03status\r");
	turns();
	assert_null(caught);
	packet("qSupported");
	turns();
	run_on();
	caught = some;
	points = cpu[1].run.told_reset = true;
	packet("qSupported");
	all_stop(true);
	turns();
	assert_string_equal(sent, "+$qSupported#37");
	assert_null(caught);
	assert_false(points || cpu[1].run.told_reset);
	caught = some; /* the new gdb's own stays */
	run_on();
	assert_ptr_equal(caught, some);
}

/* A ^C that crosses the report of another stop on the line stops the guest when gdb lets it go on. */
static void interrupts_late(void **state)
{
	run_on();
	pause_asked = true;
	cpu[0].run.stop = RUN_WATCH;
	all_stop(true);
	turns();
	type("\x03");
	forget();
	packet("c");
	turns();
	assert_true(pause_asked);
	assert_string_equal(sent, "+$T02#b6");
	run_on();
	turns();
	assert_false(pause_asked);
}

/* It repeats `c` if the acknowledgement was lost. */
static void repeats(void **state)
{
	run_on();
	packet("c");
	turns();
	assert_string_equal(sent, "+");
	assert_false(pause_asked);
}

/* Another gdb comes while the guest still runs for the one that has gone. */
static void next_gdb(void **state)
{
	run_on();
	packet("qSupported");
	assert_true(pause_asked);
	all_stop(true);
	turns();
	assert_string_equal(sent, "+$qSupported#37");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers),
		TEST(answers_without_the_late),
		TEST(interrupts),
		TEST(runs_with_another_cpu),
		TEST(stops_again),
		TEST(refuses_go),
		TEST(shows_the_thread),
		TEST(leaves_out_the_silent),
		TEST(prints_report),
		TEST(dies),
		TEST(no_cpu),
		TEST(gone),
		TEST(no_acks),
		TEST(next_gdb_at_a_stop),
		TEST(half_a_packet),
		TEST(steps_alone),
		TEST(stops_while_released),
		TEST(interrupts_a_step),
		TEST(tells_each_reason),
		TEST(leaves_no_points),
		TEST(leaves_no_catch),
		TEST(tells_signals),
		TEST(interrupts_late),
		TEST(repeats),
		TEST(next_gdb),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
