// SPDX-License-Identifier: MIT
#include "budget.h"
#include <boot/blackbox_layout.h>

#define KIB  0x400ull
#define MIB  0x100000ull
#define GIB  0x40000000ull
#define PAGE 4096ull

#define RING_USUAL  4096
#define RINGS_USUAL (64 * MIB / 256) /* records of all CPUs together */
/* Per CPU: 80 KiB of stacks; 32 KiB of struct cpu, the APIC's stores and the vendor's pages; the rest for APICs that are moved. */
#define A_CPU (160 * KIB)
/*
 * Second-level tables that hide one MiB of the VMM's memory. It is hidden page by page, which takes one table for 2 MiB. No table is
 * shared, because the memory's pieces are whole units of 2 MiB (boot/pieces.h).
 */
#define A_HIDDEN_MIB (PAGE / 2)

uint32_t budget_ring(uint32_t asked, uint32_t cpus)
{
	uint32_t ring = RING_USUAL;

	while (ring > BUDGET_RING_MIN && (uint64_t)ring * cpus > RINGS_USUAL)
		ring /= 2;
	return asked ? asked : ring;
}

/* For each GiB of memory that may be hot-added: one page table of the VMM and one of the second level. */
static uint64_t hot_tables(const struct boot_info *info)
{
	uint64_t tables = 0;

	for (uint32_t n = 0; n < info->hot_count; n++)
		tables += 2 * (info->hot[n].size / GIB + 2);
	return tables * PAGE;
}

uint64_t budget_pool(const struct trapline_config *c, const struct boot_info *info)
{
	uint64_t cpus = info->cpus * A_CPU, buffer = c->copy_buffer * MIB;
	uint64_t capture = c->capture[0] ? (c->capture_mib + 2) * MIB : 0;
	uint64_t hidden = (cpus + buffer + budget_box(c, info->cpus) + capture) / MIB * A_HIDDEN_MIB;

	return 5 * MIB + cpus + buffer + hidden + hot_tables(info) + info->names_size;
}

uint64_t budget_box(const struct trapline_config *c, uint32_t cpus)
{
	uint64_t a_cpu = blackbox_part(c->ring, c->history).size;

	return blackbox_core_at(blackbox_rings_at(c->history), cpus, a_cpu) + c->core_kib * KIB;
}
