// SPDX-License-Identifier: MIT
/* A set of CPUs, by the numbers that Trapline gives them. Pure: tested on the host. */
#ifndef TRAPLINE_CPU_SET_H
#define TRAPLINE_CPU_SET_H

#include <stdbool.h>
#include <stdint.h>
#include <boot/boot_info.h>

#define CPU_SET_WORD  64
#define CPU_SET_WORDS (BOOT_MAX_CPUS / CPU_SET_WORD)
#define CPU_SET_NONE  BOOT_MAX_CPUS

_Static_assert(BOOT_MAX_CPUS % CPU_SET_WORD == 0, "whole words");

struct cpu_set {
	uint64_t words[CPU_SET_WORDS];
};

/* n: below BOOT_MAX_CPUS */
static inline void cpu_set_add(struct cpu_set *set, unsigned n)
{
	set->words[n / CPU_SET_WORD] |= 1ull << n % CPU_SET_WORD;
}

static inline bool cpu_set_has(const struct cpu_set *set, unsigned n)
{
	return set->words[n / CPU_SET_WORD] >> n % CPU_SET_WORD & 1;
}

/* Returns the lowest number in the set that is n or more, or CPU_SET_NONE. */
static inline unsigned cpu_set_from(const struct cpu_set *set, unsigned n)
{
	while (n < BOOT_MAX_CPUS) {
		uint64_t rest = set->words[n / CPU_SET_WORD] >> n % CPU_SET_WORD;

		if (rest)
			return n + (unsigned)__builtin_ctzll(rest);
		n += CPU_SET_WORD - n % CPU_SET_WORD;
	}
	return CPU_SET_NONE;
}

static inline bool cpu_set_is_empty(const struct cpu_set *set)
{
	return cpu_set_from(set, 0) == CPU_SET_NONE;
}

/* Runs the loop's body for each CPU of the set, in ascending order. Declares `n`, the CPU's number. */
#define for_each_in_set(n, set)                                                                              \
	for (unsigned n = cpu_set_from(set, 0); n < CPU_SET_NONE; n = cpu_set_from(set, n + 1))

#endif
