// SPDX-License-Identifier: MIT
#include "report/symbols.h"
#include <stddef.h>

/* One function, in the order of addresses. The last entry is the end of the code and has no name. */
struct symbol {
	uint32_t offset; /* from the image's start */
	uint32_t name;   /* in symbol_names */
};

/* build/vmm/symbols.S. Weak, because the first link, from which the table is made, does not have them. */
extern const struct symbol symbol_table[] __attribute__((weak));
extern const char symbol_names[] __attribute__((weak));
extern const uint32_t symbol_count __attribute__((weak));

extern const char image_start[], text_end[]; /* linker.ld */

static uint32_t count(void)
{
	return &symbol_count ? symbol_count : 0;
}

/* The last entry at or below the offset, by binary search: there are a thousand entries. */
static uint32_t last_below(uint32_t offset)
{
	uint32_t low = 0, high = count();

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;

		if (symbol_table[middle].offset <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
}

const char *symbol_find(uint64_t address, uint64_t *offset)
{
	uint32_t at = (uint32_t)(address - (uint64_t)image_start), i;

	if (address < (uint64_t)image_start || address >= (uint64_t)text_end || !count())
		return NULL;
	i = last_below(at);
	if (symbol_table[i].offset > at)
		return NULL;
	*offset = at - symbol_table[i].offset;
	return symbol_names + symbol_table[i].name;
}

/* Adds the name of the function at `within`, and `address` as an offset from its start. */
static void add(struct text *t, uint64_t address, uint64_t within)
{
	uint64_t offset;
	const char *name = symbol_find(within, &offset);

	text_add(t, "0x%llx", (unsigned long long)address);
	if (name)
		text_add(t, " %s+0x%llx", name, (unsigned long long)(offset + address - within));
}

void symbol_add(struct text *t, uint64_t address)
{
	add(t, address, address);
}

void symbol_add_return(struct text *t, uint64_t address)
{
	add(t, address, address - 1);
}
