// SPDX-License-Identifier: MIT
#include "exit/watch_memory.h"
#include <stddef.h>
#include "watch/watch.h"

const char *watch_memory_changed(struct cpu *cpu)
{
	return watch_any_memory() ? "memory cannot be watched yet: reg NAME or msr NUMBER" : NULL;
}
