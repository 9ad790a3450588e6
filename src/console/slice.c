// SPDX-License-Identifier: MIT
#include "console/slice.h"
#include "apic/pause.h"
#include "mem/host_map.h"
#include "log/log.h"
#include "report/report.h"

#define SAVED 6 /* registers that slice_switch() saves */

/* In slice.asm. Saves the registers that C preserves and the stack pointer, and continues on the other stack. */
void slice_switch(uint64_t *save, uint64_t load);

_Static_assert(SLICE_STACKS == CPU_LENT_STACKS, "each stack is found by its addresses");

static struct slice {
	uint64_t top;             /* of the stack; 0: there is none */
	uint64_t inside, outside; /* stack pointers of the one that rests */
	void (*work)(void);
	bool done;
} slices[SLICE_STACKS];

void slice_init(void)
{
	for (unsigned i = 0; i < SLICE_STACKS; i++)
		slices[i].top = host_map_stack(CPU_STACK_SIZE);
}

/* The work whose stack this address is in; NULL: none. */
static struct slice *slice_of(const void *at)
{
	for (unsigned i = 0; i < SLICE_STACKS; i++)
		if (slices[i].top && (uint64_t)at - (slices[i].top - CPU_STACK_SIZE) < CPU_STACK_SIZE)
			return &slices[i];
	return NULL;
}

/* Where the stack begins. It never returns. */
static void run(void)
{
	struct slice *s = slice_of(&s);

	s->work();
	s->done = true;
	slice_switch(&s->inside, s->outside);
}

/* As slice_switch() leaves a stack: the registers, the return address, and 0 in place of run()'s own. */
static void prepare(struct slice *s)
{
	uint64_t *at = (uint64_t *)s->top;

	*--at = 0;
	*--at = (uint64_t)run;
	for (unsigned i = 0; i < SAVED; i++)
		*--at = 0;
	s->inside = (uint64_t)at;
}

bool slice_go_on(enum slice_stack stack)
{
	struct slice *s = &slices[stack];

	slice_switch(&s->outside, s->inside);
	return s->done;
}

bool slice_begin(enum slice_stack stack, struct cpu *cpu, void (*work)(void))
{
	struct slice *s = &slices[stack];

	if (!s->top) {
		work();
		return true;
	}
	s->work = work;
	s->done = false;
	cpu_lend_stack(stack, cpu, s->top - CPU_STACK_SIZE, s->top);
	prepare(s);
	return slice_go_on(stack);
}

/*
 * A report that this CPU prints meanwhile is no answer. Nothing rests in the middle of a report, because other CPUs wait for its end, nor when the
 * log has been seized for one.
 */
void slice_rest(void)
{
	const struct cpu *answering = report_answering();
	struct slice *s = slice_of(&answering);

	if (!s || pause_wanted() || report_is_mine() || log_is_seized())
		return;
	report_answer(NULL);
	slice_switch(&s->inside, s->outside);
	report_answer(answering);
}
