// SPDX-License-Identifier: MIT
#include "bzimage.h"
#include <lib/string.h>

/* Offsets in the file, and in boot_params as well. */
#define E820_COUNT       0x1e8
#define RSDP             0x070
#define SETUP_SECTS      0x1f1
#define SYSSIZE          0x1f4 /* of the kernel, in units of 16 bytes */
#define BOOT_FLAG        0x1fe
#define HEADER_END       0x201 /* a byte: the header ends so many bytes after 0x202 */
#define MAGIC            0x202
#define VERSION          0x206
#define TYPE_OF_LOADER   0x210
#define LOADFLAGS        0x211
#define CODE32_START     0x214
#define RAMDISK_IMAGE    0x218
#define RAMDISK_SIZE     0x21c
#define CMD_LINE_PTR     0x228
#define INITRD_ADDR_MAX  0x22c
#define KERNEL_ALIGNMENT 0x230
#define RELOCATABLE      0x234
#define XLOADFLAGS       0x236
#define CMDLINE_SIZE     0x238
#define INIT_SIZE        0x260
#define FIELDS_END       0x264 /* of version 2.12 */
#define HEADER_MAX       0x290 /* where boot_params goes on with other things */
#define E820_TABLE       0x2d0
#define E820_ENTRY       20

#define SECTOR           512
#define SECTS_DEFAULT    4 /* 0 means 4 */
#define BOOT_MAGIC       0xaa55
#define HDRS             0x53726448u
#define VERSION_2_12     0x20c
#define LOADED_HIGH      1
#define XLF_KERNEL_64    1
#define XLF_ABOVE_4G     2
#define ALIGNMENT_MIN    4096
#define ALIGNMENT_MAX    0x40000000ull
#define LIMIT_4G         0x100000000ull
#define LOADER_UNDEFINED 0xff

static uint64_t get(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	memcpy(&value, at, bytes);
	return value;
}

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	memcpy(at, &value, bytes);
}

static uint64_t setup_size(const uint8_t *file)
{
	return ((file[SETUP_SECTS] ? file[SETUP_SECTS] : SECTS_DEFAULT) + 1ull) * SECTOR;
}

static uint64_t header_end(const uint8_t *file)
{
	return MAGIC + file[HEADER_END];
}

/* What the boot protocol asks of the kernel. */
static const char *check_protocol(const uint8_t *file)
{
	if (get(file + VERSION, 2) < VERSION_2_12)
		return "its boot protocol is older than 2.12 (Linux 3.8)";
	if (!(file[LOADFLAGS] & LOADED_HIGH))
		return "it is not loaded above 1 MiB (a zImage)";
	if (!(get(file + XLOADFLAGS, 2) & XLF_KERNEL_64))
		return "it has no 64-bit entry point (XLF_KERNEL_64)";
	if (!file[RELOCATABLE])
		return "it is not relocatable (CONFIG_RELOCATABLE)";
	return NULL;
}

/* Values that contradict each other: the file is damaged. */
static const char *check_sizes(const uint8_t *file, uint64_t size, const struct bzimage *b)
{
	if (header_end(file) < FIELDS_END || header_end(file) > HEADER_MAX)
		return "its header has a wrong length";
	if (size <= b->kernel || b->kernel_size <= BZIMAGE_ENTRY)
		return "the file ends before the kernel";
	/* A signature may follow (PE/COFF). */
	if (b->kernel_size < get(file + SYSSIZE, 4) * 16)
		return "the file is shorter than its header says: it is not whole";
	if (b->memory < b->kernel_size)
		return "init_size is smaller than the file";
	if (b->alignment < ALIGNMENT_MIN || b->alignment > ALIGNMENT_MAX || b->alignment & (b->alignment - 1))
		return "its kernel_alignment is no power of two, or out of range";
	if (!b->cmdline_max)
		return "its cmdline_size is 0";
	return NULL;
}

const char *bzimage_check(const uint8_t *file, uint64_t size, struct bzimage *out)
{
	const char *why;

	if (size < HEADER_MAX || get(file + BOOT_FLAG, 2) != BOOT_MAGIC || get(file + MAGIC, 4) != HDRS)
		return "not a bzImage";
	why = check_protocol(file);
	if (why)
		return why;
	*out = (struct bzimage){
		.kernel = setup_size(file),
		.kernel_size = size - setup_size(file),
		.memory = get(file + INIT_SIZE, 4),
		.alignment = get(file + KERNEL_ALIGNMENT, 4),
		.cmdline_max = get(file + CMDLINE_SIZE, 4),
		.initrd_limit = get(file + XLOADFLAGS, 2) & XLF_ABOVE_4G ? LIMIT_4G
									 : get(file + INITRD_ADDR_MAX, 4) + 1,
	};
	return check_sizes(file, size, out);
}

void boot_params_fill(uint8_t to[BOOT_PARAMS_SIZE], const uint8_t *file, const struct boot_params_for *f)
{
	memset(to, 0, BOOT_PARAMS_SIZE);
	memcpy(to + SETUP_SECTS, file + SETUP_SECTS, header_end(file) - SETUP_SECTS);
	to[TYPE_OF_LOADER] = LOADER_UNDEFINED;
	put(to + CODE32_START, f->kernel, 4);
	put(to + CMD_LINE_PTR, f->cmdline, 4);
	put(to + RAMDISK_IMAGE, f->initrd_size ? f->initrd : 0, 4);
	put(to + RAMDISK_SIZE, f->initrd_size, 4);
}

void boot_params_rsdp(uint8_t to[BOOT_PARAMS_SIZE], uint64_t rsdp)
{
	put(to + RSDP, rsdp, 8);
}

bool boot_params_memory(
	uint8_t to[BOOT_PARAMS_SIZE], const struct boot_range *ranges, uint32_t count, uint32_t type)
{
	uint8_t *used = to + E820_COUNT, *at = to + E820_TABLE + E820_ENTRY * *used;

	if (count > BOOT_PARAMS_E820 - (uint32_t)*used)
		return false;
	for (uint32_t i = 0; i < count; i++, at += E820_ENTRY) {
		put(at, ranges[i].base, 8);
		put(at + 8, ranges[i].size, 8);
		put(at + 16, type, 4);
	}
	*used = (uint8_t)(*used + count);
	return true;
}
