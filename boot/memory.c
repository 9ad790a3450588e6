// SPDX-License-Identifier: MIT
/* Memory for the VMM, and the page tables of its first call. */
#include <lib/string.h>
#include "hw/x86.h"
#include "loader.h"
#include "hw/asm.h"
#include "pieces.h"
#include "ranges.h"
#include "transition.h"

#define MIB      0x100000ull
#define BELOW_4G 0xffffffffull
#define FIRST_PIECE                                                                                          \
	(8 * MIB) /* the image, and what is larger than a few pages; copy buffer and names come on top */

void memory_free(uint64_t base, uint64_t size)
{
	if (base && size)
		BS->FreePages(base, EFI_SIZE_TO_PAGES(size));
}

/* The firmware's memory map, as GetMemoryMap() returns it. */
struct map {
	char *at;
	UINTN count, entry;
};

/* Memory for a special purpose (EFI_MEMORY_SP) belongs to a device or its driver: UEFI specification 7.2, GetMemoryMap(). */
#define SPECIAL_PURPOSE 0x40000ull

/* The highest free address for `size` bytes that end below `limit`; 0: there is none. */
static uint64_t free_place(const struct map *m, uint64_t size, uint64_t limit)
{
	uint64_t best = 0;

	for (UINTN i = 0; i < m->count; i++) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(m->at + i * m->entry);
		uint64_t at = range_fit(d->PhysicalStart, d->NumberOfPages * EFI_PAGE_SIZE, size, limit);

		if (d->Type == EfiConventionalMemory && !(d->Attribute & SPECIAL_PURPOSE) && at > best)
			best = at;
	}
	return best;
}

/*
 * Places memory so that the black box is where the next start searches, with `before` bytes in front of it. Returns its address;
 * 0 if every place is taken.
 */
static uint64_t at_place(const struct loader *l, uint64_t before, uint64_t box)
{
	uint64_t place;

	for (unsigned n = 0; (place = blackbox_place(l, n)); n++) {
		EFI_PHYSICAL_ADDRESS base = place - before;

		if (place > before && !EFI_ERROR(BS->AllocatePages(AllocateAddress, EfiReservedMemoryType,
					      EFI_SIZE_TO_PAGES(before + box), &base)))
			return base;
	}
	return 0;
}

#define PLACES_TRIED 64

/* Tries free memory downwards from `limit`: the firmware may refuse an address that its map shows as free. */
static uint64_t region_below(const struct map *m, uint64_t size, uint64_t limit)
{
	EFI_PHYSICAL_ADDRESS base = free_place(m, size, limit);

	for (unsigned n = 0; base && n < PLACES_TRIED; n++) {
		if (!EFI_ERROR(BS->AllocatePages(
			    AllocateAddress, EfiReservedMemoryType, EFI_SIZE_TO_PAGES(size), &base)))
			return base;
		base = free_place(m, size, base + size - 1);
	}
	return 0;
}

/*
 * The loader chooses the address itself: with AllocateMaxAddress some firmware makes untested memory usable before it fails, and counts
 * its allocations in variables. No operating system uses EfiReservedMemoryType, before or after ExitBootServices() (UEFI
 * specification 7.2, table 7.6).
 */
uint64_t memory_below(uint64_t size, uint64_t limit)
{
	struct map m;
	UINTN key;
	UINT32 version;
	uint64_t base = 0;

	m.at = (char *)LibMemoryMap(&m.count, &key, &m.entry, &version);
	if (m.at) {
		base = region_below(&m, size, limit);
		FreePool(m.at);
	}
	return base;
}

/* Memory below 4 GiB first, because every firmware maps it. */
static uint64_t region_anywhere(void *unused, uint64_t size)
{
	uint64_t base = memory_below(size, BELOW_4G);

	return base ? base : memory_below(size, UINT64_MAX);
}

static void give_region(void *unused, uint64_t base, uint64_t size)
{
	memory_free(base, size);
}

/* Image and pool, beside a black box that is there. */
static bool take_pool(const struct loader *l, uint64_t size, struct boot_info *info)
{
	static const struct piece_source source = {.take = region_anywhere, .give = give_region};
	struct boot_range piece[BOOT_MAX_PIECES - 1];
	uint64_t first = FIRST_PIECE + l->config.copy_buffer * MIB + info->names_size;
	uint32_t n = pieces_take(&source, size, first, piece, BOOT_MAX_PIECES - 1);

	if (!n)
		return false;
	info->piece_count = n + 1;
	info->piece[BOOT_PIECE_IMAGE] = piece[0];
	memcpy(&info->piece[BOOT_PIECE_MORE], &piece[1], (n - 1) * sizeof(*piece));
	return true;
}

static void clear(const struct boot_info *info)
{
	for (uint32_t n = 0; n < info->piece_count; n++)
		memset((void *)info->piece[n].base, 0, info->piece[n].size);
}

static bool take_apart(const struct loader *l, uint64_t pool, uint64_t box, struct boot_info *info)
{
	uint64_t place = at_place(l, 0, box), base = place ? place : region_anywhere(NULL, box);

	if (!base)
		return false;
	if (!take_pool(l, pool, info)) {
		memory_free(base, box);
		return false;
	}
	info->piece[BOOT_PIECE_BOX] = (struct boot_range){base, box};
	if (!place && l->config.blackbox)
		say("black box: no memory free at its places: this run's records will not survive a "
		    "reset");
	return true;
}

bool memory_take(const struct loader *l, uint64_t pool, uint64_t box, struct boot_info *info)
{
	uint64_t whole = at_place(l, pool, box);

	if (whole) {
		info->piece_count = 2;
		info->piece[BOOT_PIECE_IMAGE] = (struct boot_range){whole, pool};
		info->piece[BOOT_PIECE_BOX] = (struct boot_range){whole + pool, box};
	} else if (!take_apart(l, pool, box, info)) {
		return false;
	}
	clear(info);
	return true;
}

uint64_t memory_transition(uint64_t region, uint64_t size, uint64_t *tables)
{
	const uint64_t *firmware = (const uint64_t *)(read_cr3() & PTE_ADDRESS), *top;
	EFI_STATUS status = BS->AllocatePages(AllocateAnyPages, EfiLoaderData, TRANSITION_PAGES, tables);

	if (EFI_ERROR(status)) {
		*tables = 0;
		say("no memory for page tables (%s); booting without Trapline", say_status(status));
		return 0;
	}
	top = transition_fill((uint64_t(*)[512]) * tables, firmware, read_cr4() & CR4_LA57, region, size);
	if (!top)
		say("the firmware's page tables use the top of the address space, where Trapline has to be; "
		    "booting without Trapline");
	return (uint64_t)top;
}
