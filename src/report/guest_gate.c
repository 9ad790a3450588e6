// SPDX-License-Identifier: MIT
#include "report/guest_gate.h"
#include "mem/guest_walk.h"
#include "trace/gate.h"

uint64_t guest_gate_handler(
	const struct guest_paging *paging, const struct segment_state *idt, unsigned vector)
{
	uint8_t bytes[GATE_SIZE_MAX];
	struct gate_info g;

	if ((vector + 1) * GATE_SIZE_MAX - 1 > idt->limit ||
		guest_read(paging, idt->base + vector * GATE_SIZE_MAX, bytes, sizeof(bytes)) != sizeof(bytes))
		return 0;
	g = gate_decode(GATE_LONG, bytes);
	return gate_usable(GATE_LONG, &g) ? g.offset : 0;
}
