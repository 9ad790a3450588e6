// SPDX-License-Identifier: MIT
/* A whole file, or standard input for "-". */
#ifndef DECODE_READ_FILE_H
#define DECODE_READ_FILE_H

#include <stddef.h>

/* Returns NULL after a message. */
char *read_file(const char *name, size_t *length);
void free_file(char *bytes);

#endif
