// SPDX-License-Identifier: MIT
/*
 * Names of addresses in the VMM's code, from a table that the build makes from the linked image
 * (tools/symbols).
 */
#ifndef TRAPLINE_SYMBOLS_H
#define TRAPLINE_SYMBOLS_H

#include <stdint.h>
#include "trace/text.h"

/*
 * The function that contains `address`. Returns NULL outside of the code, or in a build without the table.
 *   offset  out: the distance from its start
 */
const char *symbol_find(uint64_t address, uint64_t *offset);

/* Writes "0xffffffff80001234 name+0x34", or the bare number if there is no name. */
void symbol_add(struct text *t, uint64_t address);

/* The same for a return address, named by the call before it: after the call another function may begin. */
void symbol_add_return(struct text *t, uint64_t address);

#endif
