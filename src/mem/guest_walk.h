// SPDX-License-Identifier: MIT
/*
 * Walks the guest's own page tables by software without ever faulting: no paging, 32-bit, PAE, 4- and 5-level
 * (APM vol. 2 chapter 5, SDM vol. 3A chapter 4).
 */
#ifndef TRAPLINE_GUEST_WALK_H
#define TRAPLINE_GUEST_WALK_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

struct guest_paging {
	uint64_t cr0, cr3, cr4, efer;
};

/* The paging state when a record was made. */
static inline struct guest_paging guest_paging_of(const struct trap_record *r)
{
	return (struct guest_paging){.cr0 = r->cr0, .cr3 = r->cr3, .cr4 = r->cr4, .efer = r->efer};
}

/* Whether the bits above the linear address are copies of its highest bit: always true outside of long mode. */
bool guest_is_canonical(const struct guest_paging *p, uint64_t linear);

/*
 * Translates a guest-linear address to a guest-physical one. Rights are not checked and accessed bits not set.
 * Returns false if a level is not present or not in RAM.
 */
bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical);

/* Reads up to n bytes of guest-linear memory, RAM only. Returns the number of bytes read, from the start on. */
unsigned guest_read(const struct guest_paging *p, uint64_t linear, void *to, unsigned n);

/* Writes n bytes to guest-linear RAM: all of them, or none. No right is checked, and no bit of a page table set. */
bool guest_write(const struct guest_paging *p, uint64_t linear, const void *from, unsigned n);

/*
 * The page in which code was found last, with the entries of the guest's tables that lead to it. The guest may change them at
 * any time, so each use compares them first. RAM stays mapped behind GUEST_RAM, so the entries can always be read.
 */
#define CODE_PAGE_LEVELS 4
#define CODE_PAGE_ROOM   (4096 - 16 + 1) /* from this offset on an instruction may reach into the next page */

struct code_page {
	uint64_t base; /* of the linear page */
	uint64_t room; /* CODE_PAGE_ROOM; 0: no page, and the other members are not valid */
	uint64_t cr3, cr4;
	uint64_t offset; /* from a linear address in the page to the host's address of the byte */
	uint64_t entry[CODE_PAGE_LEVELS];
	const volatile uint64_t *at[CODE_PAGE_LEVELS]; /* the host's addresses of the entries */
};

/* Whether the tables still lead from CR3 to the page, in long mode: all entries on the way to it are unchanged. */
static inline bool code_page_leads(const struct code_page *page, uint64_t cr3, uint64_t cr4)
{
	if (page->cr3 != cr3 || page->cr4 != cr4)
		return false;
	return !((*page->at[0] ^ page->entry[0]) | (*page->at[1] ^ page->entry[1]) |
		 (*page->at[2] ^ page->entry[2]) | (*page->at[3] ^ page->entry[3]));
}

/* Whether all of an instruction at this address is in the page as well. */
static inline bool code_page_holds(const struct code_page *page, uint64_t cr3, uint64_t cr4, uint64_t linear)
{
	return linear - page->base < page->room && code_page_leads(page, cr3, cr4);
}

/* The host's address of a byte in a page that holds. */
static inline const void *code_page_byte(const struct code_page *page, uint64_t linear)
{
	return (const void *)(linear + page->offset);
}

/*
 * Finds the page of an address in long mode by a walk. Returns false, and the page is empty or does not hold for the address, if
 * paging has five levels, the page or a table is not RAM, or the instruction may reach into the next page.
 */
bool code_page_find(struct code_page *page, uint64_t cr3, uint64_t cr4, uint64_t linear);

/*
 * guest_fetch() for the usual case, inlined: 64-bit mode and the same page as before.
 *   to  has room for 16 bytes
 */
static inline bool code_page_fetch(
	const struct code_page *page, uint64_t cr3, uint64_t cr4, uint64_t linear, uint8_t *to)
{
	const char *from = code_page_byte(page, linear);

	if (!code_page_holds(page, cr3, cr4, linear))
		return false;
	__builtin_memcpy(to, from, 8);
	__builtin_memcpy(to + 8, from + 8, 8);
	return true;
}

/*
 * Reads the code bytes at a guest-linear address: guest_read() of TRAP_CODE_MAX bytes, in two dozen instructions if they are
 * in one page.
 *   last  this CPU's last page; updated
 *   to    has room for 16 bytes
 * Returns the number of bytes, 0 to 15.
 */
unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, struct code_page *last, uint8_t *to);

#endif
