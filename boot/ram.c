/* The firmware's memory map as the VMM wants it: what is RAM, sorted and merged. */
#include <lib/string.h>
#include "loader.h"

/* UEFI specification table 7.6; gnu-efi has no name for it. */
#define PERSISTENT_MEMORY 14

/* What is memory and not a device, whoever uses it. Reserved memory may be either, and our own region is
 * among it. */
static bool is_ram(UINT32 type)
{
	switch (type) {
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiRuntimeServicesCode:
	case EfiRuntimeServicesData:
	case EfiConventionalMemory:
	case EfiACPIReclaimMemory:
	case EfiACPIMemoryNVS:
	case PERSISTENT_MEMORY:
		return true;
	default:
		return false;
	}
}

/* Joins range i with the one before it where they touch. */
static void merge(struct boot_info *info, uint32_t i)
{
	if (i == 0 || i >= info->ram_count)
		return;
	struct boot_range *r = &info->ram[i];
	if (r[-1].base + r[-1].size < r->base)
		return;
	uint64_t end = r->base + r->size, before = r[-1].base + r[-1].size;
	r[-1].size = (end > before ? end : before) - r[-1].base;
	info->ram_count--;
	memmove(r, r + 1, (info->ram_count - i) * sizeof(*r));
}

/* The map need not be sorted (UEFI specification 7.2, GetMemoryMap()). Returns false where the table is full.
 */
static bool add(struct boot_info *info, uint64_t base, uint64_t size)
{
	uint32_t i = info->ram_count;

	/* Most ranges touch the last one: no new row for them, or a map of many rows would not fit. */
	if (i && info->ram[i - 1].base + info->ram[i - 1].size == base) {
		info->ram[i - 1].size += size;
		return true;
	}
	if (info->ram_count == BOOT_MAX_RAM)
		return false;
	for (; i && info->ram[i - 1].base > base; i--)
		info->ram[i] = info->ram[i - 1];
	info->ram[i] = (struct boot_range){base, size};
	info->ram_count++;
	merge(info, i + 1);
	merge(info, i);
	return true;
}

bool ram_fill(struct boot_info *info)
{
	UINTN count, key, size, left_out = 0;
	UINT32 version;
	char *map = (char *)LibMemoryMap(&count, &key, &size, &version);

	if (!map) {
		say("the firmware gives no memory map; booting without Trapline");
		return false;
	}
	for (UINTN i = 0; i < count; i++) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + i * size);
		if (is_ram(d->Type) && d->NumberOfPages)
			left_out += !add(info, d->PhysicalStart, d->NumberOfPages * EFI_PAGE_SIZE);
	}
	FreePool(map);
	if (left_out)
		say("the memory map has more than %u pieces; %lu are not read for the trace", BOOT_MAX_RAM,
			left_out);
	if (info->ram_count) {
		const struct boot_range *last = &info->ram[info->ram_count - 1];
		info->ram_top = last->base + last->size;
	}
	return true;
}
