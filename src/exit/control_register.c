// SPDX-License-Identifier: MIT
#include "exit/control_register.h"

bool cr0_is_legal(const struct cr_state *s, uint64_t value)
{
	bool mode64 = (s->efer & EFER_LMA) && s->long_code;

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
		return false;
	if (!(value & CR0_WP) && (s->cr4 & CR4_CET))
		return false;
	if (!(value & CR0_PG))
		return !mode64 && !(s->cr4 & CR4_PCIDE);
	if ((s->cr0 & CR0_PG) || !(s->efer & EFER_LME))
		return true;
	return (s->cr4 & CR4_PAE) && !s->long_code;
}

bool cr4_is_legal(const struct cr_state *s, uint64_t value)
{
	bool lma = s->efer & EFER_LMA;

	if (lma && (!(value & CR4_PAE) || ((value ^ s->cr4) & CR4_LA57)))
		return false;
	if ((value & ~s->cr4 & CR4_PCIDE) && (!lma || (s->cr3 & CR3_PCID)))
		return false;
	return !(value & CR4_CET) || (s->cr0 & CR0_WP);
}

#define CR3_NO_FLUSH (1ull << 63)

bool cr3_is_legal(const struct cr_state *s, uint64_t value, unsigned physical_bits, bool lam)
{
	uint64_t allowed =
		((1ull << physical_bits) - 1) | (lam ? CR3_LAM : 0) | (s->cr4 & CR4_PCIDE ? CR3_NO_FLUSH : 0);

	return !(s->efer & EFER_LMA) || !(value & ~allowed);
}

uint64_t cr0_with_lmsw(uint64_t cr0, uint64_t source)
{
	return (cr0 & ~(uint64_t)(LMSW_BITS & ~CR0_PE)) | (source & LMSW_BITS);
}

uint64_t efer_with(uint64_t efer, uint64_t cr0)
{
	return efer & EFER_LME && cr0 & CR0_PG ? efer | EFER_LMA : efer & ~(uint64_t)EFER_LMA;
}

bool cr_loads_pdptes(const struct cr_state *now, const struct cr_state *next)
{
	if (!(next->cr0 & CR0_PG) || !(next->cr4 & CR4_PAE) || efer_with(next->efer, next->cr0) & EFER_LMA)
		return false;
	if ((now->cr0 ^ next->cr0) & (CR0_PG | CR0_CD | CR0_NW))
		return true;
	if (now->cr0 == next->cr0 && now->cr4 == next->cr4) /* MOV to CR3 */
		return true;
	return (now->cr4 ^ next->cr4) & (CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP);
}

bool pdpte_is_legal(uint64_t entry, unsigned physical_bits)
{
	return !(entry & PTE_PRESENT) || !(entry & (0x1e6 | ~((1ull << physical_bits) - 1)));
}
