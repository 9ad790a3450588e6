// SPDX-License-Identifier: MIT
/* Where things lie in the capture area (boot/capture_layout.h), and what its kernel is told of memory. Pure: tested on the host. */
#ifndef TRAPLINE_CAPTURE_PLAN_H
#define TRAPLINE_CAPTURE_PLAN_H

#include <stddef.h>
#include <boot/capture_layout.h>
#include "bzimage.h"

/* Beyond kernel and initrd: for what Linux allocates until its first program runs, and for that program. */
#define CAPTURE_WORK (64ull << 20)

/* The smallest area for this kernel and an initrd of so many bytes, at most 1 GiB. */
uint64_t capture_need(const struct bzimage *b, uint64_t initrd_size);

/*
 * Places both: the kernel as low as its alignment permits, the initrd at the end.
 *   area  multiples of 2 MiB, below 4 GiB
 * Returns false if they do not fit there.
 */
bool capture_place(const struct boot_range *area, const struct bzimage *b, uint64_t initrd_size,
	struct boot_params_for *out);

/*
 * Writes the command line: what a capture kernel needs, then the operator's options, which win.
 *   max  bytes at `to`
 * Returns false if it does not fit, or is longer than the kernel takes.
 */
bool capture_cmdline(char *to, size_t max, const struct bzimage *b, uint64_t area, const char *options);

/* Page tables that map 4 GiB one to one, except the page at CAPTURE_LINEAR, which is the start code's. */
void capture_tables(uint64_t (*table)[512], uint64_t at, uint64_t start_code);

/* Memory of the capture kernel by type. */
struct capture_memory {
	struct boot_range ranges[E820_TYPES][BOOT_PARAMS_E820];
	uint32_t count[E820_TYPES];
	bool full; /* a range had no room */
};

/* One type of the firmware's map, as the capture kernel sees it. */
enum capture_kind {
	CAPTURE_USABLE,   /* that an operating system may use: the dead guest's */
	CAPTURE_ACPI,     /* tables */
	CAPTURE_NVS,      /* that firmware uses */
	CAPTURE_RESERVED, /* anything else */
};

/*
 * Adds a range of the firmware's map. Usable memory below CAPTURE_LOW_END is the capture kernel's as well, and its other memory is
 * reserved, like the first part of the area.
 */
void capture_memory_add(struct capture_memory *m, const struct boot_range *area, enum capture_kind kind,
	uint64_t base, uint64_t size);

/* Puts all of it, and the area's memory, into boot_params. Returns false if there are too many ranges. */
bool capture_memory_put(
	const struct capture_memory *m, const struct boot_range *area, uint8_t params[BOOT_PARAMS_SIZE]);

#endif
