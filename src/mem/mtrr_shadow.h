// SPDX-License-Identifier: MIT
/*
 * The guest's MTRRs, a set for each CPU (SDM vol. 3A 12.11). They decide the memory types in second-level paging; the CPU's own
 * registers stay as the firmware left them. Pure: tested on the host.
 */
#ifndef TRAPLINE_MTRR_SHADOW_H
#define TRAPLINE_MTRR_SHADOW_H

#include "mem/memory_type.h"

struct mtrr_shadow {
	struct mtrr_state now;  /* the values that the guest reads */
	struct mtrr_state used; /* the values when E was last set */
	uint64_t cap;           /* IA32_MTRRCAP; 0: no MTRRs */
};

enum mtrr_write {
	MTRR_REFUSED, /* the CPU would raise #GP */
	MTRR_KEPT,    /* memory types do not change */
	MTRR_APPLIES  /* memory types are those of `used` from now on */
};

void mtrr_shadow_init(struct mtrr_shadow *s, const struct mtrr_state *firmware, uint64_t cap);

/* Whether the number is an MTRR on any CPU: for the permission map. */
bool mtrr_is(uint32_t msr);

/* False: this CPU has no such register. */
bool mtrr_shadow_read(struct mtrr_shadow *s, uint32_t msr, uint64_t *value);

/*
 * A WRMSR. Software clears E, writes MTRRs and sets E, on each CPU in turn (12.11.7.2, 12.11.8), and often writes the same
 * values again. So nothing applies while E is clear, and afterwards only real changes do.
 */
enum mtrr_write mtrr_shadow_write(struct mtrr_shadow *s, uint32_t msr, uint64_t value);

#endif
