// SPDX-License-Identifier: MIT
#include "capture_plan.h"
#include <lib/printf.h>
#include <lib/string.h>
#include "hw/x86.h"
#include "ranges.h"

#define PAGE       4096ull
#define LARGE_PAGE 0x200000ull
/* Linux moves a kernel that lies lower than its LOAD_PHYSICAL_ADDR up to there, onto what is there. */
#define KERNEL_LOWEST 0x1000000ull

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) & ~(unit - 1);
}

uint64_t capture_need(const struct bzimage *b, uint64_t initrd_size)
{
	uint64_t aligning = b->alignment > CAPTURE_RAM ? b->alignment : 0;

	return round_up(
		CAPTURE_RAM + aligning + b->memory + round_up(initrd_size, PAGE) + CAPTURE_WORK, LARGE_PAGE);
}

bool capture_place(const struct boot_range *area, const struct bzimage *b, uint64_t initrd_size,
	struct boot_params_for *out)
{
	uint64_t end = area->base + area->size;

	if (end > b->initrd_limit || area->base < KERNEL_LOWEST || area->size < capture_need(b, initrd_size))
		return false;
	out->kernel = round_up(area->base + CAPTURE_RAM, b->alignment);
	out->cmdline = area->base + CAPTURE_CMDLINE;
	out->initrd = (end - initrd_size) & ~(PAGE - 1);
	out->initrd_size = initrd_size;
	return true;
}

/*
 * As kexec-tools and kdump-tools do: one CPU, interrupts that nobody expects are polled for, drivers reset their devices. The ELF
 * header makes /proc/vmcore.
 */
bool capture_cmdline(char *to, size_t max, const struct bzimage *b, uint64_t area, const char *options)
{
	int n = snprintf(to, max, "elfcorehdr=0x%lx nr_cpus=1 irqpoll reset_devices%s%s",
		(unsigned long)(area + CAPTURE_CORE), *options ? " " : "", options);

	return n >= 0 && (size_t)n < max && (uint64_t)n <= b->cmdline_max;
}

void capture_tables(uint64_t (*table)[512], uint64_t at, uint64_t start_code)
{
	uint64_t *pml4 = table[0], *pdpt = table[1], *pt = table[6], bits = PTE_PRESENT | PTE_WRITE;

	memset(table, 0, CAPTURE_TABLE_PAGES * PAGE);
	pml4[0] = (at + PAGE) | bits;
	for (uint64_t i = 0; i < 4; i++)
		pdpt[i] = (at + (2 + i) * PAGE) | bits;
	for (uint64_t i = 0; i < 4ull * 512; i++)
		table[2 + i / 512][i % 512] = i * LARGE_PAGE | bits | PTE_LARGE;
	table[2][0] = (at + 6 * PAGE) | bits;
	for (uint64_t i = 0; i < 512; i++)
		pt[i] = i * PAGE | bits;
	pt[CAPTURE_LINEAR / PAGE] = start_code | bits;
}

static void add(struct capture_memory *m, uint32_t type, uint64_t from, uint64_t to)
{
	if (from < to && !range_add(m->ranges[type], &m->count[type], BOOT_PARAMS_E820, from, to - from))
		m->full = true;
}

/* Everything but the area's memory, which firmware calls reserved. */
static void add_reserved(struct capture_memory *m, const struct boot_range *area, uint64_t from, uint64_t to)
{
	uint64_t ram = area->base + CAPTURE_RAM, end = area->base + area->size;

	add(m, E820_RESERVED, from, to < ram ? to : ram);
	add(m, E820_RESERVED, from > end ? from : end, to);
}

void capture_memory_add(struct capture_memory *m, const struct boot_range *area, enum capture_kind kind,
	uint64_t base, uint64_t size)
{
	uint64_t end = size > UINT64_MAX - base ? UINT64_MAX : base + size;

	if (kind == CAPTURE_ACPI || kind == CAPTURE_NVS) {
		add(m, kind == CAPTURE_ACPI ? E820_ACPI : E820_NVS, base, end);
		return;
	}
	if (kind == CAPTURE_USABLE && base < CAPTURE_LOW_END) {
		uint64_t low = end < CAPTURE_LOW_END ? end : CAPTURE_LOW_END;

		add(m, E820_RAM, base, low);
		base = low;
	}
	add_reserved(m, area, base, end);
}

bool capture_memory_put(
	const struct capture_memory *m, const struct boot_range *area, uint8_t params[BOOT_PARAMS_SIZE])
{
	struct boot_range own = {area->base + CAPTURE_RAM, area->size - CAPTURE_RAM};

	for (uint32_t type = E820_RAM; type < E820_TYPES; type++)
		if (!boot_params_memory(params, m->ranges[type], m->count[type], type))
			return false;
	return !m->full && boot_params_memory(params, &own, 1, E820_RAM);
}
