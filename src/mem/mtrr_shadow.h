/*
 * The guest's MTRRs, where second-level paging decides about memory types and the CPU's own registers stay as the firmware
 * left them. A set for each CPU, as each has its own (SDM vol. 3A 12.11). Pure: tested on the host.
 */
#ifndef TRAPLINE_MTRR_SHADOW_H
#define TRAPLINE_MTRR_SHADOW_H

#include "mem/memory_type.h"

struct mtrr_shadow {
	struct mtrr_state now;  /* what the guest reads */
	struct mtrr_state used; /* what they were when they were on last */
	uint64_t cap;           /* IA32_MTRRCAP; 0: there are none */
};

enum mtrr_write {
	MTRR_REFUSED, /* a CPU raises #GP */
	MTRR_KEPT,    /* nothing is different for memory */
	MTRR_APPLIES  /* memory types are those of `used` from here on */
};

void mtrr_shadow_init(struct mtrr_shadow *s, const struct mtrr_state *firmware, uint64_t cap);

/* Whether the number can be an MTRR's on any CPU: for the permission map. */
bool mtrr_is(uint32_t msr);

/* False: this CPU has no such register. */
bool mtrr_shadow_read(struct mtrr_shadow *s, uint32_t msr, uint64_t *value);

/*
 * A WRMSR. Software changes MTRRs with E clear, on each CPU in turn (12.11.7.2, 12.11.8), and often writes only what was there:
 * with E clear nothing applies, and with E set again only what is not as it was.
 */
enum mtrr_write mtrr_shadow_write(struct mtrr_shadow *s, uint32_t msr, uint64_t value);

#endif
