// SPDX-License-Identifier: MIT
#include "stage2/taken.h"
#include <stddef.h>
#include "lib/string.h"
#include "mem/layout.h"

static struct taken_list {
	struct stage2_range range[STAGE2_RANGES];
	unsigned count;
} lists[2];
static unsigned now; /* the list that is valid */

unsigned stage2_taken(uint64_t gpa)
{
	uint64_t page = gpa & ~(PAGE_SIZE - 1);
	const struct taken_list *l = &lists[now];
	unsigned rights = 0;

	for (unsigned i = 0; i < l->count; i++)
		if (page >= l->range[i].first && page <= l->range[i].last)
			rights |= l->range[i].rights;
	return rights;
}

unsigned stage2_taken_swap(const struct stage2_range *list, unsigned n)
{
	struct taken_list *next = &lists[!now];

	if (n)
		memcpy(next->range, list, n * sizeof(*list));
	next->count = n;
	now = !now;
	return lists[!now].count;
}

void stage2_taken_drop(void)
{
	lists[now].count = 0;
}

const struct stage2_range *stage2_taken_before(unsigned i)
{
	return &lists[!now].range[i];
}

const struct stage2_range *stage2_taken_range(unsigned i)
{
	return i < lists[now].count ? &lists[now].range[i] : NULL;
}
