/* Converts the firmware's memory map for the VMM: RAM only, sorted and merged. */
#include "loader.h"
#include "ranges.h"

/* UEFI specification table 7.6; gnu-efi has no name for it. */
#define PERSISTENT_MEMORY 14

/*
 * Whether a type is memory and not a device, whoever uses it. Reserved memory may be either, and includes the
 * VMM's own region.
 */
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
		uint64_t bytes = d->NumberOfPages * EFI_PAGE_SIZE;
		if (is_ram(d->Type) && d->NumberOfPages)
			left_out += !range_add(
				info->ram, &info->ram_count, BOOT_MAX_RAM, d->PhysicalStart, bytes);
		info->hot_count =
			range_cut(info->hot, info->hot_count, BOOT_MAX_HOT, d->PhysicalStart, bytes);
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
