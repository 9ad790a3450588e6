// SPDX-License-Identifier: MIT
/* The parts of an ELF core: System V ABI, chapters 4 and 5, and its AMD64 supplement. Pure. */
#ifndef TRAPLINE_ELF_CORE_H
#define TRAPLINE_ELF_CORE_H

#include "trace/core_registers.h"

struct elf_header {
	uint8_t ident[16];
	uint16_t type, machine;
	uint32_t version;
	uint64_t entry, program_at, section_at;
	uint32_t flags;
	uint16_t size, program_size, programs, section_size, sections, names;
};

_Static_assert(sizeof(struct elf_header) == 64, "Elf64_Ehdr");

struct elf_program {
	uint32_t type, flags;
	uint64_t offset, linear, physical, file_size, memory_size, align;
};

_Static_assert(sizeof(struct elf_program) == 56, "Elf64_Phdr");

#define ELF_LOAD      1
#define ELF_NOTE      4
#define ELF_FLAGS_RWX 7

struct elf_note {
	uint32_t name_size, size, type;
};

struct elf_named_note {
	struct elf_note head;
	char name[8]; /* "CORE", "QEMU" and "LINUX" take 5 or 6 bytes, and fill 8 */
};

/* Linux's struct elf_prstatus and user_regs_struct on x86-64. */
struct elf_status {
	uint32_t info[3];
	uint16_t signal, reserved1;
	uint64_t pending, held;
	uint32_t pid, parent, group, session;
	uint64_t times[8];
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi, orig_rax, rip, cs,
		rflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;
	uint32_t fp_valid, reserved2;
};

_Static_assert(sizeof(struct elf_status) == 336, "as Linux has it");

struct elf_status_note {
	struct elf_named_note note;
	struct elf_status status;
} __attribute__((packed));

/* The header of a core, with its program headers right behind it. */
struct elf_header elf_core_header(uint16_t programs);

/* FXSAVE's format: Linux's user_fpregs_struct. */
#define ELF_FLOAT_SIZE 512

struct elf_float_note {
	struct elf_named_note note;
	uint8_t image[ELF_FLOAT_SIZE];
} __attribute__((packed));

/* XSAVE's format, with XCR0 in a place that XSAVE leaves free. Here with the parts up to AVX. */
#define ELF_XSTATE_SIZE 832
#define ELF_XSTATE_XCR0 464

struct elf_xstate_note {
	struct elf_named_note note;
	uint8_t image[ELF_XSTATE_SIZE];
} __attribute__((packed));

/* Trapline's own note: docs/cores.md. */
#define ELF_SYSTEM_TYPE                                                                                      \
	0x54524150 /* "TRAP": of another owner, but readers that know only types must not take it for theirs */

struct elf_system_note {
	struct elf_note head;
	char name[12];
	struct core_system_register registers[CORE_SYSTEM_MAX];
} __attribute__((packed));

/* name  of 4 to 7 characters */
struct elf_named_note elf_note_of(const char *name, uint32_t size, uint32_t type);

/*
 * The note NT_PRSTATUS of a CPU, without a signal.
 *   thread  its number for debuggers, from 1 on
 */
struct elf_status_note elf_note_status(const struct core_registers *r, uint32_t thread);

/* NT_FPREGSET, and NT_X86_XSTATE, which is for a CPU whose guest has switched AVX on. */
struct elf_float_note elf_note_float(const struct vector_state *v);
struct elf_xstate_note elf_note_xstate(const struct vector_state *v);

struct elf_system_note elf_note_system(const struct core_registers *r);

#endif
