// SPDX-License-Identifier: MIT
/* Stops all CPUs for what one of them has come to. */
#ifndef TRAPLINE_RUN_STOP_H
#define TRAPLINE_RUN_STOP_H

#include "cpu/cpu.h"

/* Whether a reset of the guest's stops it first: a debugger looks. */
extern _Atomic bool run_stops_resets;

/* This CPU stops at the end of this exit, and with it all others. The first reason counts. */
void run_stop(struct cpu *cpu, enum run_stop why);

#endif
