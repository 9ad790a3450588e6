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
void stage2_close_sink(struct cpu *cpu);

/*
 * After the vendor's bits have changed (memory types): gives them to every leaf, in place. Leaves are split where they have
 * to be and never joined again, so that the memory this takes has a bound. Where there is none left, the old bits stay.
 */
void stage2_retype(void);

/* Whether a guest-physical address is the VMM's. */
bool stage2_is_hidden(uint64_t gpa);

/* Maps the 2 MiB around an address that has not been mapped yet, one to one. False: it lies beyond the CPU's reach. */
bool stage2_map_late(uint64_t gpa);

#endif
