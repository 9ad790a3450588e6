// SPDX-License-Identifier: MIT
/*
 * Cache lines. If a CPU writes a line that another CPU reads or writes, each of them waits for the line again and again, some hundred
 * cycles every time. So what a CPU writes at its exits is on lines that no other CPU touches at its own. tests/unit/test_lines.c looks at
 * the layout, the test cost.shared at the addresses of real exits.
 */
#ifndef TRAPLINE_CACHE_LINE_H
#define TRAPLINE_CACHE_LINE_H

#define LINE_SIZE 64 /* of all x86-64 CPUs */

/* Begins a line. A type with this attribute has a size of whole lines. */
#define LINE_ALIGNED __attribute__((aligned(LINE_SIZE)))

#endif
