// SPDX-License-Identifier: MIT
/* The MSRs of shadow stacks and branch tracking. */
#ifndef TRAPLINE_CET_H
#define TRAPLINE_CET_H

#include <stdbool.h>
#include <stdint.h>

typedef bool cet_msr_writer(uint32_t msr, uint64_t value);

/*
 * Clears them, as INIT does (SDM vol. 3A table 10-1).
 *   write  WRMSR; returns false if the register does not exist
 */
void cet_clear(cet_msr_writer *write);

#endif
