// SPDX-License-Identifier: MIT
/*
 * The x87, SSE and AVX registers. Trapline does not use them, so while it runs they hold the guest's values (src/build.mk). The layout is
 * FXSAVE's and XSAVE's (SDM vol. 1 10.5.1 and 13.4), which has two forms: with selectors, or with 64-bit addresses of the x87's last
 * instruction and operand instead. The second is used if an address needs it, because either form loses what the other has. Then `cs` and
 * `ds` are bits 32 to 47, as gdb's fiseg and foseg show them.
 */
#ifndef TRAPLINE_VECTOR_STATE_H
#define TRAPLINE_VECTOR_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct vector_state {
	uint16_t control, status;
	uint8_t tags; /* a bit for each register that is in use */
	uint8_t reserved1;
	uint16_t opcode;
	uint32_t ip;
	uint16_t cs, reserved2;
	uint32_t data;
	uint16_t ds, reserved3;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
	uint8_t xmm[16][16];
	uint8_t reserved4[96];
	uint64_t header
		[8]; /* XSAVE's: its first word has a bit for each part that is not in its initial state */
	uint8_t ymmh[16][16];
	/* Not the CPU's: 64-bit addresses; the guest has AVX switched on (XCR0), otherwise ymmh is zeros. */
	bool wide, avx;
} __attribute__((aligned(64)));

/* Reads and writes this CPU's registers. */
void vector_save(struct vector_state *s);
void vector_load(struct vector_state *s);

#endif
