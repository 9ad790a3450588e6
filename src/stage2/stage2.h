// SPDX-License-Identifier: MIT
/*
 * Second-level paging: guest-physical equals physical, except for the VMM's own memory, which reads as all ones and
 * ignores writes. One set of tables for all CPUs.
 */
#ifndef TRAPLINE_STAGE2_H
#define TRAPLINE_STAGE2_H

#include "cpu/cpu.h"
#include "mem/paging.h"

#define STAGE2_RESERVE (64 * PAGE_SIZE) /* kept in the pool when the guest or the operator chooses pages */

extern struct page_tables stage2_tables;

/*
 * How an address is mapped: 1 by a page of 4 KiB, 2 of 2 MiB, 3 of 1 GiB, 0 not at all.
 *   taken  out: the rights that watches have taken from its page
 */
unsigned stage2_level(uint64_t gpa, unsigned *taken);

/* Grows with each change of the tables. */
extern _Atomic uint64_t stage2_version;

/* Returns NULL, or why it failed. */
const char *stage2_init(void);

/* The guest stores to hidden memory: maps a writable page of ones there until the next exit. */
void stage2_open_scratch(struct cpu *cpu, uint64_t gpa);

/*
 * Removes that page. True: the caller flushes, because other CPUs may have cached it. False: this very exit has mapped it, and
 * it stays.
 */
bool stage2_close_scratch(struct cpu *cpu);

/*
 * The vendor's bits have changed (memory types): writes them into every leaf. It splits leaves if necessary and never joins
 * them again, so the memory that it takes is bounded. If no memory is left the old bits stay. No CPU may run the guest
 * meanwhile: flush_hold().
 */
void stage2_retype(void);

/*
 * Makes stores to this page exit; reads do not.
 *   slot  a CPU's number. Each slot has one page: its previous page becomes writable again, unless another slot has it too
 * Once the guest runs the caller holds the other CPUs: flush_hold(). Returns false, with nothing changed, if the page is
 * the VMM's, one of a watch of memory or beyond the CPU's reach, or if there is no memory for tables.
 */
bool stage2_watch(unsigned slot, uint64_t gpa);

/* Whether any slot has the page. */
bool stage2_is_watched(uint64_t gpa);

/* Whether the entry permits an access, or the page is watched by now. If so, an access that exits used a stale translation. */
bool stage2_permits(uint64_t gpa, unsigned right);

/* The bits of a leaf that maps one page with these rights. */
uint64_t stage2_page_bits(uint64_t pa, unsigned rights);

/* The rights of a page of the guest's: STAGE2_ALL, less what is watched. */
unsigned stage2_rights(uint64_t gpa);

/*
 * Takes rights from pages (stage2/taken.h), and gives back those that the previous call has taken. Large leaves are split, and
 * put together again afterwards.
 *   list  page aligned; the caller's until the call returns
 *   n     0 to STAGE2_RANGES
 * Once the guest runs the caller holds the other CPUs: flush_hold(). Returns NULL, or why a page cannot be watched; then no right is
 * taken from any page.
 */
struct stage2_range;
const char *stage2_take(const struct stage2_range *list, unsigned n);

/* Whether rights can be taken from the page around the address, with the other CPUs held. */
bool stage2_may_take(uint64_t gpa);

/*
 * Gives the guest the capture area, which was hidden like the VMM's memory. Only this CPU runs the guest. The caller flushes.
 * Returns false if there is no memory for tables.
 */
bool stage2_reveal(void);

/* The leaf around an address, 0: nothing is mapped; and the size of its page. */
uint64_t stage2_leaf(uint64_t gpa, uint64_t *size);

/*
 * For stage2/exec.h, with the other CPUs held. Gives the page its own leaf, replaces the bits of `mask` in it by `marks`, and sets its rights
 * anew. False: no memory is left for tables.
 */
bool stage2_mark(uint64_t gpa, uint64_t mask, uint64_t marks);

/* Gives the large page around the address all rights. Returns its size. */
uint64_t stage2_open_all(uint64_t gpa);

/* Sets all rights anew, without marks of stage2/exec.h. joins: puts split pages together again. */
void stage2_renew(bool joins);

/* For a longer look at the tables: they do not change between the two. */
void stage2_lock(void);
void stage2_unlock(void);

/*
 * Lets the guest read a part of the VMM's own memory, never write it. The caller flushes: flush_changed(). Until
 * that has reached a CPU, the part reads as ones there.
 *   slot        a CPU's number, each with its own base and size
 *   base, size  page aligned, within the VMM's memory
 * Returns false if there is more to do: some pages at a time. The caller makes the same call again, at a later exit.
 */
bool stage2_show(unsigned slot, uint64_t base, uint64_t size);

/* Whether a guest-physical address belongs to the VMM. */
bool stage2_is_hidden(uint64_t gpa);

/* Maps the 2 MiB around an unmapped address, one to one. False: it is beyond the CPU's reach. */
bool stage2_map_late(uint64_t gpa);

#endif
