// SPDX-License-Identifier: MIT
/*
 * The console's commands in the guest: service command carries one out, service answer fetches its output. What takes longer than one exit may
 * is a job in slices, which has the commands' lock. The call leaves RIP where it is, so the guest takes interrupts and makes the call again.
 *
 * Whoever makes calls meanwhile only waits for the lock: a handler on the same CPU, which drives the job by its exits, or another CPU. So the job
 * depends neither on the order in which calls end nor on the call that began it. A done command is found by the place of its call and its text.
 */
#include "console/answer.h"
#include "console/command.h"
#include "console/slice_job.h"
#include "hw/asm.h"
#include "log/log.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "trace/format.h"
#include "vmcall/caller.h"
#include "vmcall/operator.h"

#define PIECE     4096 /* limits the length of a call */
#define TEXT_SIZE (32 * 1024)
#define LAST      512 /* part of it that is reserved for the last lines */

#define DONE_MS   10000 /* after which a call does not come back for its command: the task has died */
#define DONE_MOST 4

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

/* Which call gave a command. Two processes may have their stacks at one address. */
struct place {
	uint64_t rip, rsp, owner;
	char text[TRAPLINE_TEXT_MAX + 8]; /* the structure has no gaps, so it is compared as a whole */
};

static struct slice_job job = {.stack = SLICE_GUEST};

/* The job's command. */
static struct {
	struct cpu *cpu;
	struct place place;
	char text[TRAPLINE_TEXT_MAX + 1]; /* cut into words */
} given;

/* The last commands that are done, and whose calls have not come back yet. */
static struct {
	uint32_t number; /* 0: the entry is free */
	uint64_t since;
	struct place place;
} dones[DONE_MOST];

static struct place place_of(const struct vmcall *call)
{
	return (struct place){.rip = vendor->state.get(call->cpu, GUEST_RIP),
		.rsp = vendor->state.get(call->cpu, GUEST_RSP),
		.owner = caller_owner(call)};
}

/* If the guest sets its TSC back, the time counts as passed. */
static bool passed(uint64_t since, uint64_t ms)
{
	return rdtsc() - since >= boot_info.tsc_khz * ms;
}

static void keep_done(void)
{
	static unsigned next;
	unsigned n = next++ % DONE_MOST;

	dones[n].number = answer.number;
	dones[n].since = rdtsc();
	dones[n].place = given.place;
}

/* The number of this call's answer if its command is done; 0: it is not. */
static uint32_t take_done(const struct place *place)
{
	for (unsigned i = 0; i < DONE_MOST; i++) {
		uint32_t number = dones[i].number;

		if (!number || memcmp(&dones[i].place, place, sizeof(*place)) != 0)
			continue;
		dones[i].number = 0;
		if (!passed(dones[i].since, DONE_MS))
			return number;
	}
	return 0;
}

bool answer_serve(struct cpu *cpu)
{
	enum slice_job_result result = slice_job_serve(&job, cpu);

	if (result == SLICE_JOB_DONE)
		command_end();
	return result != SLICE_JOB_NONE;
}

/* With the lock, which the job has from here on. */
static int64_t begin(struct cpu *cpu, void (*work)(void))
{
	slice_job_begin(&job, cpu, work);
	return VMCALL_AGAIN;
}

static void run(void)
{
	log_reply_to(add_line);
	command_run(given.cpu, COMMAND_GUEST, given.text, &answer.result);
	log_reply_to(NULL);
	if (!answer.result.more)
		complete();
	keep_done();
}

/* The lock is still the job's. */
void answer_hurry(void)
{
	if (!slice_job_hurry(&job))
		return;
	log_reply_to(NULL);
	answer.result = (struct command_result){.name = "none", .why = COMMAND_SILENT};
	complete();
	if (job.work == run)
		keep_done();
	command_end();
}

static int64_t begin_command(struct cpu *cpu, const struct place *place)
{
	answer.number = answer.number % INT32_MAX + 1;
	answer.filled = answer.fetched = 0;
	answer.lost = 0;
	answer.complete = false;
	given.cpu = cpu;
	given.place = *place;
	memcpy(given.text, place->text, sizeof(given.text));
	return begin(cpu, run);
}

int64_t vmcall_command(struct vmcall *call)
{
	struct place place = place_of(call);
	int64_t result;

	if (!command_begin())
		return VMCALL_AGAIN;
	result = operator_take_text(call, place.text);
	if (!result)
		result = take_done(&place);
	if (!result)
		return begin_command(call->cpu, &place);
	command_end();
	return result;
}

/* Adds about one piece of an answer that is made line by line. */
static void fill(void)
{
	static char line[TRAP_LINE_MAX];

	while (!answer.complete && answer.filled < PIECE) {
		if (answer.result.more(COMMAND_GUEST, line, sizeof(line)))
			add_line(line);
		else
			complete();
		log_rest();
	}
}

static int64_t deliver(struct vmcall *call)
{
	uint64_t n = call->arg[ARG_RCX] < PIECE ? call->arg[ARG_RCX] : PIECE;
	int64_t error;

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
	if (answer.number && call->arg[ARG_RSI] == answer.number) {
		if (answer.fetched == answer.filled && !answer.complete) {
			answer.filled = answer.fetched = 0;
			return begin(call->cpu, fill);
		}
		result = deliver(call);
	}
	command_end();
	return result;
}
