#include "log/turn.h"

static void nothing(struct cpu *cpu)
{
}

static bool no_one(const struct cpu *cpu)
{
	return false;
}

static bool no(void)
{
	return false;
}

static void nothing_at_all(void)
{
}

static const struct turn_taker nobody = {.look = nothing,
	.serve = nothing,
	.attends = no_one,
	.wants_others = no,
	.hide_prompt = nothing_at_all,
	.finish = nothing_at_all};
static const struct turn_taker *taker = &nobody;

uint64_t console_looked;

void turn_set(const struct turn_taker *t)
{
	taker = t;
}

void console_look_now(struct cpu *cpu)
{
	taker->look(cpu);
}

void console_serve(struct cpu *cpu)
{
	taker->serve(cpu);
}

bool console_attends(const struct cpu *cpu)
{
	return taker->attends(cpu);
}

bool console_wants_others(void)
{
	return taker->wants_others();
}

void turn_hide_prompt(void)
{
	taker->hide_prompt();
}

void console_finish(void)
{
	taker->finish();
}
