// SPDX-License-Identifier: MIT
#include "mem/guest_walk.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "mem/paging.h"

/*
 * Walks tables of 512 entries of 8 bytes from the top table down to the leaf. `shift` is that of the top
 * table.
 */
static bool walk64(uint64_t table, uint64_t linear, unsigned shift, uint64_t *physical)
{
	for (;; shift -= 9) {
		uint64_t entry;

		if (!guest_read64(table + ((linear >> shift) & 511) * 8, &entry) || !(entry & PTE_PRESENT))
			return false;
		if (shift == 12 || ((entry & PTE_LARGE) && shift <= 30)) {
			uint64_t offset = (1ull << shift) - 1;

			*physical = (entry & PTE_ADDRESS & ~offset) | (linear & offset);
			return true;
		}
		table = entry & PTE_ADDRESS;
	}
}

/* PAE: four pointers in 32 bytes at CR3, then two levels (SDM vol. 3A 4.4). */
static bool walk_pae(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	uint64_t pointer;

	if (!guest_read64((p->cr3 & 0xffffffe0) + (linear >> 30 & 3) * 8, &pointer) ||
		!(pointer & PTE_PRESENT))
		return false;
	return walk64(pointer & PTE_ADDRESS, linear & 0xffffffff, 21, physical);
}

static bool read32(uint64_t physical, uint32_t *value)
{
	uint64_t both;

	if (!guest_read64(physical & ~7ull, &both))
		return false;
	*value = (uint32_t)(both >> (physical & 4) * 8);
	return true;
}

/* 32-bit paging with 4 MiB pages; with PSE-36, bits 20:13 of a large entry are address bits 39:32 (SDM vol. 3A 4.3). */
static bool walk32(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	uint32_t entry;

	linear &= 0xffffffff;
	if (!read32((p->cr3 & 0xfffff000) + (linear >> 22) * 4, &entry) || !(entry & PTE_PRESENT))
		return false;
	if ((entry & PTE_LARGE) && (p->cr4 & CR4_PSE)) {
		*physical = (entry & 0xffc00000) | (uint64_t)(entry >> 13 & 0xff) << 32 | (linear & 0x3fffff);
		return true;
	}
	if (!read32((entry & 0xfffff000) + (linear >> 12 & 1023) * 4, &entry) || !(entry & PTE_PRESENT))
		return false;
	*physical = (entry & 0xfffff000) | (linear & 0xfff);
	return true;
}

bool guest_is_canonical(const struct guest_paging *p, uint64_t linear)
{
	unsigned unused = p->cr4 & CR4_LA57 ? 64 - 57 : 64 - 48;

	return !(p->efer & EFER_LMA) || (uint64_t)((int64_t)(linear << unused) >> unused) == linear;
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	if (!guest_is_canonical(p, linear))
		return false;
	if (!(p->cr0 & CR0_PG)) {
		*physical = linear & 0xffffffff;
		return true;
	}
	if (p->efer & EFER_LMA)
		return walk64(p->cr3 & PTE_ADDRESS, linear, p->cr4 & CR4_LA57 ? 48 : 39, physical);
	if (p->cr4 & CR4_PAE)
		return walk_pae(p, linear, physical);
	return walk32(p, linear, physical);
}

static unsigned part_in_page(uint64_t linear, unsigned n)
{
	unsigned left = 4096 - (unsigned)(linear & 4095);

	return n < left ? n : left;
}

unsigned guest_read(const struct guest_paging *p, uint64_t linear, void *to, unsigned n)
{
	unsigned done = 0;

	while (done < n) {
		unsigned part = part_in_page(linear + done, n - done);
		uint64_t physical;

		if (!guest_translate(p, linear + done, &physical) ||
			!guest_ram_read(physical, (char *)to + done, part))
			break;
		done += part;
	}
	return done;
}

static bool is_ram(const struct guest_paging *p, uint64_t linear, unsigned n)
{
	uint64_t physical;

	for (unsigned done = 0; done < n; done += part_in_page(linear + done, n - done))
		if (!guest_translate(p, linear + done, &physical) || !guest_is_ram(physical))
			return false;
	return true;
}

bool guest_write(const struct guest_paging *p, uint64_t linear, const void *from, unsigned n)
{
	uint64_t physical;

	if (!is_ram(p, linear, n))
		return false;
	for (unsigned done = 0, part; done < n; done += part) {
		part = part_in_page(linear + done, n - done);
		if (!guest_translate(p, linear + done, &physical) ||
			!guest_ram_write(physical, (const char *)from + done, part))
			return false;
	}
	return true;
}

/*
 * guest_translate() for 4-level paging only, unrolled, because every recorded exception
 * uses it. The addresses in the entries are cut to the size of GUEST_RAM, so that the fix-up catches each load that is
 * not RAM; an entry with a higher address is rejected at the end. The entries are stored in `page`; the entry of a large
 * page is repeated for the levels below it.
 */
#define REACH (GUEST_LIMIT - 1)

static inline bool load_entry(
	struct code_page *page, unsigned n, uint64_t ram, uint64_t mask, uint64_t table, uint64_t index)
{
	const uint64_t *at = (const uint64_t *)(ram + (table & mask)) + (index & 511);

	page->at[n] = at;
	return load64_safe(at, &page->entry[n]) && (page->entry[n] & PTE_PRESENT);
}

static inline void repeat_entry(struct code_page *page, unsigned n)
{
	for (unsigned i = n + 1; i < CODE_PAGE_LEVELS; i++) {
		page->at[i] = page->at[n];
		page->entry[i] = page->entry[n];
	}
}

static inline bool translate_4_level(
	struct code_page *page, uint64_t cr3, uint64_t linear, uint64_t *physical)
{
	uint64_t *e = page->entry, leaf, offset, ram = GUEST_RAM, mask = PTE_ADDRESS & REACH;

	__asm__("" : "+r"(ram), "+r"(mask)); /* in registers: too long for an immediate operand */
	if (!load_entry(page, 0, ram, mask, cr3, linear >> 39) ||
		!load_entry(page, 1, ram, mask, e[0], linear >> 30))
		return false;
	if (__builtin_expect((e[1] & PTE_LARGE) != 0, 0)) {
		repeat_entry(page, 1);
		leaf = e[1];
		offset = HUGE_PAGE - 1;
	} else if (!load_entry(page, 2, ram, mask, e[1], linear >> 21)) {
		return false;
	} else if (e[2] & PTE_LARGE) {
		repeat_entry(page, 2);
		leaf = e[2];
		offset = LARGE_PAGE - 1;
	} else if (load_entry(page, 3, ram, mask, e[2], linear >> 12)) {
		leaf = e[3];
		offset = PAGE_SIZE - 1;
	} else {
		return false;
	}
	*physical = (leaf & PTE_ADDRESS & ~offset) | (linear & offset);
	return !((e[0] | e[1] | e[2] | e[3]) & PTE_ADDRESS & ~REACH);
}

static inline bool is_4_level(const struct guest_paging *p)
{
	return (p->efer & EFER_LMA) && !(p->cr4 & CR4_LA57);
}

bool code_page_find(struct code_page *page, uint64_t cr3, uint64_t cr4, uint64_t linear)
{
	uint64_t physical;

	if (cr4 & CR4_LA57 || (linear & (PAGE_SIZE - 1)) >= CODE_PAGE_ROOM)
		return false;
	page->room = 0;
	if (!translate_4_level(page, cr3, linear, &physical) || !guest_is_ram(physical))
		return false;
	page->cr3 = cr3;
	page->cr4 = cr4;
	page->base = linear & ~(PAGE_SIZE - 1);
	page->room = CODE_PAGE_ROOM;
	page->offset = GUEST_RAM + physical - linear;
	return true;
}

unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, struct code_page *last, uint8_t *to)
{
	if (__builtin_expect((linear & (PAGE_SIZE - 1)) >= CODE_PAGE_ROOM || !is_4_level(p), 0))
		return guest_read(p, linear, to, TRAP_CODE_MAX);
	if (code_page_fetch(last, p->cr3, p->cr4, linear, to))
		return TRAP_CODE_MAX;
	return code_page_find(last, p->cr3, p->cr4, linear) &&
			       code_page_fetch(last, p->cr3, p->cr4, linear, to)
		       ? TRAP_CODE_MAX
		       : 0;
}
