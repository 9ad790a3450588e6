// SPDX-License-Identifier: MIT
/* Converts the firmware's memory map for the VMM: RAM only, sorted and merged. */
#include "loader.h"
#include "ranges.h"

/* UEFI specification table 7.6; gnu-efi has no name for it. */
#define PERSISTENT_MEMORY 14

/* Whether a type is memory, used or not, and not a device. Reserved memory may be either, and includes the VMM's own region. */
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

struct map {
	const char *at;
	UINTN size; /* of an entry */
};

static const EFI_MEMORY_DESCRIPTOR *entry(const struct map *m, uint32_t i)
{
	return (const EFI_MEMORY_DESCRIPTOR *)(m->at + i * m->size);
}

static bool get_ram(const void *map, uint32_t i, struct boot_range *out)
{
	const EFI_MEMORY_DESCRIPTOR *d = entry(map, i);

	*out = (struct boot_range){d->PhysicalStart, d->NumberOfPages * EFI_PAGE_SIZE};
	return is_ram(d->Type) && d->NumberOfPages;
}

/* Memory in the map is already there, so it cannot be plugged in later. */
static void cut_hot(const struct map *m, uint32_t n, struct boot_info *info)
{
	for (uint32_t i = 0; i < n; i++)
		info->hot_count = range_cut(info->hot, info->hot_count, BOOT_MAX_HOT,
			entry(m, i)->PhysicalStart, entry(m, i)->NumberOfPages * EFI_PAGE_SIZE);
}

bool ram_fill(struct boot_info *info)
{
	UINTN count, key;
	UINT32 version;
	struct map m;
	uint32_t left_out;

	m.at = (const char *)LibMemoryMap(&count, &key, &m.size, &version);
	if (!m.at) {
		say("the firmware gives no memory map; booting without Trapline");
		return false;
	}
	left_out = range_add_all(info->ram, &info->ram_count, BOOT_MAX_RAM, get_ram, &m, (uint32_t)count);
	cut_hot(&m, (uint32_t)count, info);
	FreePool((void *)m.at);
	if (left_out)
		say("the memory map has more than %u pieces; %u are not read for the trace", BOOT_MAX_RAM,
			left_out);
	if (info->ram_count) {
		const struct boot_range *last = &info->ram[info->ram_count - 1];
		info->ram_top = last->base + last->size;
	}
	return true;
}
