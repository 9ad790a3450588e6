// SPDX-License-Identifier: MIT
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

static bool no_line(const char *notice)
{
	return false;
}

static void nothing_at_all(void)
{
}

static const struct turn_taker nobody = {.poll = nothing,
	.serve = nothing,
	.attends = no_one,
	.wants_others = no,
	.hide_prompt = nothing_at_all,
	.finish_line = nothing_at_all,
	.add_notice = no_line,
	.finish = nothing_at_all};
static const struct turn_taker *taker = &nobody;

uint64_t turn_polled;

void turn_set(const struct turn_taker *t)
{
	taker = t;
}

void turn_poll_now(struct cpu *cpu)
{
	taker->poll(cpu);
}

void turn_serve(struct cpu *cpu)
{
	taker->serve(cpu);
}

bool turn_attends(const struct cpu *cpu)
{
	return taker->attends(cpu);
}

bool turn_wants_others(void)
{
	return taker->wants_others();
}

void turn_hide_prompt(void)
{
	taker->hide_prompt();
}

void turn_finish_line(void)
{
	taker->finish_line();
}

bool turn_add_notice(const char *notice)
{
	return taker->add_notice(notice);
}

void turn_finish(void)
{
	taker->finish();
}
