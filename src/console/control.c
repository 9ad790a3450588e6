/* Commands that change something: stop, go, intercept, message, loglevel, set, reset; and shares. */
#include "console/command.h"
#include "console/console.h"
#include "console/input.h"
#include "cpu/asm.h"
#include "cpu/hold.h"
#include "exit/intercept.h"
#include "exit/shutdown.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/vector.h"
#include "vendor.h"
#include "vmcall/operator.h"
#include "vmcall/share.h"

#define ANSWER_MS 100

static bool others_stopped(const struct cpu *self)
{
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++)
		if (cpus[n] && cpus[n] != self && !atomic_load(&cpus[n]->start) && !hold_is_stopped(n))
			return false;
	return true;
}

/* This CPU stops behind its answer. */
const char *command_stop(struct command_call *call)
{
	uint64_t since = rdtsc();

	hold_stop(call->cpu);
	while (!others_stopped(call->cpu) && rdtsc() - since < boot_info.tsc_khz * ANSWER_MS)
		cpu_pause();
	for (unsigned n = 0; n < BOOT_MAX_CPUS; n++)
		if (cpus[n] && cpus[n] != call->cpu && !hold_is_stopped(n))
			console_reply("stop cpu=%u state=%s", n,
				atomic_load(&cpus[n]->start) ? "waits-for-sipi" : "does-not-answer");
	console_reply("stop cpu=%u rip=0x%lx", call->cpu->number, vendor->get(call->cpu, GUEST_RIP));
	return NULL;
}

const char *command_go(struct command_call *call)
{
	if (!hold_wanted())
		return "the guest runs, or is dead";
	hold_go();
	return NULL;
}

static void reply_intercept(void)
{
	struct filter f;
	char buf[200];
	struct text t = text_on(buf, sizeof(buf));

	filter_init(&f, boot_info.config.intercept);
	filter_format(&t, &f);
	console_reply("intercept %s int=%s", buf, boot_info.config.intercept_int ? "on" : "off");
}

static bool is_on_off(const char *word, bool *on)
{
	*on = !strcmp(word, "on");
	return *on || !strcmp(word, "off");
}

const char *command_intercept(struct command_call *call)
{
	uint32_t vectors = boot_info.config.intercept;
	bool software = boot_info.config.intercept_int;
	const struct words *w = &call->words;
	unsigned i = 1;

	if (i < w->count && strcmp(w->at[i], "int") && !word_vectors(w->at[i++], &vectors))
		return "which: all, none, names and numbers from 0 to 31, as in +pf,ud";
	if (i + 2 == w->count && !strcmp(w->at[i], "int") && is_on_off(w->at[i + 1], &software))
		i += 2;
	if (i < w->count)
		return "its arguments are [VECTORS] [int on|off]";
	if (w->count > 1)
		intercept_set(call->cpu, vectors, software);
	reply_intercept();
	return NULL;
}

const char *command_message(struct command_call *call)
{
	if (call->words.count < 2)
		return "its argument is the text";
	if (call->source == COMMAND_GUEST) {
		operator_say(call->cpu, call->words.rest[1]);
		return NULL;
	}
	return operator_send(call->words.rest[1]) ? NULL : "eight messages are waiting already";
}

#define SHARE_LINE 16

static void reply_shares(void)
{
	struct trapline_share s;

	for (unsigned n = 0; n < TRAPLINE_SHARES; n++)
		if (share_at(n, &s))
			console_reply("share number=%u name=%s bytes=%lu pages=%u", s.number, s.name, s.bytes,
				s.pages);
}

/* A line of a share's contents, up to a multiple of SHARE_LINE. Returns how many bytes it shows. */
static uint64_t reply_share(uint32_t number, uint64_t offset, uint64_t left)
{
	uint64_t room = SHARE_LINE - offset % SHARE_LINE, n;
	uint8_t bytes[SHARE_LINE];
	char hex[3 * SHARE_LINE + 1] = "", shown[SHARE_LINE + 1] = "";

	n = share_read(number, offset, bytes, left < room ? left : room);
	for (uint64_t i = 0; i < n; i++) {
		bool plain = bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\';

		snprintf(hex + 3 * i, 4, " %02x", bytes[i]);
		shown[i] = plain ? (char)bytes[i] : '.';
	}
	if (n)
		console_reply("share at=0x%lx bytes=\"%s\" text=\"%s\"", offset, hex + 1, shown);
	return n;
}

/* The text with its NUL: what the guest finds is a string. */
static const char *write_share(uint32_t number, uint64_t offset, const char *text)
{
	uint64_t n = strlen(text) + 1;

	return share_write(number, offset, text, n) == n ? NULL : "the share ends before the text does";
}

const char *command_shares(struct command_call *call)
{
	const struct words *w = &call->words;
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
		return "the offset is a number";
	if (w->count > 4 && !strcmp(w->at[3], "write"))
		return write_share(number, offset, w->rest[4]);
	if (w->count > 4 || !command_number(call, 3, 64, &bytes) || !bytes || bytes > 1024)
		return "its arguments are NAME [OFFSET [BYTES]], 1024 bytes at most, or NAME OFFSET write "
		       "TEXT";
	for (; bytes && (n = reply_share(number, offset, bytes)); bytes -= n)
		offset += n;
	return NULL;
}

#define X(name, text, meaning) text,
static const char *const level_names[] = {CONSOLE_LEVELS(X)};
static const char *const output_names[] = {INPUT_OUTPUTS(X)};
#undef X
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The word's place in a list; -1: it is not in it. */
static int find(const char *const *names, unsigned n, const char *word)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(names[i], word))
			return (int)i;
	return -1;
}

const char *command_loglevel(struct command_call *call)
{
	int level = (int)console_level;

	if (call->words.count > 1)
		level = find(level_names, COUNT(level_names), call->words.at[1]);
	if (level < 0)
		return "it is one of quiet, notices, traps";
	console_level = (enum console_level)level;
	console_reply("loglevel %s", level_names[level]);
	return NULL;
}

const char *command_set(struct command_call *call)
{
	int output = (int)input_output;

	if (call->words.count == 3 && !strcmp(call->words.at[1], "output"))
		output = find(output_names, COUNT(output_names), call->words.at[2]);
	else if (call->words.count != 1)
		output = -1;
	if (output < 0)
		return "set output terminal, or set output logfmt";
	input_output = (enum input_output)output;
	console_reply("set output=%s", output_names[output]);
	return NULL;
}

const char *command_reset(struct command_call *call)
{
	shutdown_report("the operator reset the machine");
	shutdown_reset();
	return "the machine did not reset";
}
