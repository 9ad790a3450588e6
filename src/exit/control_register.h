// SPDX-License-Identifier: MIT
/*
 * The values that MOV to CR0 and CR4 refuses with #GP, apart from reserved bits: SDM vol. 2B "MOV - Move to/from Control
 * Registers", APM vol. 2 3.1.1, 3.1.3 and 14.6. The exit comes before the CPU's own
 * checks, except that of the privilege level. Pure: tested on the host.
 */
#ifndef TRAPLINE_CONTROL_REGISTER_H
#define TRAPLINE_CONTROL_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

/* The guest's state before the instruction. */
struct cr_state {
	uint64_t cr0, cr3, cr4, efer;
	bool long_code; /* CS.L */
};

bool cr0_is_legal(const struct cr_state *s, uint64_t value);
bool cr4_is_legal(const struct cr_state *s, uint64_t value);

#endif
