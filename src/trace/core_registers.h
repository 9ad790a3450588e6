// SPDX-License-Identifier: MIT
/* One CPU's registers, for a core. */
#ifndef TRAPLINE_CORE_REGISTERS_H
#define TRAPLINE_CORE_REGISTERS_H

#include <stdint.h>
#include <trapline/record.h>
#include "hw/vector_state.h"

/* The order in QEMU's struct QEMUCPUState. */
enum core_segment {
	CORE_CS,
	CORE_DS,
	CORE_ES,
	CORE_FS,
	CORE_GS,
	CORE_SS,
	CORE_LDTR,
	CORE_TR,
	CORE_GDTR,
	CORE_IDTR,
	CORE_SEGMENTS
};

#define CORE_CODE_64 (1u << 21) /* core_segment_state.flags: CS.L */

/* As it is in the note; `flags` as in a descriptor's second word. */
struct core_segment_state {
	uint32_t selector, limit, flags, reserved;
	uint64_t base;
};

/* A register that no other note has, as it is in the note. */
struct core_system_register {
	uint32_t kind, number;
	uint64_t value;
};

enum core_system_kind {
	CORE_NOTHING, /* this CPU does not have it */
	CORE_MSR,
	CORE_DEBUG, /* DR0 to DR3, DR6, DR7 */
	CORE_XCR
};

#define CORE_SYSTEM_MAX 26

struct core_registers {
	uint64_t gpr[TRAP_GPRS], rip, rflags;
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t kernel_gs_base;
	struct core_segment_state segment[CORE_SEGMENTS];
	struct core_system_register system[CORE_SYSTEM_MAX];
	struct vector_state vectors;
};

#endif
