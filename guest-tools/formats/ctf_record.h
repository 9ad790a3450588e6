// SPDX-License-Identifier: MIT
/*
 * Describes struct trap_record for CTF: one row for each field, from the first byte of the record to the last. Below, a packed
 * struct is made of the same list, and the compiler checks that each field has the offset that it has in the record.
 *
 *   INT(name, member, bits, base)         a number
 *   BITS(name, member, bits)              some bits of a byte, the lowest ones first
 *   ENUM(name, member, bits, labels)      a number with names: the enumeration is `labels`
 *   ARRAY(name, member, bits, count)      bytes
 *
 * The event header holds the time, which readers take from there, and seq, which lies before it.
 */
#ifndef TRAPLINE_CTF_RECORD_H
#define TRAPLINE_CTF_RECORD_H

#include <stddef.h>
#include <trapline/record.h>

/* clang-format off */
#define CTF_HEADER(INT, BITS, ENUM, ARRAY)                                                                   \
	INT(seq, seq, 64, 10)                                                                                \
	INT(timestamp, tsc, 64, 10)

#define CTF_PAYLOAD(INT, BITS, ENUM, ARRAY)                                                                  \
	INT(rip, rip, 64, 16)                                                                                \
	INT(cr2, cr2, 64, 16)                                                                                \
	INT(cr3, cr3, 64, 16)                                                                                \
	INT(rax, gpr[TRAP_RAX], 64, 16)                                                                      \
	INT(rcx, gpr[TRAP_RCX], 64, 16)                                                                      \
	INT(rdx, gpr[TRAP_RDX], 64, 16)                                                                      \
	INT(rbx, gpr[TRAP_RBX], 64, 16)                                                                      \
	INT(rsp, gpr[TRAP_RSP], 64, 16)                                                                      \
	INT(rbp, gpr[TRAP_RBP], 64, 16)                                                                      \
	INT(rsi, gpr[TRAP_RSI], 64, 16)                                                                      \
	INT(rdi, gpr[TRAP_RDI], 64, 16)                                                                      \
	INT(r8, gpr[TRAP_R8], 64, 16)                                                                        \
	INT(r9, gpr[TRAP_R9], 64, 16)                                                                        \
	INT(r10, gpr[TRAP_R10], 64, 16)                                                                      \
	INT(r11, gpr[TRAP_R11], 64, 16)                                                                      \
	INT(r12, gpr[TRAP_R12], 64, 16)                                                                      \
	INT(r13, gpr[TRAP_R13], 64, 16)                                                                      \
	INT(r14, gpr[TRAP_R14], 64, 16)                                                                      \
	INT(r15, gpr[TRAP_R15], 64, 16)                                                                      \
	INT(fs_base, fs_base, 64, 16)                                                                        \
	INT(gs_base, gs_base, 64, 16)                                                                        \
	INT(cs_base, cs_base, 32, 16)                                                                        \
	INT(ss_base, ss_base, 32, 16)                                                                        \
	INT(ds_base, ds_base, 32, 16)                                                                        \
	INT(es_base, es_base, 32, 16)                                                                        \
	INT(cr0, cr0, 32, 16)                                                                                \
	INT(cr4, cr4, 32, 16)                                                                                \
	INT(efer, efer, 32, 16)                                                                              \
	INT(rflags, rflags, 32, 16)                                                                          \
	INT(dr6, dr6, 32, 16)                                                                                \
	INT(error_code, error_code, 32, 16)                                                                  \
	INT(during_error, during_error, 32, 16)                                                              \
	INT(cs, cs, 16, 16)                                                                                  \
	INT(cpu, cpu, 16, 10)                                                                                \
	ENUM(vector, vector, 8, vectors)                                                                     \
	ENUM(type, type, 8, types)                                                                           \
	INT(flags, flags, 8, 16)                                                                             \
	INT(mode, mode, 8, 10)                                                                               \
	BITS(cpl, privilege, 4)                                                                              \
	BITS(stack32, privilege, 4)                                                                          \
	ENUM(during_vector, during_vector, 8, vectors)                                                       \
	ENUM(during_type, during_type, 8, types)                                                             \
	INT(link, link, 8, 10)                                                                               \
	INT(code_len, code_len, 8, 10)                                                                       \
	ARRAY(code, code, 8, TRAP_CODE_MAX)
/* clang-format on */

#define CTF_RECORD(INT, BITS, ENUM, ARRAY)                                                                   \
	CTF_HEADER(INT, BITS, ENUM, ARRAY) CTF_PAYLOAD(INT, BITS, ENUM, ARRAY)

#define INT(name, member, bits, base)    uint##bits##_t name;
#define BITS(name, member, bits)         uint8_t name : bits;
#define ENUM(name, member, bits, labels) uint##bits##_t name;
#define ARRAY(name, member, bits, count) uint##bits##_t name[count];
struct __attribute__((packed)) ctf_record {
	CTF_RECORD(INT, BITS, ENUM, ARRAY)
};
#undef INT
#undef BITS
#undef ENUM
#undef ARRAY

#define SAME(name, member)                                                                                   \
	_Static_assert(                                                                                      \
		offsetof(struct ctf_record, name) == offsetof(struct trap_record, member) &&                 \
			sizeof(((struct ctf_record *)0)->name) == sizeof(((struct trap_record *)0)->member), \
		"CTF's " #name " lies where the record has " #member);
#define INT(name, member, bits, base) SAME(name, member)
#define BITS(name, member, bits)
#define ENUM(name, member, bits, labels) SAME(name, member)
#define ARRAY(name, member, bits, count) SAME(name, member)
CTF_RECORD(INT, BITS, ENUM, ARRAY)
#undef INT
#undef BITS
#undef ENUM
#undef ARRAY
#undef SAME
_Static_assert(sizeof(struct ctf_record) == sizeof(struct trap_record), "nothing is left out");
_Static_assert(TRAP_RECORD_VERSION == 2, "the layout has changed: look whether the list above still says it");

#endif
