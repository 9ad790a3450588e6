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
#include "hw/x86.h"

/* The guest's state before the instruction. */
struct cr_state {
	uint64_t cr0, cr3, cr4, efer;
	bool long_code; /* CS.L */
};

bool cr0_is_legal(const struct cr_state *s, uint64_t value);
bool cr4_is_legal(const struct cr_state *s, uint64_t value);

/*
 * MOV to CR3: reserved bits in long mode. Bit 63 is for CR4.PCIDE.
 *   lam  the CPU has linear-address masking, with its bits 61 and 62 (SDM vol. 3A 4.4 and table 4-12)
 */
bool cr3_is_legal(const struct cr_state *s, uint64_t value, unsigned physical_bits, bool lam);

/* CR0 after LMSW, which can set PE and not clear it (SDM vol. 2A LMSW). */
uint64_t cr0_with_lmsw(uint64_t cr0, uint64_t source);

/* EFER.LMA follows LME and CR0.PG (SDM vol. 3A 11.8.5). */
uint64_t efer_with(uint64_t efer, uint64_t cr0);

/* Whether the CPU loads the four PDPTEs, from *now to *next (SDM vol. 3A 4.4.1), and whether it accepts one of them. */
bool cr_loads_pdptes(const struct cr_state *now, const struct cr_state *next);
bool pdpte_is_legal(uint64_t entry, unsigned physical_bits);

/* The bits of CR0 that LMSW writes. */
#define LMSW_BITS (CR0_PE | CR0_MP | CR0_EM | CR0_TS)

/* The values that DR6 and DR7 have after such a write (SDM vol. 3B 18.2.3, 18.2.4), for CPUs without BLD and RTM. */
#define DR6_WRITABLE 0xe00full
#define DR6_SET      0xffff0ff0ull
#define DR7_WRITABLE 0xffff2bffull

#endif
