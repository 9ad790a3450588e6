// SPDX-License-Identifier: MIT
/* Binary search. */
#ifndef DECODE_SEARCH_H
#define DECODE_SEARCH_H

#include <stddef.h>
#include <stdint.h>

/*
 * Returns the first of `count` elements whose number is above `limit`, or `count`.
 *   number   returns the number of element i of `context`; the elements are in the order of their numbers
 */
static inline size_t first_above(
	size_t count, uint64_t limit, uint64_t (*number)(const void *context, size_t i), const void *context)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (number(context, middle) <= limit)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#endif
