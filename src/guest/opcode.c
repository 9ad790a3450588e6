// SPDX-License-Identifier: MIT
#include "guest/opcode.h"

#define OPCODE_MAX 3

static const struct row {
	uint8_t bytes[OPCODE_MAX];
	uint8_t count, more;
} rows[OPCODE_COUNT] = {
#define COUNT(...)         sizeof((const uint8_t[]){__VA_ARGS__})
#define X(name, more, ...) [OPCODE_##name] = {{__VA_ARGS__}, COUNT(__VA_ARGS__), more},
	OPCODES(X)
#undef X
};

static bool is_rex(uint8_t byte)
{
	return (byte & 0xf0) == 0x40;
}

/* SDM vol. 2A 2.1.1 and 2.2.1 */
static bool is_prefix(uint8_t byte, bool mode64)
{
	switch (byte) {
	case 0x26: /* segments */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
	case 0x66: /* operand and address size */
	case 0x67:
	case 0xf0: /* LOCK, REPNE, REP */
	case 0xf2:
	case 0xf3:
		return true;
	default:
		return mode64 && is_rex(byte);
	}
}

static bool begins(const struct row *row, const uint8_t *code, unsigned length)
{
	if (row->count + row->more > length)
		return false;
	for (unsigned i = 0; i < row->count; i++)
		if (code[i] != row->bytes[i])
			return false;
	return true;
}

enum opcode opcode_find(const uint8_t *code, unsigned length, unsigned mode, struct found_opcode *out)
{
	unsigned prefixes = 0;

	while (prefixes < length && is_prefix(code[prefixes], mode == 64))
		prefixes++;
	for (unsigned n = 0; n < OPCODE_COUNT; n++) {
		const struct row *row = &rows[n];

		if (!begins(row, code + prefixes, length - prefixes))
			continue;
		*out = (struct found_opcode){
			.opcode = n,
			.length = (uint8_t)(prefixes + row->count + row->more),
			.rex = prefixes && mode == 64 && is_rex(code[prefixes - 1]) ? code[prefixes - 1] : 0,
			.byte = row->more ? code[prefixes + row->count] : 0,
		};
		return n;
	}
	return OPCODE_NONE;
}

unsigned opcode_length(enum opcode opcode)
{
	return rows[opcode].count + rows[opcode].more;
}
