// SPDX-License-Identifier: MIT
/* Lines from the guest to the trace and the operator, and back: mark, say, hear, dying, capture. */
#include "vmcall/operator.h"
#include "log/log.h"
#include "cpu/moment.h"
#include "exit/capture_ask.h"
#include "exit/record.h"
#include "exit/shutdown.h"
#include "hw/lock.h"
#include "lib/string.h"
#include "vendor.h"
#include "vmcall/caller.h"

#define WAITING_MAX 8

/* Messages of the operator, the oldest first. */
static struct {
	unsigned count;
	struct {
		unsigned length;
		char text[TRAPLINE_TEXT_MAX];
	} message[WAITING_MAX];
} waiting;
static struct lock lock = LOCK_FREE;

bool operator_send(const char *text)
{
	unsigned n = check_length(text, TRAPLINE_TEXT_MAX);
	bool room;

	lock_take(&lock, moment);
	room = waiting.count < WAITING_MAX && n;
	if (room) {
		memcpy(waiting.message[waiting.count].text, text, n);
		waiting.message[waiting.count++].length = n;
	}
	lock_give(&lock);
	return room;
}

/* Copies the oldest message to the guest, and removes it from the queue only afterwards. */
static int64_t deliver(struct vmcall *call)
{
	unsigned n = waiting.message[0].length;
	int64_t error;

	if (!waiting.count)
		return TRAPLINE_E_EMPTY;
	if (call->arg[ARG_RCX] < n)
		return TRAPLINE_E_RANGE;
	error = caller_write(
		call, call->arg[ARG_RBX], waiting.message[0].text, n, call->arg[ARG_RDX] & TRAPLINE_PAGE_IN);
	if (error)
		return error;
	waiting.count--;
	memmove(&waiting.message[0], &waiting.message[1], waiting.count * sizeof(waiting.message[0]));
	return n;
}

int64_t vmcall_hear(struct vmcall *call)
{
	int64_t result;

	if (!lock_try(&lock))
		return VMCALL_AGAIN;
	result = deliver(call);
	lock_give(&lock);
	return result;
}

int64_t operator_take_text(struct vmcall *call, char text[TRAPLINE_TEXT_MAX + 1])
{
	uint64_t n = call->arg[ARG_RCX];
	int64_t error = caller_read(call, call->arg[ARG_RBX], text, n, call->arg[ARG_RDX] & TRAPLINE_PAGE_IN);

	for (uint64_t i = 0; !error && i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '.';
	text[n] = '\0';
	return error;
}

void operator_say(struct cpu *cpu, char *text)
{
	bool user = guest_cpl(cpu) == 3;

	for (char *c = text; *c; c++)
		if (*c == '"' || *c == '\\')
			*c = '\''; /* a quote would break the line, which is logfmt */
	log_line("trapline: message cpu=%u cpl=%u text=\"%s\"", cpu->number, user ? 3 : 0, text);
}

int64_t vmcall_say(struct vmcall *call)
{
	char text[TRAPLINE_TEXT_MAX + 1];
	int64_t error = operator_take_text(call, text);

	if (!error)
		operator_say(call->cpu, text);
	return error;
}

int64_t vmcall_dying(struct vmcall *call)
{
	char text[TRAPLINE_TEXT_MAX + 1] = "";
	int64_t error = call->arg[ARG_RCX] ? operator_take_text(call, text) : 0;

	if (!error)
		shutdown_dying(call->cpu, text);
	return error;
}

int64_t vmcall_capture(struct vmcall *call)
{
	if (capture_missing())
		return TRAPLINE_E_MISSING;
	shutdown_report("the guest asked for the capture kernel", SHUTDOWN_RESET);
	capture_ask(call->cpu);
	return 0;
}

/* Makes a record of type TRAP_TYPE_MARK: the text takes the place of the caller's registers. */
int64_t vmcall_mark(struct vmcall *call)
{
	struct cpu *cpu = call->cpu;
	char text[TRAPLINE_TEXT_MAX + 1];
	int64_t error = operator_take_text(call, text);
	struct trap_record *r;

	if (error)
		return error;
	r = record_begin(cpu);
	memset(r->gpr, 0, sizeof(r->gpr));
	memcpy(r->gpr, text, call->arg[ARG_RCX]);
	r->vector = 0;
	r->type = TRAP_TYPE_MARK;
	r->flags = r->code_len = r->link = 0;
	record_other(cpu, r);
	vmcall_return(call, ARG_RBX, r->seq);
	vmcall_return(call, ARG_RCX, cpu->number);
	return 0;
}
