/* Error codes and status registers in words. Each function appends to a text, or nothing when there is
 * nothing to say. */
#ifndef TRAPLINE_EXPLAIN_H
#define TRAPLINE_EXPLAIN_H

#include <trapline/record.h>
#include "hw/x86.h"
#include "trace/decode.h"
#include "trace/text.h"

/* The `why=` of a record. `insn` is NULL when the instruction is not known. */
void explain_cause(struct text *t, const struct trap_record *r, const struct decoded *insn);

/* The `sel=` of #TS, #NP, #SS and #GP with an error code other than 0: SDM vol. 3A 6.13, APM vol. 2 8.4.1. */
void explain_selector(struct text *t, const struct trap_record *r);

/* The `dr6=` of a #DB: SDM vol. 3B 18.2.3, APM vol. 2 13.1.1.3. */
void explain_dr6(struct text *t, const struct trap_record *r);

#endif
