// SPDX-License-Identifier: MIT
/*
 * An ELF core of a guest, built in place: headers and notes at its start, then one page of memory after the other. Each page has a PT_LOAD
 * of its own, with its linear and its physical address. Pure: the caller copies the pages.
 *
 * gdb reads the notes NT_PRSTATUS, of which the first is the CPU that it shows. The notes "QEMU" have the same layout as those of QEMU's
 * dump-guest-memory, and hold the system registers; crash knows them. What these two do not have, as the vector registers and MSRs, is in
 * further notes of a CPU if there is room for the first two of every CPU. A complete ELF file is in the room after every call.
 */
#ifndef TRAPLINE_CORE_FILE_H
#define TRAPLINE_CORE_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include "trace/core_registers.h"

#define CORE_FILE_PAGE 4096u

/* The linear address of a page of which only the physical one is known: a page table. It is not canonical, so nothing else is there. */
#define CORE_FILE_PHYSICAL 0x100000000000000ull

struct core_file {
	uint8_t *room;
	uint64_t size;      /* of the room */
	uint64_t pages_at;  /* offset of the first page */
	uint64_t notes_max; /* bytes of all notes */
	uint32_t cpus_max, pages_max, loads_max;
	uint32_t cpus, pages, loads;
	uint16_t signal;
};

/*
 * Begins a core in `room`, and divides it: room for the notes of up to `cpus` CPUs, but not more than a quarter, and the rest for pages.
 *   size    bytes
 *   signal  a number of Linux's that gdb prints as the reason; 0: none
 * Returns false if it is too small for a note and a page.
 */
bool core_file_begin(struct core_file *c, void *room, uint64_t size, uint32_t cpus, uint16_t signal);

/* Adds a CPU. Call it for all before the first page; the first is the one that gdb shows. Returns false if there is no room. */
bool core_file_add_cpu(struct core_file *c, const struct core_registers *r, uint32_t number);

/*
 * Adds a page. One that has several linear addresses is in the file once. A linear address that leads to another page already, in another
 * address space, is left with that one, and this page is known by its physical address alone.
 *   linear    a multiple of CORE_FILE_PAGE; CORE_FILE_PHYSICAL + physical if it is not known
 *   *to       set to the memory for its contents; NULL if they are there already
 * Returns false if there is no room.
 */
bool core_file_add_page(struct core_file *c, uint64_t linear, uint64_t physical, uint8_t **to);

/* Takes a page back, right after it was added: its contents could not be read. */
void core_file_drop_page(struct core_file *c);

/* The bytes of the file so far. */
uint64_t core_file_size(const struct core_file *c);

/* The signal of Linux's that an exception stands for. */
uint16_t core_file_signal(unsigned vector);

#endif
