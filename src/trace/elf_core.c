// SPDX-License-Identifier: MIT
#include "trace/elf_core.h"
#include <stddef.h>
#include "lib/string.h"

#define ET_CORE       4
#define EM_X86_64     62
#define NT_PRSTATUS   1
#define NT_FPREGSET   2
#define NT_X86_XSTATE 0x202
#define XCR0_PARTS    7ull /* x87, SSE, AVX */

_Static_assert(
	offsetof(struct vector_state, ymmh) + sizeof(((struct vector_state *)0)->ymmh) == ELF_XSTATE_SIZE,
	"XSAVE's format");

struct elf_header elf_core_header(uint16_t programs)
{
	return (struct elf_header){.ident = {0x7f, 'E', 'L', 'F', 2, 1, 1}, /* 64 bits, little endian */
		.type = ET_CORE,
		.machine = EM_X86_64,
		.version = 1,
		.program_at = sizeof(struct elf_header),
		.size = sizeof(struct elf_header),
		.program_size = sizeof(struct elf_program),
		.programs = programs};
}

struct elf_named_note elf_note_of(const char *name, uint32_t size, uint32_t type)
{
	uint32_t length = (uint32_t)strlen(name);
	struct elf_named_note n = {.head = {.name_size = length + 1, .size = size, .type = type}};

	memcpy(n.name, name, length);
	return n;
}

static void fill(struct elf_status *s, const struct core_registers *r)
{
	const uint64_t *g = r->gpr;
	const struct core_segment_state *seg = r->segment;

	s->r15 = g[TRAP_R15], s->r14 = g[TRAP_R14], s->r13 = g[TRAP_R13], s->r12 = g[TRAP_R12];
	s->r11 = g[TRAP_R11], s->r10 = g[TRAP_R10], s->r9 = g[TRAP_R9], s->r8 = g[TRAP_R8];
	s->rax = g[TRAP_RAX], s->rbx = g[TRAP_RBX], s->rcx = g[TRAP_RCX], s->rdx = g[TRAP_RDX];
	s->rsi = g[TRAP_RSI], s->rdi = g[TRAP_RDI], s->rbp = g[TRAP_RBP], s->rsp = g[TRAP_RSP];
	s->rip = r->rip, s->rflags = r->rflags;
	s->cs = seg[CORE_CS].selector, s->ss = seg[CORE_SS].selector;
	s->ds = seg[CORE_DS].selector, s->es = seg[CORE_ES].selector;
	s->fs = seg[CORE_FS].selector, s->gs = seg[CORE_GS].selector;
	s->fs_base = seg[CORE_FS].base, s->gs_base = seg[CORE_GS].base;
}

struct elf_status_note elf_note_status(const struct core_registers *r, uint32_t thread)
{
	struct elf_status s = {.pid = thread, .orig_rax = ~0ull}; /* no system call is to be restarted */

	fill(&s, r);
	return (struct elf_status_note){.note = elf_note_of("CORE", sizeof(s), NT_PRSTATUS), .status = s};
}

struct elf_float_note elf_note_float(const struct vector_state *v)
{
	struct elf_float_note n = {.note = elf_note_of("CORE", ELF_FLOAT_SIZE, NT_FPREGSET)};

	memcpy(n.image, v, sizeof(n.image));
	return n;
}

struct elf_xstate_note elf_note_xstate(const struct vector_state *v)
{
	static const uint64_t parts = XCR0_PARTS;
	struct elf_xstate_note n = {.note = elf_note_of("LINUX", ELF_XSTATE_SIZE, NT_X86_XSTATE)};

	memcpy(n.image, v, sizeof(n.image));
	memcpy(n.image + ELF_XSTATE_XCR0, &parts, sizeof(parts));
	return n;
}

struct elf_system_note elf_note_system(const struct core_registers *r)
{
	struct elf_system_note n = {.head = {.name_size = sizeof("Trapline"),
					    .size = sizeof(n.registers),
					    .type = ELF_SYSTEM_TYPE},
		.name = "Trapline"};

	memcpy(n.registers, r->system, sizeof(n.registers));
	return n;
}
