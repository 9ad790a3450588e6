// SPDX-License-Identifier: MIT
#include "exit/control_register.h"
#include "hw/x86.h"

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
