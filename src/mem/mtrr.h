/* The MTRRs of the CPU that asks. */
#ifndef TRAPLINE_MTRR_H
#define TRAPLINE_MTRR_H

#include "mem/memory_type.h"

/* Reads them all: some 30 MSRs. A CPU without MTRRs has everything write-back. */
void mtrr_read(struct mtrr_state *m);

/* IA32_MTRRCAP; 0: it has none. */
uint64_t mtrr_capabilities(void);

#endif
