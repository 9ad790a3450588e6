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
