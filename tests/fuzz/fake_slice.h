// SPDX-License-Identifier: MIT
/* Slices (console/slice.h) for the fuzz targets: the work is done in one piece. */
#ifndef TRAPLINE_FUZZ_FAKE_SLICE_H
#define TRAPLINE_FUZZ_FAKE_SLICE_H

#include "console/slice.h"
#include "log/log.h"

void log_rest(void)
{
}

bool slice_begin(enum slice_stack stack, struct cpu *c, void (*work)(void))
{
	work();
	return true;
}

bool slice_go_on(enum slice_stack stack)
{
	return true;
}

#endif
