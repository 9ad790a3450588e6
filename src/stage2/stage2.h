/*
 * Second-level paging: guest-physical is physical, but for the VMM's own memory, which reads as all ones and keeps
 * nothing that is written to it. One set of tables for all CPUs.
 */
#ifndef TRAPLINE_STAGE2_H
#define TRAPLINE_STAGE2_H

#include "cpu/cpu.h"
#include "mem/paging.h"

extern struct page_tables stage2_tables;

/* Returns NULL or why not. */
const char *stage2_init(void);

/*
 * The guest stores to hidden memory: makes the page of ones writable in its place, until the next exit.
 */
void stage2_open_scratch(struct cpu *cpu, uint64_t gpa);

/*
 * Closes that page. True: the caller flushes, since other CPUs may have cached it. False: this very exit has opened it, and
 * it stays open.
 */
bool stage2_close_scratch(struct cpu *cpu);

/*
 * The vendor's bits have changed (memory types): writes them into every leaf. Splits leaves where it has to and never joins
 * them again, so that the memory it takes is bounded. Where no memory is left the old bits stay. No CPU runs the guest
 * meanwhile: flush_hold().
 */
void stage2_retype(void);

/*
 * Makes stores to this page exit; reads do not. Each slot, a CPU's number, has one page: the slot's page before becomes
 * writable again, unless another slot has it too. Once the guest runs the caller holds the other CPUs: flush_hold(). False,
 * with nothing changed: the page is the VMM's, beyond the CPU's reach, or there is no memory for tables.
 */
bool stage2_watch(unsigned slot, uint64_t gpa);

/* Whether a page is some slot's. */
bool stage2_is_watched(uint64_t gpa);

/* Whether the entry lets the guest write. A store that exits all the same met a stale translation of this CPU's. */
bool stage2_is_writable(uint64_t gpa);

/*
 * Lets the guest read a part of the VMM's own memory, never write it.
 *   slot        a CPU's number: the same one again replaces nothing but itself
 *   base, size  page aligned, within the VMM's memory
 * The caller flushes: flush_changed(). Until that has reached a CPU it reads as ones there.
 */
void stage2_show(unsigned slot, uint64_t base, uint64_t size);

/* Whether a guest-physical address is the VMM's. */
bool stage2_is_hidden(uint64_t gpa);

/* Maps the 2 MiB around an address that has not been mapped yet, one to one. False: it lies beyond the CPU's reach. */
bool stage2_map_late(uint64_t gpa);

#endif
