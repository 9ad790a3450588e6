// SPDX-License-Identifier: MIT
#include "hw/cet.h"
#include "hw/msr.h"
#include "lib/array.h"

void cet_clear(cet_msr_writer *write)
{
	static const uint32_t msrs[] = {MSR_U_CET, MSR_S_CET, MSR_PL0_SSP, MSR_PL1_SSP, MSR_PL2_SSP,
		MSR_PL3_SSP, MSR_INTERRUPT_SSP_TABLE_ADDR};

	for (unsigned i = 0; i < ARRAY_SIZE(msrs); i++)
		write(msrs[i], 0);
}
