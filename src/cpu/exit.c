// SPDX-License-Identifier: MIT
#include "cpu/exit.h"

static const char *const names[EXIT_KIND_COUNT] = {
#define EXIT_KIND(kind, name, handler, what, switches, stays) [kind] = name,
#include "cpu/exit_kinds.def"
};

const char *exit_kind_name(enum exit_kind kind)
{
	return names[kind];
}
