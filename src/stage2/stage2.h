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
 * Where the guest stored to hidden memory: lets this one instruction have the page of ones, until the next exit.
 */
void stage2_open_sink(struct cpu *cpu, uint64_t gpa);

/* True: it is closed, and the caller flushes, since others may have cached the page that stores go to. */
bool stage2_close_sink(struct cpu *cpu);

/*
 * After the vendor's bits have changed (memory types): gives them to every leaf, in place. Leaves are split where they have
 * to be and never joined again, so that the memory this takes has a bound. Where there is none left, the old bits stay.
 * No CPU runs the guest meanwhile: flush_hold().
 */
void stage2_retype(void);

/*
 * Stores to this page exit from now on; it can be read. One page a slot, a CPU's number: the one that the slot had before is
 * writable again, unless another slot has it. Once the guest runs no other CPU does meanwhile: flush_hold(). False, with
 * nothing changed: it is the VMM's, beyond the CPU's reach, or there is no memory for tables.
 */
bool stage2_watch(unsigned slot, uint64_t gpa);

/* Whether a page is some slot's. */
bool stage2_is_watched(uint64_t gpa);

/* Whether the entry lets the guest write: where a store exits all the same, this CPU's translation is an old one. */
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
