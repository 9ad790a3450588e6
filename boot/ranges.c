// SPDX-License-Identifier: MIT
#include "ranges.h"
#include <lib/string.h>

#define UNIT          0x200000ull
#define ROUND_UP(n)   (((n) + UNIT - 1) & ~(UNIT - 1))
#define ROUND_DOWN(n) ((n) & ~(UNIT - 1))

static uint64_t end_of(const struct boot_range *r)
{
	return r->base + r->size;
}

/* Joins range i with the following ranges that it touches. */
static void join(struct boot_range *ranges, uint32_t *count, uint32_t i)
{
	struct boot_range *r = &ranges[i];

	while (i + 1 < *count && r[1].base <= end_of(r)) {
		if (end_of(&r[1]) > end_of(r))
			r->size = end_of(&r[1]) - r->base;
		--*count;
		memmove(r + 1, r + 2, (*count - i - 1) * sizeof(*r));
	}
}

bool range_add(struct boot_range *ranges, uint32_t *count, uint32_t max, uint64_t base, uint64_t size)
{
	uint32_t i = 0;

	while (i < *count && end_of(&ranges[i]) < base)
		i++;
	if (i < *count &&
		ranges[i].base <=
			base + size) { /* it touches range i: extend that, because a full list would refuse a new one */
		uint64_t end = base + size > end_of(&ranges[i]) ? base + size : end_of(&ranges[i]);

		ranges[i].base = base < ranges[i].base ? base : ranges[i].base;
		ranges[i].size = end - ranges[i].base;
	} else {
		if (*count == max)
			return false;
		memmove(&ranges[i + 1], &ranges[i], (*count - i) * sizeof(*ranges));
		ranges[i] = (struct boot_range){base, size};
		++*count;
	}
	join(ranges, count, i);
	return true;
}

static uint32_t add_each(struct boot_range *ranges, uint32_t *count, uint32_t max, range_get get,
	const void *context, uint32_t n)
{
	uint32_t left_out = 0;
	struct boot_range r;

	for (uint32_t i = 0; i < n; i++)
		if (get(context, i, &r))
			left_out += !range_add(ranges, count, max, r.base, r.size);
	return left_out;
}

/* Adding a range that is already there changes nothing. */
uint32_t range_add_all(struct boot_range *ranges, uint32_t *count, uint32_t max, range_get get,
	const void *context, uint32_t n)
{
	uint32_t before, left_out = add_each(ranges, count, max, get, context, n);

	do {
		before = left_out;
		if (left_out)
			left_out = add_each(ranges, count, max, get, context, n);
	} while (left_out < before);
	return left_out;
}

static void drop(struct boot_range *ranges, uint32_t *count, uint32_t i)
{
	ranges[i] = ranges[--*count];
}

/* Removes [from, to) from range i. */
static void cut_one(
	struct boot_range *ranges, uint32_t *count, uint32_t max, uint32_t i, uint64_t from, uint64_t to)
{
	struct boot_range *r = &ranges[i];
	struct boot_range below = {r->base, from > r->base ? from - r->base : 0},
			  above = {to, to < r->base + r->size ? r->base + r->size - to : 0};

	if (!below.size && !above.size) {
		drop(ranges, count, i);
		return;
	}
	*r = below.size > above.size ? below : above;
	if (below.size && above.size && *count < max)
		ranges[(*count)++] = below.size > above.size ? above : below;
}

uint32_t range_cut(struct boot_range *ranges, uint32_t count, uint32_t max, uint64_t base, uint64_t size)
{
	uint64_t from = ROUND_DOWN(base), to = ROUND_UP(base + size);

	for (uint32_t i = count; i--;)
		if (size && ranges[i].base < to && from < ranges[i].base + ranges[i].size)
			cut_one(ranges, &count, max, i, from, to);
	return count;
}

uint64_t range_fit(uint64_t base, uint64_t bytes, uint64_t size, uint64_t limit)
{
	uint64_t end = bytes > UINT64_MAX - base ? UINT64_MAX : base + bytes, at;

	if (end > limit)
		end = limit;
	if (end < size)
		return 0;
	at = ROUND_DOWN(end - size);
	return at >= base ? at : 0;
}
