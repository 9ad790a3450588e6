// SPDX-License-Identifier: MIT
/*
 * Watches of MSRs and XCR0: handlers around the usual ones, which carry the instruction out. They are in the dispatcher's table only
 * while a register is watched, so that without watches these exits cost what they did.
 */
#ifndef TRAPLINE_WATCH_MSR_H
#define TRAPLINE_WATCH_MSR_H

#include <stdbool.h>

/* Puts them into the dispatcher's table, or takes them out. */
void watch_msr_handlers(bool on);

#endif
