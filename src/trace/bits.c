// SPDX-License-Identifier: MIT
#include "trace/bits.h"
#include "hw/x86.h"
#include "lib/array.h"

static const struct {
	uint8_t which, bit;
	const char *name;
} names[] = {
#define X(reg, constant, bit, name, meaning) {BITS_##reg, bit, name},
	CR0_BITS(X) CR4_BITS(X) EFER_BITS(X) RFLAGS_BITS(X)
#undef X
};

void bits_add(struct text *t, enum bits_register which, uint64_t value)
{
	const char *before = " (";

	text_add(t, "0x%llx", (unsigned long long)value);
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		if (names[i].which != which || !(value >> names[i].bit & 1))
			continue;
		text_add(t, "%s%s", before, names[i].name);
		before = " ";
	}
	if (*before && !before[1])
		text_add(t, ")");
}

/* Types of system segments, SDM vol. 3A table 3-2; a register cannot hold the types that are missing here. */
static const char *system_type(unsigned type)
{
	switch (type) {
	case 1:
	case 9:
		return "TSS, available";
	case 2:
		return "LDT";
	case 3:
	case 11:
		return "TSS, busy";
	default:
		return "system segment";
	}
}

/* SDM vol. 3A 3.4.5, APM vol. 2 4.7. */
void bits_add_segment(struct text *t, unsigned a)
{
	if (!(a & 0x10))
		text_add(t, "%s", system_type(a & 0xf));
	else if (a & 0x08)
		text_add(t, "code%s%s", a & 0x02 ? ", readable" : "", a & 0x04 ? ", conforming" : "");
	else
		text_add(t, "data%s%s", a & 0x02 ? ", writable" : "", a & 0x04 ? ", expands down" : "");
	text_add(t, ", DPL %u%s", a >> 5 & 3, a & 0x80 ? "" : ", not present");
	if (a & 0x10)
		text_add(t, ", %s", a & 0x200 ? "64-bit" : a & 0x400 ? "32-bit" : "16-bit");
}
