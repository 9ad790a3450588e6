// SPDX-License-Identifier: MIT
#include "exit/merge.h"
#include "trace/vector.h"

static enum vector_class event_class(const struct event *e)
{
	if (!e->valid || e->type != TRAP_TYPE_EXCEPTION || e->vector >= VECTOR_COUNT)
		return CLASS_BENIGN;
	return vector_table[e->vector].class;
}

/* SDM vol. 3A table 6-5 row by row, and the text below it about shutdown. */
enum merge_result merge_events(const struct event *during, const struct event *now)
{
	/* clang-format off */
	static const enum merge_result table[4][4] = {
		[CLASS_CONTRIBUTORY] = {
			[CLASS_CONTRIBUTORY] = MERGE_DOUBLE_FAULT,
		},
		[CLASS_PAGE_FAULT] = {
			[CLASS_CONTRIBUTORY] = MERGE_DOUBLE_FAULT,
			[CLASS_PAGE_FAULT]   = MERGE_DOUBLE_FAULT,
		},
		[CLASS_DOUBLE_FAULT] = {
			[CLASS_CONTRIBUTORY] = MERGE_TRIPLE_FAULT,
			[CLASS_PAGE_FAULT]   = MERGE_TRIPLE_FAULT,
		},
	};
	/* clang-format on */
	_Static_assert(MERGE_DELIVER == 0, "what the table leaves out is delivered");

	return table[event_class(during)][event_class(now)];
}
