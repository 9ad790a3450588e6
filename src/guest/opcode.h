// SPDX-License-Identifier: MIT
/*
 * Recognises the instructions that Trapline carries out or has to distinguish, and their length. None of them addresses
 * memory, so each consists of prefixes, the opcode and at most one more byte. Pure: tested on the host, and
 * fuzzed against Zydis.
 */
#ifndef TRAPLINE_OPCODE_H
#define TRAPLINE_OPCODE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * X(name, bytes after the opcode, opcode bytes), SDM vol. 2D appendix A and APM vol. 3 appendix A. MOV_CR is MOV to a control
 * register: the byte is its ModRM, whose upper two bits are ignored.
 */
#define OPCODES(X)                                                                                           \
	X(INT3, 0, 0xcc)                                                                                     \
	X(INT, 1, 0xcd)                                                                                      \
	X(INTO, 0, 0xce)                                                                                     \
	X(INT1, 0, 0xf1)                                                                                     \
	X(HLT, 0, 0xf4)                                                                                      \
	X(STI, 0, 0xfb)                                                                                      \
	X(INVD, 0, 0x0f, 0x08)                                                                               \
	X(WBINVD, 0, 0x0f, 0x09)                                                                             \
	X(MOV_CR, 1, 0x0f, 0x22)                                                                             \
	X(WRMSR, 0, 0x0f, 0x30)                                                                              \
	X(RDMSR, 0, 0x0f, 0x32)                                                                              \
	X(CPUID, 0, 0x0f, 0xa2)                                                                              \
	X(VMCALL, 0, 0x0f, 0x01, 0xc1)                                                                       \
	X(MWAIT, 0, 0x0f, 0x01, 0xc9)                                                                        \
	X(XSETBV, 0, 0x0f, 0x01, 0xd1)                                                                       \
	X(VMRUN, 0, 0x0f, 0x01, 0xd8)                                                                        \
	X(VMMCALL, 0, 0x0f, 0x01, 0xd9)                                                                      \
	X(VMLOAD, 0, 0x0f, 0x01, 0xda)                                                                       \
	X(VMSAVE, 0, 0x0f, 0x01, 0xdb)                                                                       \
	X(STGI, 0, 0x0f, 0x01, 0xdc)                                                                         \
	X(CLGI, 0, 0x0f, 0x01, 0xdd)                                                                         \
	X(SKINIT, 0, 0x0f, 0x01, 0xde)                                                                       \
	X(INVLPGA, 0, 0x0f, 0x01, 0xdf)                                                                      \
	X(MWAITX, 0, 0x0f, 0x01, 0xfb)

#define X(name, more, ...) OPCODE_##name,
enum opcode {
	OPCODES(X) OPCODE_COUNT,
	OPCODE_NONE = OPCODE_COUNT
};
#undef X

struct found_opcode {
	enum opcode opcode;
	uint8_t length; /* total, prefixes included: 1 to 15 */
	uint8_t rex;    /* the REX prefix right before the opcode; 0: none */
	uint8_t byte;   /* after the opcode: the vector of INT n, the ModRM of MOV_CR; otherwise 0 */
};

/*
 * Finds the instruction.
 *   code, length  the bytes at RIP, 0 to 15 of them
 *   mode          16, 32 or 64
 * Returns OPCODE_NONE, with nothing written, if the bytes are not in the list or too few. Prefixes are assumed to change
 * nothing: if one makes the instruction another one or an invalid one, the CPU does not report this exit.
 */
enum opcode opcode_find(const uint8_t *code, unsigned length, unsigned mode, struct found_opcode *out);

/* The length of the instruction without prefixes. */
#define X(name, more, ...) LENGTH_##name = sizeof((const uint8_t[]){__VA_ARGS__}) + (more),
enum opcode_length {
	OPCODES(X)
};
#undef X
unsigned opcode_length(enum opcode opcode);

/* Its first two bytes as they lie in memory, the second 0 where there is one only. */
#define OPCODE_BEGIN(first, second, ...) ((first) | (second) << 8)
#define X(name, more, ...)               BEGIN_##name = OPCODE_BEGIN(__VA_ARGS__, 0, 0),
enum opcode_begin {
	OPCODES(X)
};
#undef X

#endif
