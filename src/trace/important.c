// SPDX-License-Identifier: MIT
#include "trace/important.h"

bool trap_is_important(const struct trap_record *r)
{
	if (r->type != TRAP_TYPE_EXCEPTION)
		return false;
#define X(name, condition, which, why)                                                                       \
	if (condition)                                                                                       \
		return true;
	IMPORTANT_RULES(X)
#undef X
	return false;
}

bool trap_may_be_mended(const struct trap_record *r)
{
	return r->type == TRAP_TYPE_EXCEPTION && r->vector == VEC_PF && r->cpl < 3 &&
	       r->cr2 & IMPORTANT_UPPER && !(r->error_code & (PF_P | PF_RSVD)) &&
	       !(r->flags & (TRAP_DOUBLED | TRAP_TRIPLED));
}
