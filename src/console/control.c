// SPDX-License-Identifier: MIT
/* Commands that change something: stop, catch, go, intercept, message, loglevel, set, capture, reset; and shares. */
#include "console/command.h"
#include "log/log.h"
#include "trace/cpu_list.h"
#include "trace/filter.h"
#include "trace/text.h"
#include "report/report.h"
#include "report/story.h"
#include "console/input.h"
#include "console/line.h"
#include "console/stopping.h"
#include "hw/asm.h"
#include "apic/pause.h"
#include "cpu/moment.h"
#include "exit/capture_ask.h"
#include "exit/catch.h"
#include "exit/intercept.h"
#include "exit/io.h"
#include "exit/record.h"
#include "exit/shutdown.h"
#include "lib/array.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/vector.h"
#include "vendor.h"
#include "vmcall/operator.h"
#include "vmcall/share.h"

#define ANSWER_MS 100
#define WHO_MAX   128 /* a list of CPUs that is longer is cut */

static bool others_stopped(const struct cpu *self)
{
	for_each_cpu (c)
		if (c != self && !atomic_load(&c->start) && !pause_has(c))
			return false;
	return true;
}

void stopping_wait(const struct cpu *self)
{
	uint64_t since = rdtsc();

	while (!others_stopped(self) && rdtsc() - since < boot_info.tsc_khz * ANSWER_MS)
		moment();
}

static const char *why_not_stopped(const struct cpu *cpu)
{
	return atomic_load(&cpu->start) ? "waits-for-sipi" : "does-not-answer";
}

static bool are_alike(uint32_t a, uint32_t b)
{
	return !pause_has(cpus[b]) && why_not_stopped(cpus[a]) == why_not_stopped(cpus[b]);
}

static void reply_not_stopped(const struct cpu *self)
{
	struct cpu_set done = {0}, like;

	cpu_set_add(&done, self->number);
	for_each_cpu (c) {
		char who[WHO_MAX];
		struct text t = text_on(who, sizeof(who));

		if (pause_has(c) || cpu_set_has(&done, c->number))
			continue;
		like = cpu_list_take(&done, boot_info.cpus, c->number, are_alike);
		cpu_list_add(&t, &like);
		log_reply("stop %s state=%s", who, why_not_stopped(c));
	}
}

/* This CPU stops after its answer. */
const char *command_stop(struct command_call *call)
{
	pause_begin(call->cpu);
	stopping_wait(call->cpu);
	reply_not_stopped(call->cpu);
	log_reply("stop cpu=%u rip=0x%lx", call->cpu->number, vendor->state.get(call->cpu, GUEST_RIP));
	story_stopped(call->cpu);
	return NULL;
}

/* VECTORS alone is a word of the filter without its key. */
static const char *parse_catch(struct command_call *call, struct filter *f)
{
	const char *bad = "", *why;
	char words[LINE_TEXT_MAX + 4];
	bool bare = token_vectors(call->tokens.at[1], &f->vectors);

	if (bare && call->tokens.count == 2)
		return NULL;
	snprintf(words, sizeof(words), "%s", call->tokens.rest[bare ? 2 : 1]);
	why = filter_parse(f, words, &bad);
	if (why)
		log_reply("catch word=\"%s\"", bad);
	return why;
}

const char *command_catch(struct command_call *call)
{
	char text[200];
	struct text t = text_on(text, sizeof(text));
	struct filter f;
	const char *why;

	if (command_only_word(call, "off")) {
		catch_set(NULL);
		return NULL;
	}
	if (call->tokens.count < 2)
		return command_usage;
	filter_init(&f, boot_info.config.intercept);
	why = parse_catch(call, &f);
	if (why)
		return why;
	if (f.vectors & ~boot_info.config.intercept)
		return "intercept leaves one of these exceptions to the guest: intercept +VECTORS changes "
		       "that";
	catch_set(&f);
	record_note_all();
	filter_format(&t, &f);
	log_reply("catch %s", text);
	return NULL;
}

const char *command_go(struct command_call *call)
{
	if (!pause_wanted())
		return "the guest is not stopped";
	return pause_end() ? NULL : "the guest has died: it cannot go on";
}

/* The settings that `intercept` changes. */
struct intercepts {
	uint32_t vectors;
	bool software, power, console;
};

static struct intercepts intercepts_now(void)
{
	return (struct intercepts){boot_info.config.intercept, boot_info.config.intercept_int,
		io_watches(IO_POWER), io_watches(IO_CONSOLE)};
}

static const char *on_off(bool on)
{
	return on ? "on" : "off";
}

static void reply_intercept(void)
{
	struct intercepts now = intercepts_now();
	struct filter f;
	char buf[200];
	struct text t = text_on(buf, sizeof(buf));

	filter_init(&f, now.vectors);
	filter_format(&t, &f);
	log_rest();
	log_reply("intercept %s int=%s power=%s console=%s", buf, on_off(now.software), on_off(now.power),
		on_off(now.console));
}

/* Lists every kind of exit, and what can be switched. */
static void reply_interceptions(void)
{
#define EXIT_KIND(kind, name, handler, what, switches, stays)                                                \
	log_reply("interception exit=%s switch=\"%s\" stays=\"%s\"", name, switches, stays);
#include "cpu/exit_kinds.def"
}

static bool is_on_off(const char *word, bool *on)
{
	*on = !strcmp(word, "on");
	return *on || !strcmp(word, "off");
}

static bool *switch_of(struct intercepts *all, const char *word)
{
	if (!strcmp(word, "int"))
		return &all->software;
	if (!strcmp(word, "power"))
		return &all->power;
	return strcmp(word, "console") ? NULL : &all->console;
}

/* Returns NULL, or what is wrong. */
static const char *parse_intercepts(const struct tokens *w, struct intercepts *all)
{
	unsigned i = 1;
	bool *on;

	if (!switch_of(all, w->at[i]) && !token_vectors(w->at[i++], &all->vectors))
		return "VECTORS is all, none, or names and numbers from 0 to 31, as in +pf,ud";
	for (; i + 1 < w->count; i += 2) {
		on = switch_of(all, w->at[i]);
		if (!on || !is_on_off(w->at[i + 1], on))
			break;
	}
	return i < w->count ? command_usage : NULL;
}

static void set_intercepts(struct cpu *cpu, const struct intercepts *want)
{
	struct intercepts now = intercepts_now();

	if (want->power != now.power)
		io_watch(IO_POWER, want->power);
	if (want->console != now.console)
		io_watch(IO_CONSOLE, want->console);
	if (want->vectors != now.vectors || want->software != now.software)
		intercept_set(cpu, want->vectors, want->software);
}

const char *command_intercept(struct command_call *call)
{
	struct intercepts want = intercepts_now();
	const char *why = call->tokens.count > 1 ? parse_intercepts(&call->tokens, &want) : NULL;

	if (why)
		return why;
	if (want.console != io_watches(IO_CONSOLE) && !io_can_switch(IO_CONSOLE))
		return "the console is no COM port: trapline.conf has hide_console";
	set_intercepts(call->cpu, &want);
	log_rest();
	reply_intercept();
	if (call->tokens.count == 1)
		reply_interceptions();
	return NULL;
}

const char *command_message(struct command_call *call)
{
	if (call->tokens.count < 2)
		return command_usage;
	if (strlen(call->tokens.rest[1]) > TRAPLINE_TEXT_MAX)
		return "the text is longer than 120 characters; nothing was sent";
	if (call->source == COMMAND_GUEST) {
		operator_say(call->cpu, call->tokens.rest[1]);
		return NULL;
	}
	return operator_send(call->tokens.rest[1]) ? NULL : "eight messages are already waiting";
}

#define SHARE_LINE 16

static void reply_shares(void)
{
	struct trapline_share s;

	for (unsigned n = 0; n < TRAPLINE_SHARES; n++)
		if (share_at(n, &s))
			log_reply("share number=%u name=%s bytes=%lu pages=%u", s.number, s.name, s.bytes,
				s.pages);
}

/* Prints one line of a share's contents, up to a multiple of SHARE_LINE. Returns the number of bytes shown. */
static uint64_t reply_share(uint32_t number, uint64_t offset, uint64_t left)
{
	uint64_t room = SHARE_LINE - offset % SHARE_LINE, n;
	uint8_t bytes[SHARE_LINE];
	char hex[3 * SHARE_LINE + 1] = "", shown[SHARE_LINE + 1] = "";
	struct text t = text_on(hex, sizeof(hex));

	log_rest();
	n = share_read(number, offset, bytes, left < room ? left : room);
	for (uint64_t i = 0; i < n; i++) {
		bool plain = bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\';

		text_add_char(&t, ' ');
		text_add_bytes(&t, &bytes[i], 1);
		shown[i] = plain ? (char)bytes[i] : '.';
	}
	if (n)
		log_reply("share at=0x%lx bytes=\"%s\" text=\"%s\"", offset, hex + 1, shown);
	return n;
}

/* Writes the text with its NUL, so that the guest finds a string. */
static const char *write_share(uint32_t number, uint64_t offset, const char *text)
{
	uint64_t n = strlen(text) + 1;

	return share_write(number, offset, text, n) == n ? NULL : "the text does not fit into the share";
}

const char *command_shares(struct command_call *call)
{
	const struct tokens *w = &call->tokens;
	uint64_t offset, bytes, n;
	uint32_t number;

	if (w->count == 1) {
		reply_shares();
		return NULL;
	}
	number = share_find(w->at[1]);
	if (!number)
		return "no share has this name";
	if (!command_number(call, 2, 0, &offset))
		return "OFFSET is a number";
	if (w->count > 4 && !strcmp(w->at[3], "write"))
		return write_share(number, offset, w->rest[4]);
	if (w->count > 4)
		return command_usage;
	if (!command_number(call, 3, 64, &bytes) || !bytes || bytes > 1024)
		return "BYTES is a number from 1 to 1024";
	for (; bytes && (n = reply_share(number, offset, bytes)); bytes -= n)
		offset += n;
	return NULL;
}

#define X(name, text, meaning) text,
static const char *const level_names[] = {LOG_LEVELS(X)};
static const char *const output_names[] = {INPUT_OUTPUTS(X)};
#undef X

/* The index of the word in a list; -1: it is not there. */
static int find(const char *const *names, unsigned n, const char *word)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(names[i], word))
			return (int)i;
	return -1;
}

const char *command_loglevel(struct command_call *call)
{
	int level = (int)log_level;

	if (call->tokens.count > 1)
		level = find(level_names, ARRAY_SIZE(level_names), call->tokens.at[1]);
	if (level < 0 || call->tokens.count > 2)
		return "it is one of quiet, notices, traps";
	log_level = (enum log_level)level;
	log_reply("loglevel %s", level_names[level]);
	return NULL;
}

const char *command_set(struct command_call *call)
{
	int output = (int)input_output;

	if (call->tokens.count == 3 && !strcmp(call->tokens.at[1], "output"))
		output = find(output_names, ARRAY_SIZE(output_names), call->tokens.at[2]);
	else if (call->tokens.count != 1)
		output = -1;
	if (output < 0)
		return command_usage;
	input_output = (enum input_output)output;
	log_reply("set output=%s", output_names[output]);
	return NULL;
}

const char *command_capture(struct command_call *call)
{
	const char *why = capture_missing();

	if (why)
		return why;
	if (!report_try())
		return "another CPU is printing a report; try again";
	report_end();
	shutdown_report("the operator starts the capture kernel", SHUTDOWN_RESET);
	capture_ask(call->cpu);
	return NULL;
}

const char *command_reset(struct command_call *call)
{
	if (!report_try()) /* to wait with the commands' lock held would block the operator who inspects a death */
		return "another CPU is printing a report; try again";
	report_end();
	shutdown_report("the operator reset the machine", SHUTDOWN_RESET);
	shutdown_reset();
	return "the machine did not reset";
}
