// SPDX-License-Identifier: MIT
#include "exit/vmcoreinfo.h"
#include "capture/core.h"
#include "cpu/moment.h"
#include "hw/machine.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "trace/names.h"

#define PAGES_A_MOMENT                                                                                       \
	4096 /* a machine has up to some 100 million pages, and SMIs are held back: cpu/moment.h */

/* Whether a search in the kernel's gates and code has found this slide; NULL: any. */
static bool knows_slide(const uint64_t *wanted)
{
	const struct names_block *b = names_block();
	uint64_t slide;

	for (unsigned n = 0; b && n < b->maps; n++)
		if (b->map[n].how == NAMES_FOUND && names_slide(n, &slide) && (!wanted || slide == *wanted))
			return true;
	return false;
}

/* Any process can have a page that looks like the kernel's note. */
static bool is_kernels(const struct boot_range *note)
{
	static char bytes[CORE_VMCOREINFO_MAX];
	uint64_t slide;

	return guest_ram_read(note->base, bytes, note->size) &&
	       core_vmcoreinfo_slide(bytes, note->size, &slide) && knows_slide(&slide);
}

/* The note that begins here; size 0: none. */
static struct boot_range note_at(uint64_t at)
{
	uint8_t head[CORE_VMCOREINFO_HEAD];
	uint64_t word;

	if (!guest_read64(at, &word) || !core_may_be_vmcoreinfo(word) ||
		!guest_ram_read(at, head, sizeof(head)))
		return (struct boot_range){0};
	return (struct boot_range){at, core_vmcoreinfo(head)};
}

/* Returns whether no better one can follow. */
static bool look_at(uint64_t page, struct boot_range *found)
{
	struct boot_range note = note_at(page);
	bool best = note.size && (is_kernels(&note) || !knows_slide(NULL));

	if (best || !found->size)
		*found = note;
	return best;
}

static bool search(const struct boot_range *r, struct boot_range *found)
{
	for (uint64_t n = 0; n < r->size / PAGE_SIZE; n++) {
		if (look_at(r->base + n * PAGE_SIZE, found))
			return true;
		if (n % PAGES_A_MOMENT == 0)
			moment();
	}
	return false;
}

struct boot_range vmcoreinfo_find(void)
{
	struct boot_range found = {0};

	for (uint32_t i = 0; i < boot_info.ram_count; i++)
		if (search(&boot_info.ram[i], &found))
			break;
	return found;
}
