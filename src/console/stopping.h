// SPDX-License-Identifier: MIT
/* Waits for the CPUs after pause_begin(). */
#ifndef TRAPLINE_STOPPING_H
#define TRAPLINE_STOPPING_H

#include "cpu/cpu.h"

/* Waits until all other CPUs have stopped, but not longer than 100 ms. */
void stopping_wait(const struct cpu *self);

#endif
