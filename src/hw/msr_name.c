// SPDX-License-Identifier: MIT
#include <stddef.h>
#include "hw/msr.h"
#include "lib/array.h"
#include "lib/string.h"

static const char *smca_name(uint32_t msr)
{
	static const char *const names[16] = {
#define X(number, name) [number] = name,
		MSR_SMCA_REGS(X)
#undef X
	};

	return names[msr & 15];
}

/* A switch, because the compiler then rejects a number that is listed twice. */
const char *msr_name(uint32_t msr)
{
	switch (msr) {
#define X(number, enumerator, name)                                                                          \
	case number:                                                                                         \
		return name;
		MSR_LIST(X)
		MSR_BANKS(X)
#undef X
	}
	return msr >= MSR_SMCA_FIRST && msr <= MSR_SMCA_LAST ? smca_name(msr) : NULL;
}

static char upper(char c)
{
	return (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

static bool is_same(const char *listed, const char *name)
{
	while (*listed && *listed == upper(*name)) {
		listed++;
		name++;
	}
	return !*listed && !*name;
}

bool msr_number(const char *name, uint32_t *msr)
{
#define X(number, enumerator, name) {number, name},
	static const struct {
		uint32_t number;
		const char *name;
	} all[] = {MSR_LIST(X) MSR_BANKS(X)};
#undef X

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		const char *listed = all[i].name;
		size_t prefix = !strncmp(listed, "IA32_", 5) ? 5 : !strncmp(listed, "MSR_", 4) ? 4 : 0;

		if (!is_same(listed, name) && !(prefix && is_same(listed + prefix, name)))
			continue;
		*msr = all[i].number;
		return true;
	}
	return false;
}
