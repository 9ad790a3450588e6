// SPDX-License-Identifier: MIT
/* System Resource Affinity Table, ACPI specification 6.5, 5.2.16. */
#include "srat.h"
#include <lib/string.h>

#define UNIT          0x200000ull
#define ROUND_UP(n)   (((n) + UNIT - 1) & ~(UNIT - 1))
#define ROUND_DOWN(n) ((n) & ~(UNIT - 1))

enum {
	SRAT_ENTRIES = 48,
	ENTRY_TYPE = 0,
	ENTRY_LENGTH = 1,
	MEMORY_BASE = 8, /* memory affinity structure, 5.2.16.2 */
	MEMORY_SIZE = 16,
	MEMORY_FLAGS = 28,
	MEMORY_LENGTH = 40
};

#define TYPE_MEMORY   1
#define FLAG_ENABLED  (1u << 0)
#define FLAG_HOT_PLUG (1u << 1)
#define ADDRESS_LIMIT                                                                                        \
	(1ull << 46) /* GUEST_LIMIT of src/mem/layout.h: the highest address that Trapline can read */

static uint64_t get(const uint8_t *p, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, p, size);
	return v;
}

/* Returns whether the entry has a range that is not empty and not beyond ADDRESS_LIMIT. */
static int read_memory(const uint8_t *entry, struct boot_range *out)
{
	uint64_t flags = get(entry + MEMORY_FLAGS, 4), base = get(entry + MEMORY_BASE, 8),
		 size = get(entry + MEMORY_SIZE, 8);

	if (!(flags & FLAG_ENABLED) || !(flags & FLAG_HOT_PLUG) || base >= ADDRESS_LIMIT ||
		size > ADDRESS_LIMIT - base)
		return 0;
	out->base = ROUND_UP(base);
	if (ROUND_DOWN(base + size) <= out->base)
		return 0;
	out->size = ROUND_DOWN(base + size) - out->base;
	return 1;
}

uint32_t srat_hot(const uint8_t *table, size_t length, struct boot_range *out, uint32_t max)
{
	uint32_t count = 0;
	size_t step;

	for (size_t at = SRAT_ENTRIES; at + 2 <= length && count < max; at += step) {
		const uint8_t *entry = table + at;

		step = entry[ENTRY_LENGTH];
		if (step < 2 || step > length - at)
			break;
		if (entry[ENTRY_TYPE] == TYPE_MEMORY && step >= MEMORY_LENGTH)
			count += (uint32_t)read_memory(entry, &out[count]);
	}
	return count;
}
