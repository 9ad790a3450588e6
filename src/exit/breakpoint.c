// SPDX-License-Identifier: MIT
#include "exit/breakpoint.h"
#include "hw/asm.h"
#include "hw/x86.h"
#include "vendor.h"

#define ENABLED 0xffu /* L and G of all four */
#define KIND_IO 2u

/*
 * DR0 to DR3 always hold the guest's values. LEN is 1, 2, 8 and 4 bytes, and the address counts as aligned to
 * it.
 */
static bool meets(uint64_t dr7, unsigned n, unsigned port, unsigned size)
{
	static const uint8_t lengths[] = {1, 2, 8, 4};
	unsigned control = dr7 >> (16 + 4 * n) & 0xf, length = lengths[control >> 2];
	uint64_t first = debug_address(n) & ~(uint64_t)(length - 1);

	return dr7 >> 2 * n & 3 && (control & 3) == KIND_IO && port < first + length && first < port + size;
}

uint64_t breakpoint_io(const struct cpu *cpu, unsigned port, unsigned size)
{
	uint64_t dr7 = vendor->state.get(cpu, GUEST_DR7), met = 0;

	if (!(dr7 & ENABLED) || !(vendor->state.get(cpu, GUEST_CR4) & CR4_DE))
		return 0;
	for (unsigned n = 0; n < 4; n++)
		met |= (uint64_t)meets(dr7, n, port, size) << n;
	return met;
}
