// SPDX-License-Identifier: MIT
/*
 * Checks the arguments of a call against the service's row. Pure: tested and fuzzed on the host.
 * copy.c checks what depends on the rights and contents of memory, when the call accesses it.
 */
#ifndef TRAPLINE_VMCALL_CHECK_H
#define TRAPLINE_VMCALL_CHECK_H

#include <trapline/services.h>
#include <stdbool.h>
#include <stdint.h>

#define X(kind, errors) KIND_##kind,
enum argument_kind {
	TRAPLINE_ARGUMENTS(X)
};
#undef X

#define CHECK_ARGUMENTS 5
#define CHECK_NAME_MAX  32 /* of a share, with its NUL */

/* Limits of the caller and the machine. */
struct check_limits {
	uint8_t linear_bits;   /* 32, 48 or 57: guest_linear_bits() */
	uint8_t physical_bits; /* up to 52 */
	uint32_t cpus;         /* number of CPUs, from 0 */
};

/*
 * Checks all arguments; changes nothing.
 *   kind, arg  CHECK_ARGUMENTS each. After a FROM, INTO, LIST or PHYSICAL argument comes its length; without a length,
 *              as in NAME, only the address is checked
 * Returns 0 or a TRAPLINE_E_...
 */
int64_t check_arguments(const uint8_t *kind, const uint64_t *arg, const struct check_limits *limits);

/* Whether [address, address + bytes) is canonical and does not wrap; for 0 bytes, whether the address is canonical. */
bool check_linear(uint64_t address, uint64_t bytes, unsigned linear_bits);

/* Whether [address, address + bytes) is within the CPU's physical addresses. */
bool check_physical(uint64_t address, uint64_t bytes, unsigned physical_bits);

/* The length of a text of at most `max` bytes, without its NUL. */
static inline unsigned check_length(const char *text, unsigned max)
{
	unsigned n = 0;

	while (n < max && text[n])
		n++;
	return n;
}

/* The length of a name of CHECK_NAME_MAX bytes; 0: it is not well-formed. */
unsigned check_name(const char *name);

#endif
