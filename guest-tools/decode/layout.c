// SPDX-License-Identifier: MIT
#include "layout.h"

#include <string.h>

#define PAGE 4096

bool layout_is_code(const GElf_Shdr *s)
{
	return (s->sh_flags & (SHF_ALLOC | SHF_EXECINSTR)) == (SHF_ALLOC | SHF_EXECINSTR);
}

static bool is_init(Elf *elf, const GElf_Shdr *s)
{
	size_t names;
	const char *name = elf_getshdrstrndx(elf, &names) ? NULL : elf_strptr(elf, names, s->sh_name);

	return name && !strncmp(name, ".init", 5);
}

bool layout_next(Elf *elf, bool init, struct code_section *c)
{
	uint64_t at = c->scn ? c->offset + c->header.sh_size : 0;

	while ((c->scn = elf_nextscn(elf, c->scn))) {
		uint64_t align;

		if (!gelf_getshdr(c->scn, &c->header) || !layout_is_code(&c->header) ||
			is_init(elf, &c->header) != init)
			continue;
		align = c->header.sh_addralign ? c->header.sh_addralign : 1;
		c->offset = (at + align - 1) / align * align;
		return true;
	}
	return false;
}

uint64_t layout_pages(uint64_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

uint64_t layout_size(Elf *elf, bool init)
{
	struct code_section c = {0};
	uint64_t end = 0;

	while (layout_next(elf, init, &c))
		end = c.offset + c.header.sh_size;
	return layout_pages(end);
}
