// SPDX-License-Identifier: MIT
#include "vmcall/check.h"

#define VECTORS 32

bool check_linear(uint64_t address, uint64_t bytes, unsigned linear_bits)
{
	uint64_t last = address + (bytes ? bytes - 1 : 0);
	unsigned unused = 64 - linear_bits;

	if (last < address)
		return false;
	if (linear_bits == 32)
		return last <= UINT32_MAX;
	/* Both are canonical and in the same half, so the range does not cross the gap. */
	return (int64_t)(address << unused) >> unused == (int64_t)address &&
	       (int64_t)(last << unused) >> unused == (int64_t)last && (int64_t)(address ^ last) >= 0;
}

bool check_physical(uint64_t address, uint64_t bytes, unsigned physical_bits)
{
	uint64_t limit = 1ull << physical_bits;

	return address < limit && bytes <= limit - address;
}

/* The size in bytes of a list of pages for that much data. Too large a number becomes a size that fails the check. */
static uint64_t list_bytes(uint64_t bytes)
{
	return (bytes / 4096 + (bytes % 4096 != 0)) * 8;
}

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

unsigned check_name(const char *name)
{
	unsigned n = 0;

	while (n < CHECK_NAME_MAX && is_name_char(name[n]))
		n++;
	return n < CHECK_NAME_MAX && !name[n] ? n : 0;
}

static int64_t ok_or(bool good, int64_t error)
{
	return good ? 0 : error;
}

static bool is_length(uint8_t kind)
{
	return kind == KIND_BYTES || kind == KIND_LENGTH || kind == KIND_OPTIONAL;
}

/* Checks one argument; `length` is the argument after it if that is its length. */
static int64_t check_one(uint8_t kind, uint64_t value, uint64_t length, const struct check_limits *l)
{
	switch (kind) {
	case KIND_FLAGS:
		return ok_or(!(value & ~(uint64_t)TRAPLINE_PAGE_IN), TRAPLINE_E_ARGUMENT);
	case KIND_CPU:
		return ok_or(value < l->cpus, TRAPLINE_E_ARGUMENT);
	case KIND_VECTOR:
		return ok_or(value < VECTORS, TRAPLINE_E_ARGUMENT);
	case KIND_LENGTH:
		return ok_or(value - 1 < TRAPLINE_TEXT_MAX, TRAPLINE_E_ARGUMENT);
	case KIND_OPTIONAL:
		return ok_or(value <= TRAPLINE_TEXT_MAX, TRAPLINE_E_ARGUMENT);
	case KIND_FROM:
	case KIND_INTO:
	case KIND_NAME:
		return ok_or(check_linear(value, length, l->linear_bits), TRAPLINE_E_ADDRESS);
	case KIND_LIST:
		return ok_or(!(value & 7) && check_linear(value, list_bytes(length), l->linear_bits),
			TRAPLINE_E_ADDRESS);
	case KIND_PHYSICAL:
		return ok_or(check_physical(value, length, l->physical_bits), TRAPLINE_E_ADDRESS);
	default:
		return 0;
	}
}

int64_t check_arguments(const uint8_t *kind, const uint64_t *arg, const struct check_limits *limits)
{
	for (unsigned i = 0; i < CHECK_ARGUMENTS; i++) {
		bool sized = i + 1 < CHECK_ARGUMENTS && is_length(kind[i + 1]);
		int64_t error = check_one(kind[i], arg[i], sized ? arg[i + 1] : 0, limits);

		if (error)
			return error;
	}
	return 0;
}
