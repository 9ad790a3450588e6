/*
 * The copy buffer: Trapline's own memory at the other end of every copy. A put at offset 0 begins new contents,
 * which belong to the caller until another put at 0. User mode reads and adds to contents of its own address space only.
 */
#ifndef TRAPLINE_VMCALL_COPY_BUFFER_H
#define TRAPLINE_VMCALL_COPY_BUFFER_H

#include <stdbool.h>
#include <stdint.h>

#define COPY_KERNEL (~0ull) /* the owner that CPL 0 to 2 is */

enum copy_way {
	COPY_PUT,
	COPY_GET
};

/* The memory for it. */
void copy_buffer_init(void *memory, uint64_t bytes);

/* Its size, and how much of it holds something. */
uint64_t copy_buffer_size(void);
uint64_t copy_buffer_filled(void);

/*
 * Takes the copy buffer for one copy that nobody else may come into the middle of. Not for long: others' calls spin.
 * False: it is taken; the guest makes its call again.
 */
bool copy_buffer_take(void);
void copy_buffer_release(void);

/*
 * With the copy buffer taken: whether `who` may copy `bytes` at `offset` that way. 0, TRAPLINE_E_DENIED or
 * TRAPLINE_E_RANGE. Changes nothing.
 */
int64_t copy_buffer_check(enum copy_way way, uint64_t who, uint64_t offset, uint64_t bytes);

/* With the copy buffer taken and checked: its bytes at `offset`; for COPY_PUT they count as filled from here on. */
void *copy_buffer_open(enum copy_way way, uint64_t who, uint64_t offset, uint64_t bytes);

#endif
