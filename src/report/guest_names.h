/*
 * The guest's own names in what is printed: where its kernel lies is found out from the CPU when a line is about to be printed,
 * and looked at again when its interrupt table or the address of SYSCALL has become another. No exit is added for that.
 */
#ifndef TRAPLINE_GUEST_NAMES_H
#define TRAPLINE_GUEST_NAMES_H

#include "cpu/cpu.h"
#include "mem/guest_walk.h"
#include "trace/text.h"

/* Copies the loader's block. Once, at start, with the firmware's memory still mapped. False: no memory. */
bool guest_names_take(const struct boot_info *info);

/* From here on there are names. */
void guest_names_begin(void);

/* On this CPU's behalf; cheap where nothing has changed. */
void guest_names_look(struct cpu *cpu);

/* The next line that it has led to, without a newline. False: there is none. */
bool guest_names_line(char *line, size_t size);

/*
 * ` sym="function+0x1f"` of an address of code, or nothing where there is no name.
 *   user    a program's: what lies at low addresses is not firmware's
 *   before  0, or 1 for a return address: behind the CALL another function may begin
 */
void guest_names_add(
	struct text *t, const struct guest_paging *paging, bool user, uint64_t address, unsigned before);

#endif
