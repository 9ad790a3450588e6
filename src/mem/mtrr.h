// SPDX-License-Identifier: MIT
/* The MTRRs of the current CPU. */
#ifndef TRAPLINE_MTRR_H
#define TRAPLINE_MTRR_H

#include "mem/memory_type.h"

/* Reads all of them, some 30 MSRs. For a CPU without MTRRs everything is write-back. */
void mtrr_read(struct mtrr_state *m);

/* IA32_MTRRCAP; 0: the CPU has no MTRRs. */
uint64_t mtrr_capabilities(void);

#endif
