/*
 * The tray: Trapline's own memory at the other end of every copy. A put at offset 0 begins new contents,
 * which belong to the caller until another put at 0. User mode reads and adds to contents of its own address space only.
 */
#ifndef TRAPLINE_VMCALL_TRAY_H
#define TRAPLINE_VMCALL_TRAY_H

#include <stdbool.h>
#include <stdint.h>

#define TRAY_KERNEL (~0ull) /* the owner that CPL 0 to 2 is */

enum tray_way {
	TRAY_PUT,
	TRAY_GET
};

/* The memory for it. */
void tray_init(void *memory, uint64_t bytes);

/* Its size, and how much of it holds something. */
uint64_t tray_size(void);
uint64_t tray_filled(void);

/*
 * Takes the tray for one copy that nobody else may come into the middle of. Not for long: others' calls spin.
 * False: it is taken; the guest makes its call again.
 */
bool tray_take(void);
void tray_release(void);

/*
 * With the tray taken: whether `who` may copy `bytes` at `offset` that way. 0, TRAPLINE_E_DENIED or
 * TRAPLINE_E_RANGE. Changes nothing.
 */
int64_t tray_check(enum tray_way way, uint64_t who, uint64_t offset, uint64_t bytes);

/* With the tray taken and checked: its bytes at `offset`; for TRAY_PUT they count as filled from here on. */
void *tray_open(enum tray_way way, uint64_t who, uint64_t offset, uint64_t bytes);

#endif
