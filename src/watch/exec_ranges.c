// SPDX-License-Identifier: MIT
#include "watch/exec_ranges.h"

/* Sorted; there is a gap between each two. */
static struct watch_range table[EXEC_RANGES_MAX];
static unsigned count;

/* Each new range, and each that is taken away, makes one more at most. */
bool exec_ranges_fit(unsigned n)
{
	return n <= EXEC_RANGES_MAX - count;
}

void exec_ranges_clear(void)
{
	count = 0;
}

unsigned exec_ranges_count(void)
{
	return count;
}

/* The first range that ends at the address or behind it. */
static unsigned find(uint64_t address)
{
	unsigned low = 0, high = count;

	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (table[middle].last < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool exec_ranges_have(uint64_t address)
{
	unsigned i = find(address);

	return i < count && table[i].first <= address;
}

/* Puts `n` ranges in the place of those from `from` to `to`, which is behind them. */
static void replace(unsigned from, unsigned to, const struct watch_range *by, unsigned n)
{
	unsigned rest = count - to;

	if (n > to - from)
		for (unsigned i = rest; i-- > 0;)
			table[from + n + i] = table[to + i];
	else
		for (unsigned i = 0; i < rest; i++)
			table[from + n + i] = table[to + i];
	for (unsigned i = 0; i < n; i++)
		table[from + i] = by[i];
	count = from + n + rest;
}

void exec_ranges_allow(const struct watch_range *r)
{
	struct watch_range all = *r;
	unsigned from = find(r->first ? r->first - 1 : 0), to = from;

	while (to < count && (table[to].first <= r->last || table[to].first == r->last + 1)) {
		if (table[to].first < all.first)
			all.first = table[to].first;
		if (table[to].last > all.last)
			all.last = table[to].last;
		to++;
	}
	if (to - from || count < EXEC_RANGES_MAX)
		replace(from, to, &all, 1);
}

void exec_ranges_forbid(const struct watch_range *r)
{
	struct watch_range left[2];
	unsigned from = find(r->first), to = from, n = 0;

	while (to < count && table[to].first <= r->last)
		to++;
	if (to == from)
		return;
	if (table[from].first < r->first)
		left[n++] = (struct watch_range){table[from].first, r->first - 1};
	if (table[to - 1].last > r->last)
		left[n++] = (struct watch_range){r->last + 1, table[to - 1].last};
	if (count - (to - from) + n <= EXEC_RANGES_MAX)
		replace(from, to, left, n);
}
