// SPDX-License-Identifier: MIT
/*
 * The VMM's address space: PML4 slots of the upper half. The guest's RAM, the VMM's pool and its image are in
 * different slots on purpose. A guest-physical address that is not the guest's RAM is not mapped behind
 * GUEST_RAM, so an access faults and its fix-up returns false.
 */
#ifndef TRAPLINE_LAYOUT_H
#define TRAPLINE_LAYOUT_H

#include <stdint.h>

#define GUEST_RAM    0xffff800000000000ull /* + guest-physical address; RAM only */
#define GUEST_LIMIT  (1ull << 46)          /* room there: 64 TiB */
#define POOL_BASE    0xffffc00000000000ull /* + physical address; the pool only */
#define DEVICE_BASE  0xffffd00000000000ull /* devices that the VMM drives, uncached: mem/device_space.h */
#define DEVICE_LIMIT 0xffffd08000000000ull /* the end of its slot */
#define WINDOW_BASE  0xffffffff98000000ull /* a page for each CPU's own registers: host_window_map() */
#define STACK_BASE   0xffffffffa0000000ull /* stacks with guard pages between them */

#define PAGE_SIZE  4096ull
#define LARGE_PAGE (2ull << 20)
#define HUGE_PAGE  (1ull << 30)

#endif
