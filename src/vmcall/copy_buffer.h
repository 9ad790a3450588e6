// SPDX-License-Identifier: MIT
/*
 * The copy buffer: Trapline's own memory at the other end of every copy. A put at offset 0 begins new contents,
 * which belong to the caller until another put at 0. User mode may only read and extend contents of its own address space.
 */
#ifndef TRAPLINE_VMCALL_COPY_BUFFER_H
#define TRAPLINE_VMCALL_COPY_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#define COPY_KERNEL (~0ull) /* the owner for CPL 0 to 2 */

enum copy_way {
	COPY_PUT,
	COPY_GET
};

/* Sets the buffer's memory. */
void copy_buffer_init(void *memory, uint64_t bytes);

/* Its size in bytes, and the number of bytes that hold contents. */
uint64_t copy_buffer_size(void);
uint64_t copy_buffer_filled(void);

/*
 * Takes the buffer for one copy that others must not interrupt. Hold it briefly: others' calls spin.
 * False: it is taken, and the guest executes its call again.
 */
bool copy_buffer_take(void);
void copy_buffer_release(void);

/*
 * With the buffer taken: checks whether `who` may copy `bytes` at `offset` in this direction. Changes nothing.
 * Returns 0, TRAPLINE_E_DENIED or TRAPLINE_E_RANGE.
 */
int64_t copy_buffer_check(enum copy_way way, uint64_t who, uint64_t offset, uint64_t bytes);

/* With the buffer taken and checked: returns the bytes at `offset`. For COPY_PUT they count as filled from here on. */
void *copy_buffer_open(enum copy_way way, uint64_t who, uint64_t offset, uint64_t bytes);

#endif
