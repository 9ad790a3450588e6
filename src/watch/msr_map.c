// SPDX-License-Identifier: MIT
#include "watch/msr_map.h"
#include "hw/msr.h"

static unsigned wanted(uint32_t msr)
{
	unsigned accesses = 0;

	for (unsigned access = WATCH_READ; access <= WATCH_WRITE; access <<= 1)
		if (watch_register_mask(WATCH_MSR, msr, access) ||
			(msr == MSR_EFER && watch_register_mask(WATCH_EFER, 0, access)))
			accesses |= access;
	return accesses;
}

static int find(const struct watch_msr_map *m, uint32_t msr)
{
	for (unsigned i = 0; i < m->count; i++)
		if (m->changed[i].msr == msr)
			return (int)i;
	return -1;
}

/* The first time the map says what exits without watches: that stays on. */
static void add(struct watch_msr_map *m, uint32_t msr, unsigned (*set)(uint32_t msr, unsigned accesses))
{
	unsigned want = wanted(msr);
	int i = find(m, msr);

	if (i < 0 && want) {
		i = (int)m->count++;
		m->changed[i].msr = msr;
		/* Nothing is missed between the two: the first call only adds. */
		m->changed[i].before = set(msr, WATCH_READ | WATCH_WRITE);
	}
	if (i >= 0)
		set(msr, m->changed[i].before | want);
}

void watch_msr_map_update(struct watch_msr_map *m, unsigned (*set)(uint32_t msr, unsigned accesses))
{
	for (unsigned i = 0; i < m->count;) {
		if (wanted(m->changed[i].msr)) {
			i++;
			continue;
		}
		set(m->changed[i].msr, m->changed[i].before);
		m->changed[i] = m->changed[--m->count];
	}
	for_each_watch (w)
		if (w->spec.space == WATCH_REGISTER)
			add(m, w->spec.reg == WATCH_EFER ? MSR_EFER : w->spec.msr, set);
}

static bool is_canonical(uint64_t address, bool la57)
{
	unsigned unused = la57 ? 7 : 16;

	return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

/* Write-combining is 1; 2 and 3 are reserved. */
static bool is_pat(uint64_t value)
{
	for (unsigned i = 0; i < 8; i++, value >>= 8)
		if ((value & 0xff) > 7 || (value & 0xff) == 2 || (value & 0xff) == 3)
			return false;
	return true;
}

bool watch_msr_accepts(uint32_t msr, uint64_t value, bool la57)
{
	switch (msr) {
	case MSR_LSTAR:
	case MSR_CSTAR:
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_SYSENTER_ESP:
	case MSR_SYSENTER_EIP:
	case MSR_INTERRUPT_SSP_TABLE_ADDR:
		return is_canonical(value, la57);
	case MSR_PAT:
		return is_pat(value);
	default:
		return true;
	}
}
