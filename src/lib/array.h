// SPDX-License-Identifier: MIT
#ifndef TRAPLINE_ARRAY_H
#define TRAPLINE_ARRAY_H

/* The number of elements of an array; not for pointers. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

#endif
