// SPDX-License-Identifier: MIT
/* Where the guest handles an exception. */
#ifndef TRAPLINE_GUEST_GATE_H
#define TRAPLINE_GUEST_GATE_H

#include "vendor.h"

/*
 * The address that a gate of an interrupt table of long mode leads to; 0: none.
 *   vector  0 to 255
 */
uint64_t guest_gate_handler(
	const struct guest_paging *paging, const struct segment_state *idt, unsigned vector);

#endif
