// SPDX-License-Identifier: MIT
/*
 * Why a VM entry refused the guest's state: the checks of SDM vol. 3C 27.3.1, each with its field.
 * The CPU itself only reports that one of them failed. Pure: tested on the host.
 */
#ifndef TRAPLINE_VMX_CHECK_H
#define TRAPLINE_VMX_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct vmx_check_row {
	const char *fields, *why;
	const char *guest;   /* why the guest cannot cause it */
	uint32_t clear, set; /* the remedy if it fails nevertheless: bits of the field */
};

/* All checks, also in docs/vendors.md; the last row has no fields. */
extern const struct vmx_check_row vmx_check_rows[];

struct vmx_check {
	uint64_t (*read)(uint32_t field);
	void (*fail)(uint32_t field, const struct vmx_check_row *row); /* called for each check that fails */
	/* Called instead if the row has a remedy: writes the corrected value. NULL: nothing is corrected. */
	void (*mend)(uint32_t field, uint64_t value, const struct vmx_check_row *row);
	uint64_t cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1; /* the capability MSRs */
	unsigned physical_bits, linear_bits;
	bool lam; /* bits 61 and 62 of CR3 are not reserved */
};

/* Returns the number of checks that fail, without those that were corrected. */
unsigned vmx_check_state(const struct vmx_check *c);

/* Whether a page-directory-pointer-table entry of PAE paging has no reserved bit set: SDM vol. 3A table 4-8. */
static inline bool vmx_pdpte_is_valid(uint64_t entry, unsigned physical_bits)
{
	uint64_t reserved = 0x1e6 | ~0ull << physical_bits;

	return !(entry & 1) || !(entry & reserved);
}

/* The name of a field, as in vmcs.h. */
const char *vmx_field_name(uint32_t field);

#endif
