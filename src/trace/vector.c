// SPDX-License-Identifier: MIT
#include "trace/vector.h"

const struct vector_info vector_table[VECTOR_COUNT] = {
#define X(number, enumerator, mnemonic, name, has_error, class) [number] = {mnemonic, name, has_error, class},
	VECTORS(X)
#undef X
};

const char *vector_name(unsigned vector)
{
	return vector < VECTOR_COUNT ? vector_table[vector].mnemonic : NULL;
}

bool vector_has_error(unsigned vector)
{
	return vector < VECTOR_COUNT && vector_table[vector].has_error;
}
