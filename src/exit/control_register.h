/*
 * What MOV to CR0 and CR4 refuses with #GP for other reasons than reserved bits: SDM vol. 2B "MOV - Move to/from Control
 * Registers", APM vol. 2 3.1.1, 3.1.3 and 14.6. For exits of that instruction, in front of which the CPU has checked no
 * more than that it may be executed. Pure: tested on the host.
 */
#ifndef TRAPLINE_CONTROL_REGISTER_H
#define TRAPLINE_CONTROL_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#define CR0_PE    (1ull << 0)
#define CR0_WP    (1ull << 16)
#define CR0_NW    (1ull << 29)
#define CR0_CD    (1ull << 30)
#define CR0_PG    (1ull << 31)
#define CR4_PAE   (1ull << 5)
#define CR4_LA57  (1ull << 12)
#define CR4_PCIDE (1ull << 17)
#define CR4_CET   (1ull << 23)
#define EFER_LME  (1ull << 8)
#define EFER_LMA  (1ull << 10)

/* The guest as it stands, before the instruction. */
struct cr_state {
	uint64_t cr0, cr3, cr4, efer;
	bool long_code; /* CS.L */
};

bool cr0_is_legal(const struct cr_state *s, uint64_t value);
bool cr4_is_legal(const struct cr_state *s, uint64_t value);

#endif
