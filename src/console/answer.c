// SPDX-License-Identifier: MIT
/* The console's commands in the guest: service command carries one out, service answer fetches its output. */
#include "console/command.h"
#include "log/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/format.h"
#include "vmcall/caller.h"
#include "vmcall/operator.h"

#define PIECE     4096 /* limits the length of a call */
#define TEXT_SIZE (32 * 1024)
#define LAST      512 /* part of it that is reserved for the last lines */

/* The answer to the last command, protected by the commands' lock. */
static struct {
	uint32_t number; /* 0: there is none yet */
	uint32_t filled, fetched;
	uint64_t lost; /* lines that did not fit */
	bool complete;
	struct command_result result;
	char text[TEXT_SIZE];
} answer;

static void add(const char *line, uint32_t limit)
{
	size_t n = strlen(line);

	if (n + 1 > limit - answer.filled) {
		answer.lost++;
		return;
	}
	memcpy(answer.text + answer.filled, line, n);
	answer.filled += (uint32_t)n;
	answer.text[answer.filled++] = '\n';
}

static void add_line(const char *line)
{
	add(line, TEXT_SIZE - LAST);
}

static void complete(void)
{
	char line[COMMAND_DONE_MAX];

	if (answer.lost) {
		snprintf(line, sizeof(line), "trapline: lost lines=%lu", answer.lost);
		add(line, TEXT_SIZE);
	}
	command_done(line, sizeof(line), answer.result.name, answer.result.why);
	add(line, TEXT_SIZE);
	answer.complete = true;
}

static void run(struct cpu *cpu, char *text)
{
	answer.number = answer.number % INT32_MAX + 1;
	answer.filled = answer.fetched = 0;
	answer.lost = 0;
	answer.complete = false;
	log_reply_to(add_line);
	command_run(cpu, COMMAND_GUEST, text, &answer.result);
	log_reply_to(NULL);
	if (!answer.result.more)
		complete();
}

int64_t vmcall_command(struct vmcall *call)
{
	char text[TRAPLINE_TEXT_MAX + 1];
	int64_t result = operator_take_text(call, text);

	if (result)
		return result;
	if (!command_begin())
		return VMCALL_AGAIN;
	run(call->cpu, text);
	result = answer.number;
	command_end();
	return result;
}

/* Adds about one piece of an answer that is made line by line. */
static void fill(void)
{
	static char line[TRAP_LINE_MAX];

	answer.filled = answer.fetched = 0;
	while (!answer.complete && answer.filled < PIECE)
		if (answer.result.more(COMMAND_GUEST, line, sizeof(line)))
			add_line(line);
		else
			complete();
}

static int64_t deliver(struct vmcall *call)
{
	uint64_t n = call->arg[ARG_RCX] < PIECE ? call->arg[ARG_RCX] : PIECE;
	int64_t error;

	if (answer.fetched == answer.filled)
		fill();
	if (n > answer.filled - answer.fetched)
		n = answer.filled - answer.fetched;
	error = caller_write(call, call->arg[ARG_RBX], answer.text + answer.fetched, n,
		call->arg[ARG_RDX] & TRAPLINE_PAGE_IN);
	if (error)
		return error;
	answer.fetched += (uint32_t)n;
	return (int64_t)n;
}

int64_t vmcall_answer(struct vmcall *call)
{
	int64_t result = TRAPLINE_E_MISSING;

	if (!call->arg[ARG_RCX])
		return TRAPLINE_E_RANGE;
	if (!command_begin())
		return VMCALL_AGAIN;
	if (answer.number && call->arg[ARG_RSI] == answer.number)
		result = deliver(call);
	command_end();
	return result;
}
