// SPDX-License-Identifier: MIT
/* One CPU's registers, for a core. */
#ifndef TRAPLINE_CORE_REGISTERS_H
#define TRAPLINE_CORE_REGISTERS_H

#include <stdint.h>
#include <trapline/record.h>

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

struct core_registers {
	uint64_t gpr[TRAP_GPRS], rip, rflags;
	uint64_t cr0, cr2, cr3, cr4, efer;
	uint64_t kernel_gs_base;
	struct core_segment_state segment[CORE_SEGMENTS];
};

#endif
