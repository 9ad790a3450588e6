// SPDX-License-Identifier: MIT
#include "console/slice.h"
#include "apic/pause.h"
#include "mem/host_map.h"
#include "report/report.h"

#define SAVED 6 /* registers that slice_switch() saves */

/* In slice.asm. Saves the registers that C preserves and the stack pointer, and continues on the other stack. */
void slice_switch(uint64_t *save, uint64_t load);

static struct {
	uint64_t top;             /* of the stack; 0: there is none */
	uint64_t inside, outside; /* stack pointers of the one that rests */
	void (*work)(void);
	bool done;
} slice;

void slice_init(void)
{
	slice.top = host_map_stack(CPU_STACK_SIZE);
}

/* Where the stack begins. It never returns. */
static void run(void)
{
	slice.work();
	slice.done = true;
	slice_switch(&slice.inside, slice.outside);
}

/* As slice_switch() leaves a stack: the registers, the return address, and 0 in place of run()'s own. */
static void prepare(void)
{
	uint64_t *at = (uint64_t *)slice.top;

	*--at = 0;
	*--at = (uint64_t)run;
	for (unsigned i = 0; i < SAVED; i++)
		*--at = 0;
	slice.inside = (uint64_t)at;
}

bool slice_go_on(void)
{
	slice_switch(&slice.outside, slice.inside);
	return slice.done;
}

bool slice_begin(struct cpu *cpu, void (*work)(void))
{
	if (!slice.top) {
		work();
		return true;
	}
	slice.work = work;
	slice.done = false;
	cpu_lend_stack(cpu, slice.top - CPU_STACK_SIZE, slice.top);
	prepare();
	return slice_go_on();
}

static bool is_inside(const void *at)
{
	return (uint64_t)at >= slice.top - CPU_STACK_SIZE && (uint64_t)at < slice.top;
}

/* A report that this CPU prints meanwhile is no answer. Nothing rests in the middle of a report: other CPUs wait for its end. */
void slice_rest(void)
{
	const struct cpu *answering = report_answering();

	if (!slice.top || !is_inside(&answering) || pause_wanted() || report_is_mine())
		return;
	report_answer(NULL);
	slice_switch(&slice.inside, slice.outside);
	report_answer(answering);
}
