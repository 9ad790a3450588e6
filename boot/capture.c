// SPDX-License-Identifier: MIT
/* Loads the capture kernel, its initrd and its boot_params into the capture area, before the guest starts. */
#include <lib/string.h>
#include "capture_plan.h"
#include "loader.h"

#define MIB        0x100000ull
#define FILE_MAX   (1u << 30)
#define BELOW_4G   0x100000000ull
#define PAGE_TABLE 512

/* boot/capture_start.S */
extern const uint8_t capture_start[], capture_start_entry[], capture_start_params[], capture_start_end[];

static struct boot_params_for places;

/* A file in memory of the loader's. */
struct file {
	const char *path;
	UINTN size;
	char *at;
};

static bool fails(const char *path, const char *why)
{
	say("capture: %s: %s; there will be no capture kernel", path, why);
	return false;
}

/* Finds out how long the file is. */
static bool look_at(const struct loader *l, struct file *f)
{
	EFI_STATUS status = file_size(l, f->path, &f->size);

	if (EFI_ERROR(status))
		return fails(f->path, say_status(status));
	return f->size && f->size <= FILE_MAX ? true : fails(f->path, "it is empty, or larger than 1 GiB");
}

static bool read_to(const struct loader *l, const struct file *f, char *to)
{
	CHAR16 wide[LOADER_PATH_MAX];
	UINTN n = 0;
	EFI_STATUS status;

	file_path(wide, f->path);
	status = file_read(l, wide, to, f->size, &n);
	if (EFI_ERROR(status))
		return fails(f->path, say_status(status));
	return n == f->size ? true : fails(f->path, "it cannot be read to its end");
}

static bool read_kernel(const struct loader *l, struct file *f)
{
	EFI_PHYSICAL_ADDRESS at;

	if (!look_at(l, f))
		return false;
	if (EFI_ERROR(BS->AllocatePages(AllocateAnyPages, EfiLoaderData, EFI_SIZE_TO_PAGES(f->size), &at)))
		return fails(f->path, "no memory to read it");
	f->at = (char *)at;
	return read_to(l, f, f->at);
}

/* The firmware's global variable SecureBoot (UEFI specification 3.3). */
static bool is_secure(void)
{
	static EFI_GUID global = EFI_GLOBAL_VARIABLE;
	static CHAR16 name[] = L"SecureBoot";
	UINT8 on = 0;
	UINTN size = sizeof(on);

	return !EFI_ERROR(RT->GetVariable(name, &global, NULL, &size, &on)) && on;
}

/*
 * Trapline starts the kernel without the firmware, so it asks the firmware now: with Secure Boot an image that is loaded has a signature
 * that is trusted (UEFI specification 32.5). The image is not started.
 */
static bool check_signature(const struct loader *l, const struct file *f)
{
	EFI_HANDLE image = NULL;
	CHAR16 wide[LOADER_PATH_MAX];
	EFI_DEVICE_PATH *path;
	EFI_STATUS status;

	if (!is_secure())
		return true;
	file_path(wide, f->path);
	path = FileDevicePath(l->loaded->DeviceHandle, wide);
	status = path ? BS->LoadImage(FALSE, l->image, path, f->at, f->size, &image) : EFI_OUT_OF_RESOURCES;
	if (image)
		BS->UnloadImage(image);
	if (path)
		FreePool(path);
	return EFI_ERROR(status) ? fails(f->path, "Secure Boot refuses it: sign it") : true;
}

/* Takes the area. Linux needs memory that its devices reach with 32 bits, and the start code's tables map as much. */
static bool take_area(
	const struct loader *l, const struct bzimage *b, uint64_t initrd, struct boot_info *info)
{
	uint64_t size = (l->config.capture_mib * MIB + 2 * MIB - 1) & ~(2 * MIB - 1);

	if (size < capture_need(b, initrd)) {
		say("capture_mib too small: needs %u for this kernel and initrd; there will be no capture "
		    "kernel",
			(unsigned)(capture_need(b, initrd) / MIB));
		return false;
	}
	info->capture.base = memory_below(size, b->initrd_limit < BELOW_4G ? b->initrd_limit : BELOW_4G);
	if (!info->capture.base) {
		say("capture: the firmware has no %u MiB in one piece below 4 GiB; there will be no capture "
		    "kernel",
			(unsigned)(size / MIB));
		return false;
	}
	info->capture.size = size;
	memset((void *)info->capture.base, 0, size);
	return true;
}

static void fill_start(uint64_t area)
{
	char *at = (char *)area + CAPTURE_START;
	uint64_t entry = places.kernel + BZIMAGE_ENTRY, zero_page = area + CAPTURE_PARAMS;

	memcpy(at, capture_start, (size_t)(capture_start_end - capture_start));
	memcpy(at + (capture_start_entry - capture_start), &entry, sizeof(entry));
	memcpy(at + (capture_start_params - capture_start), &zero_page, sizeof(zero_page));
	capture_tables((uint64_t(*)[PAGE_TABLE])(area + CAPTURE_TABLES), area + CAPTURE_TABLES, (uint64_t)at);
}

static bool fill_area(const struct loader *l, const struct file *kernel, const struct file *initrd,
	const struct bzimage *b, const struct boot_range *area)
{
	char *cmdline = (char *)area->base + CAPTURE_CMDLINE;

	if (!capture_place(area, b, initrd->size, &places))
		return fails(kernel->path, "the firmware's free memory does not suit it");
	if (!capture_cmdline(cmdline, CAPTURE_CMDLINE_MAX, b, area->base, l->config.capture_options))
		return fails(kernel->path, "capture_options is longer than its command line may be");
	if (initrd->size && !read_to(l, initrd, (char *)places.initrd))
		return false;
	memcpy((void *)places.kernel, kernel->at + b->kernel, b->kernel_size);
	fill_start(area->base);
	boot_params_fill((uint8_t *)area->base + CAPTURE_PARAMS, (const uint8_t *)kernel->at, &places);
	return true;
}

static bool load(const struct loader *l, struct file *kernel, struct file *initrd, struct boot_info *info)
{
	struct bzimage b;
	const char *why;

	if (!read_kernel(l, kernel) || (initrd->path[0] && !look_at(l, initrd)))
		return false;
	why = bzimage_check((const uint8_t *)kernel->at, kernel->size, &b);
	if (why)
		return fails(kernel->path, why);
	return check_signature(l, kernel) && take_area(l, &b, initrd->size, info) &&
	       fill_area(l, kernel, initrd, &b, &info->capture);
}

void capture_load(const struct loader *l, struct boot_info *info)
{
	struct file kernel = {.path = l->config.capture}, initrd = {.path = l->config.capture_initrd};

	if (!kernel.path[0])
		return;
	if (load(l, &kernel, &initrd, info))
		say("capture: %s is ready in %u MiB at 0x%lx", kernel.path,
			(unsigned)(info->capture.size / MIB), (unsigned long)info->capture.base);
	else
		capture_release(info);
	memory_free((uint64_t)kernel.at, kernel.size);
}

void capture_release(struct boot_info *info)
{
	memory_free(info->capture.base, info->capture.size);
	info->capture = (struct boot_range){0};
}

static enum capture_kind kind_of(UINT32 type)
{
	switch (type) {
	case EfiLoaderCode:
	case EfiLoaderData:
	case EfiBootServicesCode:
	case EfiBootServicesData:
	case EfiConventionalMemory:
		return CAPTURE_USABLE;
	case EfiACPIReclaimMemory:
		return CAPTURE_ACPI;
	case EfiACPIMemoryNVS:
		return CAPTURE_NVS;
	default:
		return CAPTURE_RESERVED;
	}
}

static bool fill_memory(const struct boot_range *area)
{
	static struct capture_memory m;
	UINTN count, key, entry;
	UINT32 version;
	char *map = (char *)LibMemoryMap(&count, &key, &entry, &version);

	for (UINTN i = 0; map && i < count; i++) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + i * entry);

		capture_memory_add(
			&m, area, kind_of(d->Type), d->PhysicalStart, d->NumberOfPages * EFI_PAGE_SIZE);
	}
	if (map)
		FreePool(map);
	return map && capture_memory_put(&m, area, (uint8_t *)area->base + CAPTURE_PARAMS);
}

void capture_finish(const struct loader *l, struct boot_info *info)
{
	if (!info->capture.size)
		return;
	boot_params_rsdp((uint8_t *)info->capture.base + CAPTURE_PARAMS, info->acpi_rsdp);
	if (fill_memory(&info->capture))
		return;
	fails(l->config.capture, "the firmware's memory map has too many pieces for it");
	capture_release(info);
}
