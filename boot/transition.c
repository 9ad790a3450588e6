// SPDX-License-Identifier: MIT
#include "transition.h"
#include <boot/boot_info.h>
#include <lib/string.h>
#include "hw/x86.h"

#define TABLE_SIZE     4096
#define LARGE_PAGE     0x200000ull
#define GIB            0x40000000ull
#define PML5_INDEX(va) ((va) >> 48 & 511)
#define PML4_INDEX(va) ((va) >> 39 & 511)
#define PDPT_INDEX(va) ((va) >> 30 & 511)

enum {
	PML4,
	PDPT,
	PD,
	PML5
};

static uint64_t link_to(const uint64_t *table)
{
	return (uint64_t)table | PTE_PRESENT | PTE_WRITE;
}

/* The firmware's PML4 that covers VMM_BASE; NULL if there is none. */
static const uint64_t *firmware_pml4(const uint64_t *top, bool five)
{
	uint64_t entry = top[PML5_INDEX(VMM_BASE)];

	if (!five)
		return top;
	return entry & PTE_PRESENT ? (const uint64_t *)(entry & PTE_ADDRESS) : NULL;
}

/* One page directory is enough: the image is far smaller than 1 GiB, and the VMM maps the pool itself. */
static void map_region(uint64_t *pd, uint64_t region, uint64_t size)
{
	memset(pd, 0, TABLE_SIZE);
	for (uint64_t at = 0; at < size && at < GIB; at += LARGE_PAGE)
		pd[at / LARGE_PAGE] = (region + at) | PTE_PRESENT | PTE_WRITE | PTE_LARGE;
}

static void copy_table(uint64_t *to, const uint64_t *from)
{
	if (from)
		memcpy(to, from, TABLE_SIZE);
	else
		memset(to, 0, TABLE_SIZE);
}

uint64_t *transition_fill(
	uint64_t (*tables)[512], const uint64_t *firmware, bool five, uint64_t region, uint64_t size)
{
	const uint64_t *pml4 = firmware_pml4(firmware, five);

	if (pml4 && pml4[PML4_INDEX(VMM_BASE)] & PTE_PRESENT)
		return NULL;
	map_region(tables[PD], region, size);
	memset(tables[PDPT], 0, TABLE_SIZE);
	tables[PDPT][PDPT_INDEX(VMM_BASE)] = link_to(tables[PD]);
	copy_table(tables[PML4], pml4);
	tables[PML4][PML4_INDEX(VMM_BASE)] = link_to(tables[PDPT]);
	if (!five)
		return tables[PML4];
	copy_table(tables[PML5], firmware);
	tables[PML5][PML5_INDEX(VMM_BASE)] = link_to(tables[PML4]);
	return tables[PML5];
}
