// SPDX-License-Identifier: MIT
/*
 * Where a module's code is when it is loaded: the kernel lays code sections out first, in the order of the file, those of the
 * initialisation apart (Linux' kernel/module, layout_sections()).
 */
#ifndef DECODE_LAYOUT_H
#define DECODE_LAYOUT_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

struct code_section {
	Elf_Scn *scn;
	GElf_Shdr header;
	uint64_t offset; /* from the base of the module, or of its initialisation code */
};

bool layout_is_code(const GElf_Shdr *s);

/* The next section; {0} before the first one. */
bool layout_next(Elf *elf, bool init, struct code_section *c);

/* Returns the size of all sections in memory, which is in whole pages. */
uint64_t layout_size(Elf *elf, bool init);
uint64_t layout_pages(uint64_t size);

#endif
