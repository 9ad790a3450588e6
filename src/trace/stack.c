// SPDX-License-Identifier: MIT
#include "trace/stack.h"

void stack_format(struct text *t, uint64_t linear, const uint8_t *words, unsigned n, unsigned size)
{
	text_add(t, "stack 0x%llx:", (unsigned long long)linear);
	for (unsigned i = 0; i < n; i++) {
		uint64_t word = 0;

		__builtin_memcpy(&word, words + i * size, size);
		text_add(t, " %0*llx", (int)size * 2, (unsigned long long)word);
	}
}
