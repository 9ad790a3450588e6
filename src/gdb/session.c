// SPDX-License-Identifier: MIT
/*
 * The line while a gdb has it: which bytes are gdb's, what goes out, and when the guest stops and runs. Bytes and turns come with the
 * log's lock held (console/debugger.h); packets are carried out without it, because commands print.
 */
#include "gdb/session.h"
#include <stdatomic.h>
#include "apic/pause.h"
#include "console/command.h"
#include "console/debugger.h"
#include "console/input.h"
#include "console/line.h"
#include "exit/catch.h"
#include "exit/run_stop.h"
#include "gdb/gdb.h"
#include "gdb/points.h"
#include "hw/asm.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "log/log.h"
#include "log/uart.h"

#define HOLD_MAX     512 /* a gdb's first packet is shorter */
#define TYPED_MAX    256
#define FIRST_PACKET "qSupported"
#define TEXT_PART    256  /* bytes of the log in one packet */
#define AGAIN_MS     200  /* how long a packet that was asked for again may take to begin */
#define STOP_MS      100  /* how long CPUs may take to stop */
#define GONE_MS      2000 /* in which a gdb acknowledges one of several packets */
#define UNHEARD      4    /* so many packets; the line may lose an acknowledgement */
#define SILENT_MS    2000 /* how long a packet may wait for a CPU that has stopped */
#define HALF_MS      2000 /* in which the next byte of a packet comes */

/* The state of the packet that has come. */
enum {
	NONE,
	READY,    /* a CPU has to carry it out */
	CARRYING, /* one does */
	COMMAND,  /* so with the command of a `monitor` */
	PRINTING, /* one does, and it may print a report */
	LINES,    /* its answer is printed */
	ANSWERED  /* the reply has to be sent */
};

static _Atomic uint32_t state;
static _Atomic bool stale; /* what a gdb has set may be left of it */
static bool attached, running, leaving;
static bool
	late; /* a ^C came when the guest stood still already: gdb has not heard of that stop, and lets it go on */
static uint64_t since; /* when the guest was told to stop; 0: it runs, or its stop was reported */
static uint64_t asked; /* when the last packet came */
static struct gdb_session session;
static struct gdb_receiver receiver;
static uint32_t carrier; /* COMMAND: the CPU that has to carry it out */
static struct command_result result;

/* Bytes that may be the first packet of a gdb: the console gets them if they are not. */
static struct {
	char bytes[HOLD_MAX];
	unsigned n;
	uint64_t asked; /* when the packet was asked for again: until it comes the rest of it is dropped */
} hold;

/* A line of text after ^C: the operator has the line again. */
static struct {
	bool on;
	char text[TYPED_MAX];
	unsigned n;
} typed;

/* The packet that is sent, kept for the case that it is asked for again. */
static struct {
	char frame[GDB_FRAME_MAX];
	size_t length, sent;
	char ack; /* 0: none waits */
} out;

static bool is_sending(void)
{
	return out.ack || out.sent < out.length;
}

/* Packets of the log that were sent since a byte of gdb's came. Its acknowledgements say that it is still there. */
static struct {
	unsigned n;
	uint64_t since; /* the first of them */
} unheard;

static void note_unheard(void)
{
	if (running && !since && !session.without_acks && !unheard.n++)
		unheard.since = rdtsc();
}

static bool is_gone(void)
{
	return !since && unheard.n >= UNHEARD && rdtsc() - unheard.since >= boot_info.tsc_khz * GONE_MS;
}

static uint64_t sent_bytes;

static size_t feed(const char *bytes, size_t n)
{
	n = uart_put(bytes, n);
	sent_bytes += n;
	return n;
}

/* Feeds the UART once. An acknowledgement comes before a packet, not into it. False: there was nothing to send. */
static bool send(void)
{
	if (!is_sending())
		return false;
	if (out.ack && (!out.sent || out.sent == out.length)) {
		if (feed(&out.ack, 1))
			out.ack = 0;
		return true;
	}
	out.sent += feed(out.frame + out.sent, out.length - out.sent);
	return true;
}

static void begin_frame(const struct text *r)
{
	out.length = gdb_frame(out.frame, r->at, r->length);
	out.sent = 0;
}

/* While the guest runs, and during a `monitor`: then gdb accepts text. */
static bool accepts_text(void)
{
	uint32_t now = atomic_load(&state);

	return running || now == PRINTING || now == LINES;
}

/* The log's text. Returns the bytes taken; others wait. */
static size_t put_text(const char *bytes, size_t n)
{
	char data[2 * TEXT_PART + 2];
	struct text r = text_on(data, sizeof(data));

	send();
	if (is_sending() || !accepts_text())
		return 0;
	if (n > TEXT_PART)
		n = TEXT_PART;
	text_add_string(&r, "O");
	text_add_bytes(&r, (const uint8_t *)bytes, n);
	begin_frame(&r);
	note_unheard();
	send();
	return n;
}

static bool is_sent(void)
{
	send();
	return !is_sending() && uart_idle();
}

static uint64_t sent(void)
{
	return sent_bytes;
}

static const struct log_way way = {.put = put_text, .idle = is_sent, .sent = sent};

static void stop(uint8_t signal)
{
	session.signal = signal;
	pause_begin(this_cpu());
	since = rdtsc();
}

static void end_session(void)
{
	atomic_store(&stale, true);
	for_each_cpu (c)
		c->run.steps = c->run.told_reset = false;
}

/* Another gdb may have the line, and has not said that it goes. */
static void attach(void)
{
	if (attached)
		end_session();
	attached = true;
	running = leaving = late = false;
	unheard.n = 0;
	typed.on = false;
	hold.n = 0;
	hold.asked = 0;
	out.length = out.sent = 0;
	out.ack = '+';
	session.without_acks = false;
	session.cpu = this_cpu()->number;
	session.stop.why = RUN_NOT;
	for_each_cpu (c)
		atomic_store(&c->run.stop, RUN_NOT);
	atomic_store(&run_stops_resets, true);
	input_leave();
	log_send_by(&way);
	stop(GDB_SIGTRAP);
	asked = rdtsc();
	atomic_store(&state, READY);
}

static void leave(void)
{
	attached = late = false;
	atomic_store(&run_stops_resets, false);
	end_session();
	log_send_by(NULL);
	atomic_store(&state, NONE);
}

static void give_back(void)
{
	input_give(hold.bytes, hold.n);
	hold.n = 0;
}

static bool begins_like_gdb(void)
{
	return hold.n >= 5 && !memcmp(hold.bytes, "$qSup", 5);
}

static bool is_plausible(char c)
{
	return hold.n > 1 ? c > ' ' && c <= '~'
			  : (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '?';
}

/* Asks gdb for its packet again: it came faster than it could be read. */
static void ask_again(void)
{
	uart_put("-", 1);
	hold.n = 0;
	hold.asked = rdtsc();
}

static bool is_rest(void)
{
	return hold.asked && rdtsc() - hold.asked < boot_info.tsc_khz * AGAIN_MS;
}

/* Before a gdb has the line: `$` may begin its first packet. An acknowledgement on an empty line is the last gdb's. */
static bool hold_key(char c)
{
	enum gdb_event event;

	if (!hold.n && c != '$')
		return is_rest() || (c == '+' && input_is_empty());
	if (c == '$')
		give_back();
	else if (!is_plausible(c) || hold.n == HOLD_MAX) {
		give_back();
		return false;
	}
	hold.bytes[hold.n++] = c;
	event = gdb_receive(&receiver, c);
	if (event == GDB_PACKET)
		attach();
	else if (event == GDB_DAMAGED && begins_like_gdb())
		ask_again();
	else if (event == GDB_DAMAGED)
		give_back();
	return true;
}

static void acknowledge(char how)
{
	if (!session.without_acks)
		out.ack = how;
}

static bool is_first(void)
{
	return !strncmp(receiver.data, FIRST_PACKET, strlen(FIRST_PACKET));
}

/*
 * While the guest runs gdb sends none: it repeats one whose acknowledgement was lost, or another gdb has come. To one that comes while the guest
 * is stopped the stop stays as it was told.
 */
static void take_packet(void)
{
	typed.on = false;
	if (running && is_first()) {
		attach();
		return;
	}
	if (is_first()) {
		end_session();
		late = session.without_acks = false;
	}
	acknowledge('+');
	if (running || leaving)
		return;
	asked = rdtsc();
	atomic_store(&state, READY);
}

static void interrupt(void)
{
	typed.on = true;
	typed.n = 0;
	if (running && !since)
		stop(GDB_SIGINT);
	else
		late = true;
}

/* ^C, then a line of text: that is no gdb. The guest stays stopped. */
static void type(char c)
{
	if (!typed.on)
		return;
	if (c == '\r' || c == '\n') {
		typed.on = false;
		if (!typed.n || atomic_load(&state) != NONE)
			return;
		leave();
		input_give(typed.text, typed.n);
		input_give("\r", 1);
	} else if (c < ' ' || c > '~' || typed.n == TYPED_MAX) {
		typed.on = false;
	} else {
		typed.text[typed.n++] = c;
	}
}

static void take_key(char c)
{
	enum gdb_event event = gdb_receive(&receiver, c);

	if (event == GDB_PACKET || event == GDB_ACK || event == GDB_RESEND)
		unheard.n = 0;
	if (event == GDB_PACKET)
		take_packet();
	else if (event == GDB_DAMAGED)
		acknowledge('-');
	else if (event == GDB_INTERRUPT)
		interrupt();
	else if (typed.on && typed.n && (event == GDB_ACK || event == GDB_RESEND))
		type(c);
	else if (event == GDB_RESEND && out.sent == out.length)
		out.sent = 0;
	else if (event == GDB_OTHER)
		type(c);
}

/* A packet of which nothing more has come is none: the next byte may be the operator's. */
static void drop_half(void)
{
	static uint64_t last;

	if (gdb_is_inside(&receiver) && rdtsc() - last > boot_info.tsc_khz * HALF_MS)
		gdb_forget(&receiver);
	last = rdtsc();
}

static bool key(char c)
{
	if (!attached)
		return hold_key(c);
	drop_half();
	take_key(c);
	return true;
}

static bool others_stopped(void)
{
	for_each_cpu (c)
		if (!atomic_load(&c->start) && (!pause_has(c) || atomic_load(&c->released)))
			return false;
	return true;
}

/* Whether all CPUs have to stop. While one steps alone the others stay. */
static bool stops(void)
{
	return pause_wanted() && !pause_lets_any();
}

/* Whether the guest stands still. A CPU that does not answer is no thread until it does. After the report nobody waits for it. */
static bool has_stopped(void)
{
	return stops() && (!since || others_stopped() || rdtsc() - since >= boot_info.tsc_khz * STOP_MS);
}

static uint32_t first_stopped(void)
{
	for_each_cpu (c)
		if (pause_has(c))
			return c->number;
	return session.cpu;
}

/* The first CPU with a reason that gdb has not heard. Another one with a breakpoint or a step is not told of: it comes there again. */
static bool find_reason(void)
{
	for_each_cpu (c) {
		session.stop.why = atomic_load(&c->run.stop);
		session.stop.watch = c->run.watch;
		if (!pause_has(c) || session.stop.why == RUN_NOT)
			continue;
		session.cpu = c->number;
		session.signal = session.stop.why == RUN_EXCEPTION ? gdb_stub_signal(c->run.vector)
				 : session.stop.why == RUN_RESET   ? GDB_SIGTERM
								   : GDB_SIGTRAP;
		atomic_store(&c->run.stop, RUN_NOT);
		return true;
	}
	session.stop.why = RUN_NOT;
	return false;
}

static void say_stopped(void)
{
	since = 0;
	running = false;
	if (!find_reason() && !pause_has(cpus[session.cpu]))
		session.cpu = first_stopped();
	gdb_stub_stopped(&session);
	begin_frame(&session.reply);
}

/* The guest may stop for other reasons than a ^C: then this is the first to see it. */
static bool look_at_guest(void)
{
	if (stops() && !since)
		since = rdtsc();
	if (!since || !has_stopped())
		return false;
	say_stopped();
	return true;
}

static void answer(void)
{
	if (session.reply.length || !leaving)
		begin_frame(&session.reply);
	atomic_store(&state, NONE);
}

/* The next stopped CPU that has to carry out the command; a line stands for each that has not stopped. */
static uint32_t next_carrier(void)
{
	char text[COMMAND_SILENT_MAX];
	uint32_t next = carrier;

	while ((next = command_next(session.command, next)) != COMMAND_ANYWHERE && !pause_has(cpus[next])) {
		snprintf(text, sizeof(text), COMMAND_SILENT_LINE, next);
		log_put_line(text);
	}
	return next;
}

/* Prints one line of a command's answer, or ends it. */
static void next_line(void)
{
	static char text[TRAP_LINE_MAX];

	if (log_feed() || !command_begin())
		return;
	if (result.more && result.more(COMMAND_OPERATOR, text, sizeof(text))) {
		log_put_line(text);
	} else {
		carrier = result.why ? COMMAND_ANYWHERE : next_carrier();
		gdb_reply_begin(&session);
		text_add_string(&session.reply, "OK");
		atomic_store(&state, carrier == COMMAND_ANYWHERE ? ANSWERED : COMMAND);
	}
	command_end();
}

/* The reply to a detach has been sent. */
static bool end(void)
{
	leave();
	pause_end();
	return true;
}

static bool nobody_answers(void)
{
	for_each_cpu (c)
		if (pause_has(c))
			return false;
	return rdtsc() - asked >= boot_info.tsc_khz * SILENT_MS;
}

/* Only a stopped CPU carries out what gdb asks for. Without any the line is of more use to the console. */
static bool wait_for_cpu(bool runs)
{
	if (runs) {
		stop(session.signal);
	} else if (nobody_answers()) {
		leave();
		log_add_line("trapline: no CPU can answer gdb: the console has the line");
	}
	return true;
}

/* A gdb that went without a detach leaves a guest that runs: then the log is text again. */
static bool look(void)
{
	if (!is_gone())
		return look_at_guest();
	leave();
	log_add_line("trapline: gdb is gone: the console has the line");
	return true;
}

/* One step. A CPU that lets the guest run changes the state last: read after pause_wanted(), it says what that was right for. */
static bool turn(void)
{
	bool runs = !pause_wanted();

	if (send())
		return true;
	switch (atomic_load(&state)) {
	case READY:
	case COMMAND:
		return wait_for_cpu(runs);
	case ANSWERED:
		answer();
		return true;
	case LINES:
		next_line();
		return true;
	case NONE:
		return leaving ? end() : running && look();
	default:
		return true;
	}
}

static bool prints(void)
{
	return running && !since;
}

static bool is_for(const struct cpu *cpu, uint32_t number)
{
	return pause_has(cpu) && (cpu->number == number || !pause_has(cpus[number]));
}

/* False: a CPU has a reason of which gdb has to be told first. */
static bool forget_reasons(void)
{
	bool told = true;

	for_each_cpu (c) {
		uint8_t why = atomic_load(&c->run.stop);

		if (why == RUN_STEPPED || why == RUN_BREAKPOINT)
			atomic_store(&c->run.stop, RUN_NOT);
		else if (why != RUN_NOT && pause_has(c))
			told = false;
	}
	return told;
}

/* Whether a CPU that was let run has come to a reason to stop by now. */
static bool stops_again(void)
{
	for_each_cpu (c)
		if (atomic_load(&c->run.stop) != RUN_NOT)
			return true;
	return false;
}

/*
 * A CPU that is released may stop all others before the last one is released. run_stop() stores the reason and then takes all releases back, so
 * either that comes after the last release or the reason is seen here.
 */
static void release(void)
{
	for_each_cpu (c)
		if (session.order[c->number] != GDB_STAY && pause_has(c))
			pause_release(c);
	if (stops_again())
		pause_begin(this_cpu());
}

static void let_run(void)
{
	bool stay = false;

	for_each_cpu (c) {
		c->run.steps = session.order[c->number] == GDB_STEP && pause_has(c);
		stay |= session.order[c->number] == GDB_STAY && pause_has(c);
	}
	if (stay)
		release();
	else
		pause_end();
}

/* The state comes last: until then no turn of another CPU looks whether the guest has stopped. */
static void run_guest(void)
{
	bool told = forget_reasons();

	since = 0;
	unheard.n = 0;
	if (told)
		let_run();
	if (late)
		stop(GDB_SIGINT);
	late = false;
	running = true;
	atomic_store(&state, NONE);
}

static void clear_points(struct cpu *cpu)
{
	gdb_points_clear(cpu);
	catch_set(NULL);
}

static void carry_out(struct cpu *cpu)
{
	if (is_for(cpu, session.cpu))
		session.cpu = cpu->number;
	switch (gdb_stub_answer(&session, cpu, receiver.data, receiver.length)) {
	case GDB_RUN:
		run_guest();
		return;
	case GDB_MONITOR:
		input_cpu = session.cpu;
		carrier = command_place(session.command);
		if (carrier >= BOOT_MAX_CPUS || !pause_has(cpus[carrier]))
			carrier = cpu->number;
		atomic_store(&state, COMMAND);
		return;
	case GDB_LEAVE:
		clear_points(cpu);
		leaving = true;
		break;
	case GDB_WAIT:
		break;
	}
	atomic_store(&state, ANSWERED);
}

/* gdb has commands of its own for this, and would not learn of it. */
static bool is_gdbs(const char *text)
{
	const char *arguments;
	const struct command *c = command_of(text, &arguments);

	return c && c->run == command_go;
}

static void carry_out_command(struct cpu *cpu)
{
	static char text[LINE_TEXT_MAX];

	result = (struct command_result){.why = COMMAND_TOO_LONG};
	if (is_gdbs(session.command)) {
		result.why = "gdb's continue does this";
	} else if (strlen(session.command) < sizeof(text)) {
		memcpy(text, session.command, strlen(session.command) + 1);
		input_cpu = cpu->number;
		command_run(cpu, COMMAND_OPERATOR, text, &result);
	}
	if (result.why)
		log_reply("error: %s", result.why);
	atomic_store(&state, LINES);
}

/* What a gdb that has gone left behind. */
static void sweep(struct cpu *cpu)
{
	if (!command_begin())
		return;
	if (atomic_exchange(&stale, false))
		clear_points(cpu);
	command_end();
}

/*
 * Takes the packet, or the command, if it is for this CPU. attach() sets the state last and it is read first, so that a new gdb's packet never comes
 * before the sweep.
 */
static void run(struct cpu *cpu)
{
	uint32_t now = atomic_load(&state);
	bool command = now == COMMAND;

	if (atomic_load(&stale))
		sweep(cpu);
	if (atomic_load(&stale) || (now != READY && !command) || !has_stopped() ||
		!is_for(cpu, command ? carrier : session.cpu))
		return;
	if (!command_begin())
		return;
	if (atomic_compare_exchange_strong(&state, &now, command ? PRINTING : CARRYING)) {
		if (command)
			carry_out_command(cpu);
		else
			carry_out(cpu);
	}
	command_end();
}

static bool has_line(void)
{
	return attached;
}

/* A packet of gdb's has begun, and the FIFO does not hold all of it: it is read without a pause. */
static bool is_in_a_hurry(void)
{
	return !attached && begins_like_gdb();
}

/* The receiver has room for one packet. */
static bool is_busy(void)
{
	return attached && atomic_load(&state) != NONE;
}

void gdb_init(void)
{
	static const struct debugger stub = {.key = key,
		.has_line = has_line,
		.is_in_a_hurry = is_in_a_hurry,
		.ask_again = ask_again,
		.is_busy = is_busy,
		.turn = turn,
		.prints = prints,
		.run = run};

	debugger_set(&stub);
}
