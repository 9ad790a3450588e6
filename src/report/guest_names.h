// SPDX-License-Identifier: MIT
/*
 * Function names of the guest in the output. The slide of its kernel is searched before a line is printed, and again when the address of
 * the interrupt table or of SYSCALL has changed. No exit is added for that.
 */
#ifndef TRAPLINE_GUEST_NAMES_H
#define TRAPLINE_GUEST_NAMES_H

#include "cpu/cpu.h"
#include "mem/guest_walk.h"
#include "trace/text.h"

/* Copies the loader's block of names. Called once, while the firmware's memory is still mapped. Returns false if there is no memory. */
bool guest_names_take(const struct boot_info *info);

/* Starts to give names. */
void guest_names_begin(void);

/* Whether the state of the current CPU has changed since its last search, or that has not come to its end. */
bool guest_names_due(const struct cpu *cpu);

/* Searches for slides in the state of the current CPU, if it is due. In work in slices it rests now and then (log_rest()). */
void guest_names_search(struct cpu *cpu);

/* Writes the next line about the search, without a newline. Returns false if there is none. */
bool guest_names_line(char *line, size_t size);

/* Writes the slide of file n of symbols, as `slide value=...`; an empty line if it is not known. Returns false if there are not so many. */
bool guest_names_slide(unsigned n, char *line, size_t size);

/*
 * Appends ` sym="function+0x1f"`, or nothing if the address has no name.
 *   paging  unused if `user` is set
 *   user    user mode, or unknown: low addresses are not firmware's
 *   before  1 for a return address, because another function may begin behind the CALL; else 0
 */
void guest_names_add(
	struct text *t, const struct guest_paging *paging, bool user, uint64_t address, unsigned before);

#endif
