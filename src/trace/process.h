// SPDX-License-Identifier: MIT
/*
 * The processes that own address spaces, as reported by the guest (VMCALL process): a table of fixed size, in which new entries replace
 * old ones. Writers take turns; readers take no lock.
 */
#ifndef TRAPLINE_PROCESS_H
#define TRAPLINE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

#define PROCESS_NAME_MAX 16

struct process {
	uint32_t pid;
	char name[PROCESS_NAME_MAX + 1]; /* May hold any bytes: it comes from the guest. */
};

/*
 * The address space of a record: CR3 without its low 12 bits. If user mode has page tables of its own, in the page after the kernel's
 * (Linux' page-table isolation), the result is the kernel's for both. 0: the record is of firmware, or the like, with one space only.
 */
uint64_t process_space(const struct trap_record *r);

/* Whether the page tables at `user` (bit 12 is set) and at the page before belong to one process. */
typedef bool process_pair(uint64_t user);
/* Sets how to find that out. NULL, the default: no page tables are pairs. */
void process_pairs_by(process_pair *pair);

/*
 * Notes the owner of an address space.
 *   tsc   from when on: a line may be printed long after its record was made
 *   pid   0: it has no owner any more
 *   name  PROCESS_NAME_MAX bytes, padded with zeros
 */
void process_note(uint64_t space, uint64_t tsc, uint32_t pid, const char *name);

/* Finds the owner at that time. Returns false if it was not reported by then, or new entries have replaced it. */
bool process_find(uint64_t space, uint64_t tsc, struct process *out);

#endif
