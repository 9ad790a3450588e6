// SPDX-License-Identifier: MIT
/* Replaces src/trace/decode.c in builds without Zydis: records have no instructions. */
#include "trace/decode.h"

enum decode_result decode(const struct trap_record *r, struct decoded *d)
{
	*d = (struct decoded){0};
	return DECODE_NONE;
}
