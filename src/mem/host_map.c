// SPDX-License-Identifier: MIT
#include "mem/host_map.h"
#include <stddef.h>
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "mem/device_space.h"
#include "mem/layout.h"
#include "mem/paging.h"
#include "mem/pool.h"

/* From linker.ld */
extern char image_start[], text_end[], rodata_end[], image_end[];

static struct page_tables host = {
	.link = PTE_PRESENT | PTE_WRITE, .present = PTE_PRESENT, .alloc = pool_alloc};
static uint64_t image_phys;
static uint64_t top; /* the table at CR3: host.root, or with 5-level paging one above it */
static uint64_t next_stack = STACK_BASE;

uint64_t host_image_phys(const void *virt)
{
	return (uint64_t)virt - VMM_BASE + image_phys;
}

uint64_t host_cr3(void)
{
	return top;
}

static bool map_section(const char *from, const char *to, uint64_t bits)
{
	return paging_map(
		&host, (uint64_t)from, host_image_phys(from), (uint64_t)(to - from), bits | PTE_PRESENT);
}

static bool map_image(void)
{
	return map_section(image_start, text_end, 0) && map_section(text_end, rodata_end, PTE_NX) &&
	       map_section(rodata_end, image_end, PTE_NX | PTE_WRITE);
}

static bool map_guest(uint64_t base, uint64_t size)
{
	return paging_map(&host, GUEST_RAM + base, base, size, PTE_PRESENT | PTE_WRITE | PTE_NX);
}

static bool map_ram(const struct boot_info *info)
{
	for (uint32_t i = 0; i < info->ram_count; i++) {
		const struct boot_range *r = &info->ram[i];

		if (r->base + r->size > GUEST_LIMIT)
			continue;
		if (!map_guest(r->base, r->size))
			return false;
	}
	return true;
}

bool host_map_learn(uint64_t base, uint64_t size)
{
	return base + size <= GUEST_LIMIT && map_guest(base, size);
}

/* The capture area, too, which the VMM writes before the capture kernel starts. */
static bool map_capture(const struct boot_range *area)
{
	return paging_map(
		&host, POOL_BASE + area->base, area->base, area->size, PTE_PRESENT | PTE_WRITE | PTE_NX);
}

/* The black box among it. */
static bool map_pool(const struct boot_info *info)
{
	for (uint32_t i = 0; i < info->piece_count; i++) {
		uint64_t image = i == BOOT_PIECE_IMAGE ? info->image_size : 0,
			 base = info->piece[i].base + image;

		if (!paging_map(&host, POOL_BASE + base, base, info->piece[i].size - image,
			    PTE_PRESENT | PTE_WRITE | PTE_NX))
			return false;
	}
	return true;
}

/* Firmware with 5-level paging leaves it on. The VMM is then reached through the last entry, because its addresses are sign-extended. */
static bool make_top(void)
{
	top = host.root;
	if (!(read_cr4() & CR4_LA57))
		return true;
	top = pool_alloc(1);
	if (top)
		((uint64_t *)top)[511] = host.root | host.link;
	return top;
}

bool host_map_init(const struct boot_info *info)
{
	image_phys = info->piece[BOOT_PIECE_IMAGE].base;
	host.root = pool_alloc(1);
	host.largest = features.huge_pages ? 3 : 2;
	if (!host.root || !map_image() || !map_ram(info) || !map_pool(info) || !map_capture(&info->capture) ||
		!make_top())
		return false;
	/* Identity mapped: these are still the firmware's tables. */
	memcpy((void *)top, (const void *)(read_cr3() & PTE_ADDRESS), PAGE_SIZE / 2);
	host_map_load();
	host.offset = POOL_BASE;
	return true;
}

void host_map_load(void)
{
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_NXE);
	write_cr3(top);
}

void host_map_close(void)
{
	memset(pool_virt(top), 0, PAGE_SIZE / 2);
	write_cr3(top);
}

#define REGISTERS (PTE_PRESENT | PTE_WRITE | PTE_NX | PTE_PCD | PTE_PWT)

volatile void *host_map_device(uint64_t phys, uint64_t size)
{
	static struct device_space space = {DEVICE_BASE};
	uint64_t at = device_space_take(&space, phys, size);

	return at && paging_map(&host, at, phys, size, REGISTERS) ? (volatile void *)at : NULL;
}

/* The windows' tables are allocated here, so that a later change needs no memory. */
bool host_windows_init(void)
{
	return paging_map(&host, WINDOW_BASE, 0, HOST_WINDOWS * PAGE_SIZE, REGISTERS) &&
	       paging_map(&host, WINDOW_BASE, 0, HOST_WINDOWS * PAGE_SIZE, 0);
}

void host_window_map(unsigned window, uint64_t phys)
{
	paging_map(&host, (uint64_t)host_window(window), phys, PAGE_SIZE, REGISTERS);
	invlpg(host_window(window));
}

uint64_t host_map_stack(uint64_t size)
{
	uint64_t pa = pool_alloc(size / PAGE_SIZE), base = next_stack + PAGE_SIZE;

	if (!pa || !paging_map(&host, base, pa, size, PTE_PRESENT | PTE_WRITE | PTE_NX))
		return 0;
	next_stack = base + size;
	return next_stack;
}
