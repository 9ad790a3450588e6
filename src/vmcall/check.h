/*
 * The arguments of a call, held against what the service's row says. Pure: tested and fuzzed on the host.
 * What depends on memory, its rights and its contents, is checked by copy.c when the call gets there.
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

/* What is known of the caller and the machine. */
struct check_limits {
	uint8_t linear_bits;   /* 32, 48 or 57: guest_linear_bits() */
	uint8_t physical_bits; /* up to 52 */
	uint32_t cpus;         /* how many; they are numbered from 0 */
};

/*
 *   kind, arg  CHECK_ARGUMENTS each. A FROM, INTO, LIST or PHYSICAL argument is followed by its length; without one, as in
 *              NAME, it is checked as an address alone
 * Returns 0 or a TRAPLINE_E_...; changes nothing.
 */
int64_t check_arguments(const uint8_t *kind, const uint64_t *arg, const struct check_limits *limits);

/* Whether [address, address + bytes) is canonical and does not wrap; with no bytes, the address alone. */
bool check_linear(uint64_t address, uint64_t bytes, unsigned linear_bits);

/* Whether [address, address + bytes) lies within the physical addresses of the CPU. */
bool check_physical(uint64_t address, uint64_t bytes, unsigned physical_bits);

/* The length of a text of `max` bytes at most, without its NUL. */
static inline unsigned check_length(const char *text, unsigned max)
{
	unsigned n = 0;

	while (n < max && text[n])
		n++;
	return n;
}

/* Length of a well-formed name at `name`, which has CHECK_NAME_MAX bytes; 0: it is not. */
unsigned check_name(const char *name);

#endif
