// SPDX-License-Identifier: MIT
#include "trace/core_file.h"
#include "lib/string.h"
#include "trace/elf_core.h"
#include "trace/vector.h"

/* QEMU's struct QEMUCPUState, version 1. */
struct qemu_state {
	uint32_t version, size;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8_to_r15[8], rip, rflags;
	struct core_segment_state segment[CORE_SEGMENTS];
	uint64_t cr[5], kernel_gs_base;
};

_Static_assert(sizeof(struct qemu_state) == 440, "as QEMU has it");

/* Of each CPU. */
struct cpu_notes {
	struct elf_status_note status;
	struct elf_named_note qemu_note;
	struct qemu_state qemu;
} __attribute__((packed));

/* These come between and after them, if there is room. */
struct more_notes {
	struct elf_float_note floats;
	struct elf_xstate_note xstate;
	struct elf_system_note system;
} __attribute__((packed));

_Static_assert(
	sizeof(struct cpu_notes) % 4 == 0 && sizeof(struct more_notes) % 4 == 0, "notes are aligned to 4");

static struct elf_header *header_of(const struct core_file *c)
{
	return (struct elf_header *)c->room;
}

/* The first is that of the notes, then come those of the pages. */
static struct elf_program *programs_of(const struct core_file *c)
{
	return (struct elf_program *)(c->room + sizeof(struct elf_header));
}

static uint64_t programs_size(uint32_t loads)
{
	return sizeof(struct elf_header) + (loads + 1ull) * sizeof(struct elf_program);
}

static uint64_t up(uint64_t n)
{
	return (n + CORE_FILE_PAGE - 1) & ~(uint64_t)(CORE_FILE_PAGE - 1);
}

#define LOADS_A_PAGE 2
/* e_phnum has 16 bits, and 0xffff means another thing. */
#define PAGES_MAX (0xfff0u / LOADS_A_PAGE)

static void divide(struct core_file *c, uint32_t cpus)
{
	uint64_t notes = c->size / 4 / sizeof(struct cpu_notes), pages = c->size / CORE_FILE_PAGE;
	uint64_t all = cpus * (sizeof(struct cpu_notes) + sizeof(struct more_notes));

	c->cpus_max = notes < cpus ? (uint32_t)notes : cpus;
	c->notes_max = all < c->size / 4 ? all : c->size / 4;
	for (c->pages_max = pages < PAGES_MAX ? (uint32_t)pages : PAGES_MAX; c->pages_max; c->pages_max--) {
		c->loads_max = c->pages_max * LOADS_A_PAGE;
		c->pages_at = up(programs_size(c->loads_max) + c->notes_max);
		if (c->pages_at + c->pages_max * (uint64_t)CORE_FILE_PAGE <= c->size)
			break;
	}
}

static void write_header(struct core_file *c)
{
	*header_of(c) = elf_core_header(1);
	programs_of(c)[0] =
		(struct elf_program){.type = ELF_NOTE, .offset = programs_size(c->loads_max), .align = 4};
}

bool core_file_begin(struct core_file *c, void *room, uint64_t size, uint32_t cpus, uint16_t signal)
{
	*c = (struct core_file){.room = room, .size = size, .signal = signal};
	divide(c, cpus);
	if (!c->cpus_max || !c->pages_max)
		return false;
	memset(room, 0, c->pages_at);
	write_header(c);
	return true;
}

static void fill_qemu(struct qemu_state *q, const struct core_registers *r)
{
	const uint64_t *g = r->gpr;

	*q = (struct qemu_state){.version = 1, .size = sizeof(*q), .rip = r->rip, .rflags = r->rflags};
	q->rax = g[TRAP_RAX], q->rbx = g[TRAP_RBX], q->rcx = g[TRAP_RCX], q->rdx = g[TRAP_RDX];
	q->rsi = g[TRAP_RSI], q->rdi = g[TRAP_RDI], q->rsp = g[TRAP_RSP], q->rbp = g[TRAP_RBP];
	memcpy(q->r8_to_r15, &g[TRAP_R8], sizeof(q->r8_to_r15));
	memcpy(q->segment, r->segment, sizeof(q->segment));
	q->cr[0] = r->cr0, q->cr[2] = r->cr2, q->cr[3] = r->cr3, q->cr[4] = r->cr4;
	q->kernel_gs_base = r->kernel_gs_base;
}

static void add_note(struct core_file *c, const void *note, uint64_t size)
{
	struct elf_program *notes = programs_of(c);

	memcpy(c->room + notes->offset + notes->file_size, note, size);
	notes->file_size += size;
}

/* Whether there is room for all notes of this CPU, and the important ones of those after it. */
static bool has_room_for_more(const struct core_file *c)
{
	uint64_t others = (c->cpus_max - c->cpus - 1) * sizeof(struct cpu_notes);

	return programs_of(c)->file_size + sizeof(struct cpu_notes) + sizeof(struct more_notes) + others <=
	       c->notes_max;
}

static void add_status(struct core_file *c, const struct core_registers *r, uint32_t number)
{
	struct elf_status_note n = elf_note_status(r, number + 1);

	n.status.signal = c->signal; /* readers take the last CPU's for all */
	add_note(c, &n, sizeof(n));
}

static void add_vectors(struct core_file *c, const struct vector_state *v)
{
	struct elf_float_note floats = elf_note_float(v);

	add_note(c, &floats, sizeof(floats));
	if (v->avx) {
		struct elf_xstate_note xstate = elf_note_xstate(v);

		add_note(c, &xstate, sizeof(xstate));
	}
}

static void add_qemu(struct core_file *c, const struct core_registers *r)
{
	struct elf_named_note note = elf_note_of("QEMU", sizeof(struct qemu_state), 0);
	struct qemu_state state;

	fill_qemu(&state, r);
	add_note(c, &note, sizeof(note));
	add_note(c, &state, sizeof(state));
}

static void add_system(struct core_file *c, const struct core_registers *r)
{
	struct elf_system_note n = elf_note_system(r);

	add_note(c, &n, sizeof(n));
}

/* gdb takes the notes behind a NT_PRSTATUS for that thread's. */
bool core_file_add_cpu(struct core_file *c, const struct core_registers *r, uint32_t number)
{
	bool more;

	if (c->cpus == c->cpus_max)
		return false;
	more = has_room_for_more(c);
	add_status(c, r, number);
	if (more)
		add_vectors(c, &r->vectors);
	add_qemu(c, r);
	if (more)
		add_system(c, r);
	c->cpus++;
	return true;
}

/* The load at a linear address, or of a physical page; NULL: there is none. */
static const struct elf_program *at_linear(const struct core_file *c, uint64_t linear)
{
	const struct elf_program *p = programs_of(c) + 1;

	for (uint32_t i = 0; i < c->loads; i++)
		if (p[i].linear == linear)
			return &p[i];
	return NULL;
}

static const struct elf_program *at_physical(const struct core_file *c, uint64_t physical)
{
	const struct elf_program *p = programs_of(c) + 1;

	for (uint32_t i = 0; i < c->loads; i++)
		if (p[i].physical == physical)
			return &p[i];
	return NULL;
}

static void add_load(struct core_file *c, uint64_t linear, uint64_t physical, uint64_t offset)
{
	programs_of(c)[++c->loads] = (struct elf_program){.type = ELF_LOAD,
		.flags = ELF_FLAGS_RWX,
		.offset = offset,
		.linear = linear,
		.physical = physical,
		.file_size = CORE_FILE_PAGE,
		.memory_size = CORE_FILE_PAGE,
		.align = CORE_FILE_PAGE};
	header_of(c)->programs = (uint16_t)(c->loads + 1);
}

bool core_file_add_page(struct core_file *c, uint64_t linear, uint64_t physical, uint8_t **to)
{
	const struct elf_program *there = at_linear(c, linear);

	*to = NULL;
	if (there && there->physical != physical) /* in another address space */
		there = at_linear(c, linear = CORE_FILE_PHYSICAL + physical);
	if (there)
		return true;
	if (c->loads == c->loads_max)
		return false;
	there = at_physical(c, physical);
	if (!there && c->pages == c->pages_max)
		return false;
	if (!there)
		*to = c->room + c->pages_at + c->pages++ * (uint64_t)CORE_FILE_PAGE;
	add_load(c, linear, physical, there ? there->offset : (uint64_t)(*to - c->room));
	return true;
}

void core_file_drop_page(struct core_file *c)
{
	c->pages--;
	c->loads--;
	header_of(c)->programs = (uint16_t)(c->loads + 1);
}

uint64_t core_file_size(const struct core_file *c)
{
	return c->pages_at + c->pages * (uint64_t)CORE_FILE_PAGE;
}

uint16_t core_file_signal(unsigned vector)
{
	switch (vector) {
	case VEC_DE:
	case VEC_MF:
	case VEC_XM:
		return 8; /* SIGFPE */
	case VEC_UD:
		return 4; /* SIGILL */
	case VEC_DB:
	case VEC_BP:
		return 5; /* SIGTRAP */
	default:
		return 11; /* SIGSEGV */
	}
}
