/*
 * The box: Trapline's own memory at the other end of every copy. Its contents belong to who began them by
 * putting something at offset 0, until somebody else does; user mode reads and adds to its own address
 * space's only.
 */
#ifndef TRAPLINE_VMCALL_BOX_H
#define TRAPLINE_VMCALL_BOX_H

#include <stdbool.h>
#include <stdint.h>

#define BOX_KERNEL (~0ull) /* the owner that CPL 0 to 2 is */

enum box_way {
	BOX_PUT,
	BOX_GET
};

/* Memory for it, 0 bytes: there is none, and every put and get beyond nothing is RANGE. */
void box_init(void *memory, uint64_t bytes);

/* Its size, and how much of it holds something. */
uint64_t box_size(void);
uint64_t box_filled(void);

/*
 * Takes the box for one copy that nobody else may come into the middle of. Not for long: others' calls spin.
 * False: it is taken; the guest makes its call again.
 */
bool box_take(void);
void box_release(void);

/*
 * With the box taken: whether `who` may copy `bytes` at `offset` that way. 0, TRAPLINE_E_DENIED or
 * TRAPLINE_E_RANGE. Changes nothing.
 */
int64_t box_check(enum box_way way, uint64_t who, uint64_t offset, uint64_t bytes);

/* With the box taken and checked: its bytes at `offset`; for BOX_PUT they count as filled from here on. */
void *box_open(enum box_way way, uint64_t who, uint64_t offset, uint64_t bytes);

#endif
