// SPDX-License-Identifier: MIT
#include "capture/core.h"
#include "lib/array.h"
#include "lib/string.h"

#define PAGE_SIZE 4096ull

/* ELF (System V ABI, and its supplement for AMD64) */
#define ELF_CLASS_64    2
#define ELF_LITTLE      1
#define ELF_VERSION     1
#define ELF_CORE        4
#define ELF_X86_64      62
#define ELF_LOAD        1
#define ELF_NOTE        4
#define ELF_RWX         7
#define ELF_NT_PRSTATUS 1

struct elf_header {
	uint8_t magic[4], class, data, ident_version, pad[9];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_headers, sections;
	uint32_t flags;
	uint16_t size, program_size, programs, section_size, section_count, names;
};
_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, virtual, physical, file_size, size, alignment;
};
_Static_assert(sizeof(struct elf_program) == 56, "Elf64_Phdr");

struct elf_note {
	uint32_t name_size, size, type;
};

/* Linux' struct elf_prstatus; only these members are filled in. */
struct prstatus {
	uint8_t signal[32];
	uint32_t thread;
	uint8_t times[76];
	uint64_t registers[27];
	uint32_t has_fpu, pad;
};
_Static_assert(sizeof(struct prstatus) == 336, "struct elf_prstatus");

/* Places in its registers, Linux' struct user_regs_struct. */
static const uint8_t gpr_place[TRAP_GPRS] = {
	[TRAP_R15] = 0,
	[TRAP_R14] = 1,
	[TRAP_R13] = 2,
	[TRAP_R12] = 3,
	[TRAP_RBP] = 4,
	[TRAP_RBX] = 5,
	[TRAP_R11] = 6,
	[TRAP_R10] = 7,
	[TRAP_R9] = 8,
	[TRAP_R8] = 9,
	[TRAP_RAX] = 10,
	[TRAP_RCX] = 11,
	[TRAP_RDX] = 12,
	[TRAP_RSI] = 13,
	[TRAP_RDI] = 14,
	[TRAP_RSP] = 19,
};
#define PLACE_RIP     16
#define PLACE_CS      17
#define PLACE_RFLAGS  18
#define PLACE_FS_BASE 21
#define PLACE_GS_BASE 22

static void fill(struct prstatus *s, const struct trap_record *r, uint32_t thread)
{
	s->thread = thread;
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		s->registers[gpr_place[i]] = r->gpr[i];
	s->registers[PLACE_RIP] = r->rip;
	s->registers[PLACE_CS] = r->cs;
	s->registers[PLACE_RFLAGS] = r->rflags;
	s->registers[PLACE_FS_BASE] = r->fs_base;
	s->registers[PLACE_GS_BASE] = r->gs_base;
}

void core_note(uint8_t to[CORE_NOTE], const struct trap_record *r, uint32_t thread)
{
	static const char name[8] = "CORE"; /* padded to 4 bytes */
	struct elf_note n = {sizeof("CORE"), sizeof(struct prstatus), ELF_NT_PRSTATUS};
	struct prstatus s = {0};

	_Static_assert(CORE_NOTE == sizeof(n) + sizeof(name) + sizeof(s), "the parts of a note");
	fill(&s, r, thread);
	memcpy(to, &n, sizeof(n));
	memcpy(to + sizeof(n), name, sizeof(name));
	memcpy(to + sizeof(n) + sizeof(name), &s, sizeof(s));
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
		.size = notes->size};

	return !notes->size || add(h, &p);
}

/* Memory at [from, to), of which the contents are at `at`. What a debugger sees at an address is the same, because nothing is mapped there. */
static bool add_memory(struct header *h, uint64_t from, uint64_t to, uint64_t at)
{
	struct elf_program p = {.type = ELF_LOAD,
		.flags = ELF_RWX,
		.offset = at,
		.physical = from,
		.file_size = to - from,
		.size = to - from};

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
	struct elf_header e = {
		.magic = {0x7f, 'E', 'L', 'F'},
		.class = ELF_CLASS_64,
		.data = ELF_LITTLE,
		.ident_version = ELF_VERSION,
		.type = ELF_CORE,
		.machine = ELF_X86_64,
		.version = ELF_VERSION,
		.program_headers = sizeof(e),
		.size = sizeof(e),
		.program_size = sizeof(struct elf_program),
	};

	if (size < sizeof(e) || !add_all(&h, p))
		return 0;
	e.programs = (uint16_t)h.count;
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
