// SPDX-License-Identifier: MIT
#include "mem/mtrr.h"
#include "hw/probe.h"
#include "hw/msr.h"
#include "hw/features.h"
#include "lib/string.h"

#define MTRRCAP_COUNT(v) ((v)&0xff)

static const uint32_t fixed_msrs[MTRR_FIXED] = {MSR_MTRR_FIX64K_00000, MSR_MTRR_FIX16K_80000,
	MSR_MTRR_FIX16K_A0000, MSR_MTRR_FIX4K_C0000, MSR_MTRR_FIX4K_C8000, MSR_MTRR_FIX4K_D0000,
	MSR_MTRR_FIX4K_D8000, MSR_MTRR_FIX4K_E0000, MSR_MTRR_FIX4K_E8000, MSR_MTRR_FIX4K_F0000,
	MSR_MTRR_FIX4K_F8000};

uint64_t mtrr_capabilities(void)
{
	return features.mtrr ? probe_need(MSR_MTRRCAP) : 0;
}

void mtrr_read(struct mtrr_state *m)
{
	uint64_t cap = mtrr_capabilities();

	memset(m, 0, sizeof(*m));
	m->physical_bits = features.physical_bits;
	if (!cap) {
		m->def_type = 1ull << 11 | MEMORY_WB; /* without MTRRs all memory is write-back */
		return;
	}
	m->variables = MTRRCAP_COUNT(cap) < MTRR_VARIABLE_MAX ? MTRRCAP_COUNT(cap) : MTRR_VARIABLE_MAX;
	m->def_type = probe_need(MSR_MTRR_DEF_TYPE);
	for (unsigned i = 0; i < MTRR_FIXED && (cap & 1 << 8); i++)
		m->fixed[i] = probe_need(fixed_msrs[i]);
	for (unsigned i = 0; i < m->variables; i++) {
		m->variable[i].base = probe_need(MSR_MTRR_PHYSBASE0 + 2 * i);
		m->variable[i].mask = probe_need(MSR_MTRR_PHYSBASE0 + 2 * i + 1);
	}
}
