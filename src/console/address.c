// SPDX-License-Identifier: MIT
#include "console/address.h"
#include <stddef.h>
#include "lib/array.h"
#include "lib/string.h"
#include "trace/tokens.h"

#define TERM_MAX 24 /* longer than the longest number, without leading zeros */

#define X(name, member)                                                                                      \
	{#name, offsetof(struct trap_record, member), sizeof(((struct trap_record *)0)->member)},
static const struct {
	const char *name;
	uint16_t offset, size;
} registers[] = {ADDRESS_REGISTERS(X)};
#undef X
#define COUNT ARRAY_SIZE(registers)

const char *address_register(unsigned n)
{
	return n < COUNT ? registers[n].name : NULL;
}

static bool term(const char *text, const struct trap_record *r, uint64_t *value)
{
	for (unsigned i = 0; i < COUNT; i++) {
		if (strcmp(registers[i].name, text))
			continue;
		*value = 0;
		memcpy(value, (const char *)r + registers[i].offset, registers[i].size);
		return true;
	}
	return token_number(text, value);
}

bool address_parse(const char *text, const struct trap_record *r, uint64_t *value)
{
	char sign = '+', part[TERM_MAX];
	uint64_t sum = 0, v;

	for (;;) {
		size_t n = 0;

		for (; *text && *text != '+' && *text != '-' && n < TERM_MAX - 1; text++)
			part[n++] = *text;
		part[n] = '\0';
		if (!term(part, r, &v))
			return false;
		sum = sign == '+' ? sum + v : sum - v;
		sign = *text++;
		if (!sign)
			break;
		if (sign != '+' && sign != '-')
			return false;
	}
	*value = sum;
	return true;
}
