/* Error codes and status registers in words. Each function appends to a text, or nothing when there is
 * nothing to say. */
#ifndef TRAPLINE_EXPLAIN_H
#define TRAPLINE_EXPLAIN_H

#include <trapline/record.h>
#include "trace/decode.h"
#include "trace/text.h"

/*
 * Page-fault error code: SDM vol. 3A 4.7 figure 4-12, APM vol. 2 8.4.2.
 * X(mask, name, meaning)
 */
/* clang-format off */
#define PF_BITS(X)                                                                                           \
	X(0x00000001, PF_P,    "the page was present: a right was missing")                                  \
	X(0x00000002, PF_W,    "write")                                                                      \
	X(0x00000004, PF_U,    "user-mode access")                                                           \
	X(0x00000008, PF_RSVD, "a reserved bit is set in an entry")                                          \
	X(0x00000010, PF_I,    "instruction fetch")                                                          \
	X(0x00000020, PF_PK,   "refused by the protection key")                                              \
	X(0x00000040, PF_SS,   "shadow-stack access")                                                        \
	X(0x00000080, PF_HLAT, "met while walking the HLAT tables")                                          \
	X(0x00008000, PF_SGX,  "refused by SGX")                                                             \
	X(0x80000000, PF_RMP,  "AMD: refused by the reverse map table")
/* clang-format on */

#define X(mask, name, meaning) name = mask,
enum pf_bits {
	PF_BITS(X)
};
#undef X

/* The `why=` of a record. `insn` is NULL when the instruction is not known. */
void explain_cause(struct text *t, const struct trap_record *r, const struct decoded *insn);

/* In the error code of #TS, #NP, #SS and #GP: the index is a vector. SDM vol. 3A 6.13 */
#define ERROR_IDT 0x2

/* The `sel=` of #TS, #NP, #SS and #GP with an error code other than 0: SDM vol. 3A 6.13, APM vol. 2 8.4.1. */
void explain_selector(struct text *t, const struct trap_record *r);

/* The `dr6=` of a #DB: SDM vol. 3B 18.2.3, APM vol. 2 13.1.1.3. */
void explain_dr6(struct text *t, const struct trap_record *r);

#endif
