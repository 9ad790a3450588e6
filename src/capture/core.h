// SPDX-License-Identifier: MIT
/*
 * The ELF core that a capture kernel reads as /proc/vmcore (Linux' Documentation/admin-guide/kdump): a header that says where the dead
 * guest's memory lies, and a note with the registers of each CPU. Pure: tested on the host.
 */
#ifndef TRAPLINE_CORE_H
#define TRAPLINE_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>
#include <trapline/record.h>

/* Bytes of one CPU's note. */
#define CORE_NOTE 356

/*
 * Writes the note NT_PRSTATUS of a CPU. Segment registers that a record does not have are 0.
 *   thread  its number for debuggers, from 1 on
 */
void core_note(uint8_t to[CORE_NOTE], const struct trap_record *r, uint32_t thread);

/* What the header says. Addresses are physical. */
struct core_plan {
	const struct boot_range *ram; /* the dead guest's, ascending */
	uint32_t ram_count;
	uint64_t low_end; /* memory below it was copied */
	uint64_t low_at;  /* to here */
	struct boot_range notes;
	struct boot_range vmcoreinfo; /* size 0: none was found */
};

/* Writes the header and the program headers. Returns the bytes used; 0: they do not fit, and nothing is written. */
uint64_t core_header(uint8_t *to, uint64_t size, const struct core_plan *p);

/* The first 8 bytes of a note VMCOREINFO, less its size: for a quick look at each page. */
static inline bool core_may_be_vmcoreinfo(uint64_t word)
{
	return (uint32_t)word == sizeof("VMCOREINFO");
}

/* How much of such a note has to be read to recognise it. */
#define CORE_VMCOREINFO_HEAD 34

/*
 * The bytes of the note VMCOREINFO that begins here, with the empty note behind it; 0: there is none. Linux has it at the beginning
 * of a page.
 */
uint64_t core_vmcoreinfo(const uint8_t head[CORE_VMCOREINFO_HEAD]);

/* No such note is larger. */
#define CORE_VMCOREINFO_MAX (12 + 12 + 4096 + 12)

/*
 * Reads the kernel's slide from such a note, in the line `KERNELOFFSET=1a000000` of its text.
 *   size  what core_vmcoreinfo() says
 * Returns false if it has no such line.
 */
bool core_vmcoreinfo_slide(const char *note, uint64_t size, uint64_t *slide);

#endif
