// SPDX-License-Identifier: MIT
/*
 * Catches events: 256 entries, one capture, and a way into and out of the code under test.
 *
 * trap_run() enters the code by IRETQ, so that CPL, RFLAGS, RSP and every register are exactly as requested. It
 * returns when an event is taken whose vector is not in `resume`. The handler stores everything that the CPU
 * delivered, and does not evaluate it.
 */
#ifndef GUEST_TRAP_H
#define GUEST_TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRAP_ENTRY_SIZE 16
#define TRAP_EVENTS_MAX 48

enum trap_vector {
	VECTOR_DE = 0,
	VECTOR_DB = 1,
	VECTOR_BP = 3,
	VECTOR_OF = 4,
	VECTOR_UD = 6,
	VECTOR_NM = 7,
	VECTOR_DF = 8,
	VECTOR_TS = 10,
	VECTOR_NP = 11,
	VECTOR_SS = 12,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_MF = 16,
	VECTOR_AC = 17,
	VECTOR_XM = 19,
};

/* The encoding order of the ModRM byte. */
enum reg {
	REG_RAX,
	REG_RCX,
	REG_RDX,
	REG_RBX,
	REG_RSP,
	REG_RBP,
	REG_RSI,
	REG_RDI,
	REG_R8,
	REG_R9,
	REG_R10,
	REG_R11,
	REG_R12,
	REG_R13,
	REG_R14,
	REG_R15,
	REG_COUNT
};

/* The contents of the CPU's frame and registers; gpr, rip to ss have the order of an entry, see entry.S. */
struct trap_state {
	uint64_t gpr[REG_COUNT];
	uint64_t rip, cs, rflags, rsp, ss;
};

struct trap_event {
	struct trap_state state;
	uint64_t cr2, dr6;
	uint64_t frame_top; /* where the stack stood before the CPU pushed */
	uint32_t error;
	uint8_t vector;
	bool has_error;
};

struct trap_log {
	unsigned count;
	struct trap_event event[TRAP_EVENTS_MAX];
};

extern const uint8_t trap_entries[];
/* The section of the stubs; the names are the linker's. */
extern const uint8_t __start_trap_stubs[], __stop_trap_stubs[];

/*
 * Runs from `start` on until an event with a vector outside of `resume`, or TRAP_EVENTS_MAX events. Bits of
 * `resume` are vectors below 64. Returns the events; valid until the next call.
 */
const struct trap_log *trap_run(const struct trap_state *start, uint64_t resume);

/* Defines a piece of code of a test, in the section that ring 3 can reach as well. TRAP_STUB(name, "instructions") */
#define TRAP_STUB(name, code)                                                                                \
	extern const uint8_t stub_##name[], stub_##name##_end[];                                             \
	__asm__(".pushsection trap_stubs, \"ax\", @progbits\n"                                               \
		".balign 16\n"                                                                               \
		"stub_" #name ":\n" code "\n"                                                                \
		"stub_" #name "_end:\n"                                                                      \
		"int $0x81\n"                                                                                \
		".popsection\n")

#endif
