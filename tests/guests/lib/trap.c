// SPDX-License-Identifier: MIT
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

/* The stack when entry.S calls the handler. */
struct capture {
	uint64_t gpr[REG_COUNT];
	uint64_t vector;
	uint64_t frame[]; /* an error code or none, RIP, CS, RFLAGS, RSP, SS */
};

enum {
	FRAME_RIP,
	FRAME_CS,
	FRAME_RFLAGS,
	FRAME_RSP,
	FRAME_SS,
	FRAME_WORDS
};

static struct trap_log trap_log;
static uint64_t trap_resume;
static bool running; /* the code under test, not the test */

void trap_capture(const struct capture *c);
void trap_enter(const struct trap_state *start);
_Noreturn void trap_leave(void);

/* The test's own code faulted: prints where, and ends without the firmware, which would need its IDT. */
static _Noreturn void unexpected(const struct trap_event *e)
{
	write_dr7(0x400);
	print("\nunexpected vec=%u rip=%lx cr2=%lx error=%x image=%lx\n", e->vector, e->state.rip, e->cr2,
		e->error, (uint64_t)trap_entries);
	machine_give_back();
	guest_reset(EfiResetShutdown);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static void read_event(struct trap_event *e, const struct capture *c)
{
	const uint64_t *frame = c->frame;

	e->cr2 = read_cr2();
	e->dr6 = read_dr6();
	e->vector = c->vector;
	e->has_error = !((uint64_t)frame & 8); /* see entry.S */
	e->error = e->has_error ? *frame++ : 0;
	e->frame_top = (uint64_t)(frame + FRAME_WORDS);
	for (unsigned i = 0; i < REG_COUNT; i++)
		e->state.gpr[i] = c->gpr[i];
	e->state.gpr[REG_RSP] = frame[FRAME_RSP];
	e->state.rip = frame[FRAME_RIP];
	e->state.cs = frame[FRAME_CS];
	e->state.rflags = frame[FRAME_RFLAGS];
	e->state.rsp = frame[FRAME_RSP];
	e->state.ss = frame[FRAME_SS];
}

void trap_capture(const struct capture *c)
{
	static struct trap_event own;
	struct trap_event *e = running ? &trap_log.event[trap_log.count++] : &own;
	bool ours = !running;

	running = false; /* a fault in here is the test's own */
	read_event(e, c);
	write_dr6(0xffff0ff0);
	if (ours)
		unexpected(e);
	if (e->vector >= 64 || !(trap_resume >> e->vector & 1) || trap_log.count == TRAP_EVENTS_MAX)
		trap_leave();
	running = true;
}

const struct trap_log *trap_run(const struct trap_state *start, uint64_t resume)
{
	trap_log.count = 0;
	trap_resume = resume;
	running = true;
	trap_enter(start);
	return &trap_log;
}
