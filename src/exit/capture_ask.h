// SPDX-License-Identifier: MIT
/* Whether there is a capture kernel (docs/capture.md), and the wish to start it. exit/capture.h starts it. */
#ifndef TRAPLINE_CAPTURE_ASK_H
#define TRAPLINE_CAPTURE_ASK_H

#include "cpu/cpu.h"

/* Why none can be started; NULL: one can. */
const char *capture_missing(void);

/* Starts it on this CPU at the end of this exit: CPU_WORK_CAPTURE. */
void capture_ask(struct cpu *cpu);

/* The dead guest has made way for it. */
bool capture_runs(void);
void capture_note_run(void);

#endif
