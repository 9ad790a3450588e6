// SPDX-License-Identifier: MIT
/* Protects the operator's terminal from bytes of the guest. */
#ifndef DECODE_TERMINAL_H
#define DECODE_TERMINAL_H

#include <stddef.h>
#include <stdio.h>

/*
 * Writes bytes so that a terminal only shows them: printable characters (UTF-8), tabs and colours (ESC [ digits ; m) as they are, another
 * control byte as ^X, a byte that is no part of a printable character as \x9b.
 */
void terminal_put(FILE *out, const char *bytes, size_t length);

#endif
