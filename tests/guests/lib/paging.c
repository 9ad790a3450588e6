// SPDX-License-Identifier: MIT
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/string.h"
#include "lib/trap.h"

#define ENTRIES    512
#define OPCODE_NOP 0x90

typedef uint64_t table[ENTRIES];

static table pml4 __attribute__((aligned(4096)));
static table pdpt __attribute__((aligned(4096)));
static table directory __attribute__((aligned(4096)));
static table pages __attribute__((aligned(4096)));
static uint8_t data[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t code[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t stack[PAGE_SIZE] __attribute__((aligned(4096)));

void paging_watch(void)
{
	guest_watch("paging", pml4, sizeof(pml4));
	guest_watch("paging", pdpt, sizeof(pdpt));
	guest_watch("paging", directory, sizeof(directory));
	guest_watch("paging", pages, sizeof(pages));
	guest_watch("data", data, sizeof(data));
	guest_watch("stacks", stack, sizeof(stack));
}

void *paging_data(void)
{
	return data;
}

void paging_map(uint64_t address, const void *frame, uint64_t bits)
{
	pages[(address - WINDOW) / PAGE_SIZE] = (uint64_t)frame | bits;
	invlpg((const void *)address);
}

static void map_window(void)
{
	const uint64_t user = PTE_PRESENT | PTE_USER;

	memset(pages, 0, sizeof(pages));
	memset(data, 0, sizeof(data));
	memset(code, OPCODE_NOP, sizeof(code));
	paging_map(PAGE_DATA, data, user | PTE_WRITE | PTE_NX);
	paging_map(PAGE_READONLY, data, user | PTE_NX);
	paging_map(PAGE_SUPERVISOR, code, PTE_PRESENT | PTE_WRITE);
	paging_map(PAGE_NOEXEC, code, user | PTE_NX);
	paging_map(PAGE_RESERVED, data, user | PTE_WRITE | PTE_RESERVED);
	paging_map(PAGE_CODE, code, user);
	paging_map(PAGE_KEY, data, user | PTE_WRITE | PTE_NX | PTE_KEY1);
	paging_map(PAGE_USER_STACK, stack, user | PTE_WRITE | PTE_NX);
	for (uint64_t at = 0; at < (uint64_t)(__stop_trap_stubs - __start_trap_stubs); at += PAGE_SIZE)
		paging_map(PAGE_STUBS + at, __start_trap_stubs + at, user);
}

/* Large pages map physical address 0; upper entries that only restrict lead to the window itself. */
static void map_upper(void)
{
#define X(name, bits) {name##_INDEX, bits},
	static const struct {
		unsigned index;
		uint64_t bits;
	} large[] = {LARGE_PAGES(X)}, gib[] = {GIB_ENTRIES(X)};
#undef X

	for (unsigned i = 0; i < ARRAY_SIZE(large); i++)
		directory[large[i].index] = large[i].bits | PTE_LARGE | PTE_PRESENT;
	for (unsigned i = 0; i < ARRAY_SIZE(gib); i++)
		pdpt[gib[i].index] =
			gib[i].bits | PTE_PRESENT | (gib[i].bits & PTE_LARGE ? 0 : (uint64_t)directory);
}

uint32_t paging_walk(uint64_t address)
{
	const uint64_t *entries = pml4;
	uint32_t seen = 0;

	if (address >> 39 != WINDOW >> 39)
		return 0;
	for (unsigned shift = 39; shift >= 12; shift -= 9) {
		uint64_t entry = entries[address >> shift & (ENTRIES - 1)];

		seen = seen << 8 | (entry & 0xff);
		if (!(entry & PTE_PRESENT) || entry & PTE_RESERVED || (shift < 39 && entry & PTE_LARGE))
			break;
		entries = (const uint64_t *)(entry & PTE_ADDRESS);
	}
	return seen;
}

void paging_reset(uint64_t base)
{
	const uint64_t open = PTE_PRESENT | PTE_WRITE | PTE_USER;

	memcpy(pml4, (const void *)(base & PTE_ADDRESS), sizeof(pml4));
	pml4[WINDOW >> 39 & (ENTRIES - 1)] = (uint64_t)pdpt | open;
	map_upper();
	pdpt[0] = (uint64_t)directory | open;
	directory[0] = (uint64_t)pages | open;
	pml4[WINDOW_BAD_UPPER >> 39 & (ENTRIES - 1)] = (uint64_t)pdpt | open | PTE_LARGE;
	map_window();
	write_cr3((uint64_t)pml4);
}
