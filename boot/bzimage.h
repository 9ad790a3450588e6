// SPDX-License-Identifier: MIT
/* Linux' bzImage and boot_params (Documentation/arch/x86/boot.rst, zero-page.rst). Pure: tested on the host. */
#ifndef TRAPLINE_BZIMAGE_H
#define TRAPLINE_BZIMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>

/* Of the 64-bit entry point, from the kernel's address on. */
#define BZIMAGE_ENTRY 0x200

struct bzimage {
	uint64_t kernel;      /* offset in the file of what is loaded */
	uint64_t kernel_size; /* its bytes */
	/* init_size: what the kernel needs from its address on until it has read the memory map */
	uint64_t memory;
	uint64_t alignment;    /* of its address */
	uint64_t cmdline_max;  /* characters of the command line, without the NUL */
	uint64_t initrd_limit; /* the initrd has to end below it */
};

/*
 * Checks a file, any bytes.
 * Returns NULL, or what is wrong, in one line. Then *out is not to be used.
 */
const char *bzimage_check(const uint8_t *file, uint64_t size, struct bzimage *out);

#define E820_RAM      1
#define E820_RESERVED 2
#define E820_ACPI     3
#define E820_NVS      4
#define E820_TYPES    5

#define BOOT_PARAMS_SIZE 4096
#define BOOT_PARAMS_E820 128 /* ranges of memory */

/* What a kernel is told besides its own header. */
struct boot_params_for {
	uint64_t kernel, cmdline, initrd, initrd_size; /* addresses below 4 GiB */
};

/*
 * Fills in boot_params. The memory map is empty.
 *   file  has passed bzimage_check()
 */
void boot_params_fill(uint8_t to[BOOT_PARAMS_SIZE], const uint8_t *file, const struct boot_params_for *f);

/* The address of ACPI's root pointer; 0: none. */
void boot_params_rsdp(uint8_t to[BOOT_PARAMS_SIZE], uint64_t rsdp);

/* Adds ranges of one type to the memory map. Returns false if there is no room for all; then none is added. */
bool boot_params_memory(
	uint8_t to[BOOT_PARAMS_SIZE], const struct boot_range *ranges, uint32_t count, uint32_t type);

#endif
