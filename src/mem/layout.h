/*
 * The VMM's address space: PML4 slots of the upper half. The guest's RAM, the VMM's own pool and its image lie in
 * different places on purpose: a guest-physical address that is not RAM of the guest's is not mapped behind
 * GUEST_RAM, so that the access faults and its fix-up answers "no".
 */
#ifndef TRAPLINE_LAYOUT_H
#define TRAPLINE_LAYOUT_H

#include <stdint.h>

#define GUEST_RAM    0xffff800000000000ull /* + guest-physical address; only RAM */
#define GUEST_LIMIT  (1ull << 46)          /* what fits there: 64 TiB */
#define POOL_BASE    0xffffc00000000000ull /* + physical address; only the pool */
#define DEVICE_BASE  0xffffd00000000000ull /* devices the VMM itself drives, uncached: mem/device_space.h */
#define DEVICE_LIMIT 0xffffd08000000000ull /* one slot */
#define WINDOW_BASE  0xffffffff98000000ull /* a page for each CPU's own registers: host_window_map() */
#define STACK_BASE   0xffffffffa0000000ull /* stacks with guard pages between them */

#define PAGE_SIZE  4096ull
#define LARGE_PAGE (2ull << 20)
#define HUGE_PAGE  (1ull << 30)

#endif
