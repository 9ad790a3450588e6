/*
 * Which process an address space is, as far as the guest has said so (VMCALL process): a table of a fixed size, in which a newer one
 * takes the place of an older one. One writes at a time; readers take no lock.
 */
#ifndef TRAPLINE_PROCESS_H
#define TRAPLINE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>

#define PROCESS_NAME_MAX 16

struct process {
	uint32_t pid;
	char name[PROCESS_NAME_MAX + 1]; /* any bytes */
};

/*
 * The address space of a record: CR3 without its low 12 bits. Where user mode has page tables of its own, one page behind the
 * kernel's (Linux' page-table isolation), both are the kernel's. 0: the record tells none apart.
 */
uint64_t process_space(const struct trap_record *r);

/* Who can look whether two page tables are of one process: `user` has bit 12 set, the other one has not. NULL: nobody can. */
typedef bool process_pair(uint64_t user);
void process_pairs_by(process_pair *pair);

/*
 * The guest says who an address space is.
 *   pid   0: nobody any more
 *   name  PROCESS_NAME_MAX bytes, padded with zeros
 */
void process_note(uint64_t space, uint32_t pid, const char *name);

/* False: nobody has said it, or the table has no room for it any more. */
bool process_find(uint64_t space, struct process *out);

#endif
