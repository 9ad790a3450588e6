// SPDX-License-Identifier: MIT
#include "capture/core.h"
#include "lib/string.h"
#include "trace/elf_core.h"

#define PAGE_SIZE 4096ull

_Static_assert(CORE_NOTE == sizeof(struct elf_status_note), "the bytes of a note");

void core_note(uint8_t to[CORE_NOTE], const struct trap_record *r, uint32_t thread)
{
	struct core_registers registers = {.rip = r->rip,
		.rflags = r->rflags,
		.segment = {[CORE_CS] = {.selector = r->cs},
			[CORE_FS] = {.base = r->fs_base},
			[CORE_GS] = {.base = r->gs_base}}};
	struct elf_status_note n;

	memcpy(registers.gpr, r->gpr, sizeof(registers.gpr));
	n = elf_note_status(&registers, thread);
	memcpy(to, &n, sizeof(n));
}

/* Program headers are added until there is no room. */
struct header {
	uint8_t *to;
	uint64_t size;
	uint32_t count;
};

static bool add(struct header *h, const struct elf_program *p)
{
	uint64_t at = sizeof(struct elf_header) + (uint64_t)h->count * sizeof(*p);

	if (at + sizeof(*p) > h->size || h->count == UINT16_MAX)
		return false;
	memcpy(h->to + at, p, sizeof(*p));
	h->count++;
	return true;
}

static bool add_notes(struct header *h, const struct boot_range *notes)
{
	struct elf_program p = {.type = ELF_NOTE,
		.offset = notes->base,
		.physical = notes->base,
		.file_size = notes->size,
		.memory_size = notes->size};

	return !notes->size || add(h, &p);
}

/* Memory at [from, to), of which the contents are at `at`. What a debugger sees at an address is the same, because nothing is mapped there. */
static bool add_memory(struct header *h, uint64_t from, uint64_t to, uint64_t at)
{
	struct elf_program p = {.type = ELF_LOAD,
		.flags = ELF_FLAGS_RWX,
		.offset = at,
		.physical = from,
		.file_size = to - from,
		.memory_size = to - from};

	return from >= to || add(h, &p);
}

static bool add_range(struct header *h, const struct core_plan *p, const struct boot_range *r)
{
	uint64_t from = r->base, end = r->base + r->size, low = end < p->low_end ? end : p->low_end,
		 high = from > p->low_end ? from : p->low_end;

	return add_memory(h, from, low, p->low_at + from) && add_memory(h, high, end, high);
}

static bool add_all(struct header *h, const struct core_plan *p)
{
	if (!add_notes(h, &p->notes) || !add_notes(h, &p->vmcoreinfo))
		return false;
	for (uint32_t i = 0; i < p->ram_count; i++)
		if (!add_range(h, p, &p->ram[i]))
			return false;
	return true;
}

uint64_t core_header(uint8_t *to, uint64_t size, const struct core_plan *p)
{
	struct header h = {to, size, 0};
	struct elf_header e;

	if (size < sizeof(e) || !add_all(&h, p))
		return 0;
	e = elf_core_header((uint16_t)h.count);
	memcpy(to, &e, sizeof(e));
	return sizeof(e) + (uint64_t)h.count * sizeof(struct elf_program);
}

uint64_t core_vmcoreinfo(const uint8_t head[CORE_VMCOREINFO_HEAD])
{
	static const char name[12] = "VMCOREINFO",
			  begins[10] = {'O', 'S', 'R', 'E', 'L', 'E', 'A', 'S', 'E', '='};
	struct elf_note n;

	_Static_assert(CORE_VMCOREINFO_HEAD == sizeof(n) + sizeof(name) + sizeof(begins), "what is compared");
	memcpy(&n, head, sizeof(n));
	if (n.name_size != sizeof("VMCOREINFO") || n.type || n.size < sizeof(begins) || n.size > PAGE_SIZE ||
		memcmp(head + sizeof(n), name, sizeof(name)) ||
		memcmp(head + sizeof(n) + sizeof(name), begins, sizeof(begins)))
		return 0;
	return sizeof(n) + sizeof(name) + ((n.size + 3) & ~3u) + sizeof(n);
}

/* A number in hexadecimal digits up to the end of its line. */
static bool read_hex(const char *at, const char *end, uint64_t *value)
{
	const char *from = at;

	for (*value = 0; at < end && *at != '\n'; at++) {
		unsigned digit = *at >= '0' && *at <= '9'   ? (unsigned)(*at - '0')
				 : *at >= 'a' && *at <= 'f' ? (unsigned)(*at - 'a') + 10
							    : 16;

		if (digit == 16 || *value >> 60)
			return false;
		*value = *value << 4 | digit;
	}
	return at > from && at < end;
}

bool core_vmcoreinfo_slide(const char *note, uint64_t size, uint64_t *slide)
{
	static const char key[] = "\nKERNELOFFSET=";
	const uint64_t n = sizeof(key) - 1;

	for (uint64_t i = 0; i + n <= size; i++)
		if (!memcmp(note + i, key, n))
			return read_hex(note + i + n, note + size, slide);
	return false;
}
