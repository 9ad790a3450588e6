// SPDX-License-Identifier: MIT
/*
 * Error codes and status registers in words. Each function appends to a text; if there is no explanation it appends
 * nothing.
 */
#ifndef TRAPLINE_EXPLAIN_H
#define TRAPLINE_EXPLAIN_H

#include <trapline/record.h>
#include "hw/x86.h"
#include "trace/decode.h"
#include "trace/text.h"

/*
 * Appends the `why=` of a record.
 *   insn  NULL if the instruction is not known
 */
void explain_cause(struct text *t, const struct trap_record *r, const struct decoded *insn);

/* Appends the `sel=` of #TS, #NP, #SS and #GP with a non-zero error code: SDM vol. 3A 6.13, APM vol. 2 8.4.1. */
void explain_selector(struct text *t, const struct trap_record *r);

/* Appends the `dr6=` of a #DB: SDM vol. 3B 18.2.3, APM vol. 2 13.1.1.3. */
void explain_dr6(struct text *t, const struct trap_record *r);

#endif
