// SPDX-License-Identifier: MIT
/*
 * libFuzzer: `trapctl trace` with any answers of Trapline: any count, any registers, any records,
 * any name of an address. It ends, stays in its own buffers, and prints one line a record: logfmt,
 * or JSON that a parser accepts. The source is included, because its output goes to standard output.
 */
#define _GNU_SOURCE
#include "input.h"
#include <stdio.h>
#include "../../guest-tools/common/json_line.c"
#include "../../guest-tools/trapctl/json.c"
#include "../../guest-tools/trapctl/cmd_trace.c"

#define OPTIONS 6
#define CALLS   8 /* answers before there is nothing new */

static unsigned calls;
static char symbol_text[SYMBOL_MAX];

int freeze_for_now(void)
{
	return take8() & 1 ? STATUS_FAILED : STATUS_OK;
}

int64_t trapline_call(struct trapline_registers *r)
{
	r->rsi = take64();
	r->rdi = take32();
	return r->rax = take8() & 0x80 ? (int64_t)take64() : take8() & 3;
}

/* As in the library: the count is limited to the buffer's size. */
int64_t trapline_trace_read(
	unsigned cpu, uint64_t *next, struct trap_record *records, size_t room, uint64_t *lost)
{
	int64_t n = take8() % 4;

	if (!input_left || calls++ == CALLS)
		return take8() & 1 ? TRAPLINE_E_DENIED : 0;
	for (int64_t i = 0; i < n; i++) {
		take(records[i].code, sizeof(records[i].code));
		take(&records[i], offsetof(struct trap_record, code));
	}
	*next += (uint64_t)n;
	*lost += take8() & 1;
	return n;
}

const char *symbol(uint64_t address, uint64_t cr3, int pid)
{
	size_t n = take32() % (SYMBOL_MAX - 1);

	memset(symbol_text, 0, sizeof(symbol_text));
	take(symbol_text, input_left < n ? input_left : n);
	return symbol_text;
}

bool vector_list(const char *text, uint32_t *mask)
{
	*mask = take32();
	return true;
}

const char *option_value(const char *word, const char *name)
{
	size_t n = strlen(name);

	return !strncmp(word, name, n) && word[n] == '=' ? word + n + 1 : NULL;
}

bool number(const char *text, uint64_t *value)
{
	char *end;

	*value = strtoull(text, &end, 0);
	return *text && !*end;
}

int usage(const char *command)
{
	return STATUS_USAGE;
}

int fail(const char *what, int64_t error)
{
	return STATUS_FAILED;
}

/* The end of a string, a number or an object of them; NULL: it is none of these (RFC 8259). */
static const char *skip_string(const char *at)
{
	if (*at++ != '"')
		return NULL;
	for (; *at != '"'; at++) {
		if (*at < ' ' || *at > '~' || (*at == '\\' && !strchr("\"\\/bfnrt", *++at)))
			return NULL;
	}
	return at + 1;
}

static const char *skip_number(const char *at)
{
	size_t whole = strspn(at, "0123456789");

	if (!whole || (*at == '0' && whole > 1))
		return NULL;
	if (at[whole] != '.')
		return at + whole;
	at += whole + 1;
	whole = strspn(at, "0123456789");
	return whole ? at + whole : NULL;
}

static const char *skip_object(const char *at)
{
	if (*at++ != '{')
		return NULL;
	for (;;) {
		at = skip_string(at);
		if (!at || *at++ != ':')
			return NULL;
		at = *at == '"' ? skip_string(at) : skip_number(at);
		if (!at || (*at != ',' && *at != '}'))
			return NULL;
		if (*at++ == '}')
			return at;
	}
}

static void check_output(char *text)
{
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		const char *end = json ? skip_object(line) : NULL, *code = strstr(line, "\"code\":");

		assert(is_printable(line));
		if (json)
			assert(end && !*end && (!code || code[7] == '"'));
		else
			assert(!strncmp(line, "trap", 4) || !strncmp(line, "mark", 4) ||
				!strncmp(line, "watch", 5));
	}
}

static int take_arguments(char **argv)
{
	static char words[OPTIONS][32] = {"trace", "--keep", "--last=3", "--no-marks", "--cpl=3", "--pid=1"};
	uint8_t chosen = take8();
	int argc = 1;

	argv[0] = words[0];
	json = chosen & 1;
	for (unsigned i = 1; i < OPTIONS; i++)
		if (chosen >> i & 1)
			argv[argc++] = words[i];
	return argc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FILE *out = stdout, *err = stderr;
	char *argv[OPTIONS], *text = NULL;
	size_t length;

	input_begin(data, size);
	calls = source_count = 0;
	stdout = open_memstream(&text, &length);
	stderr = fopen("/dev/null", "w");
	assert(stdout && stderr);
	command_trace(take_arguments(argv), argv);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
	check_output(text);
	free(text);
	return 0;
}
