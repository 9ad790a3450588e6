/*
 * Machine checks that come while the VMM runs on a CPU: on VT-x at any point, on AMD-V where it waits (cpu/moment.h). On servers one
 * CPU's error is told to all of them, and each one's handler waits for the others': the guest's is to have it.
 */
#ifndef TRAPLINE_MACHINE_CHECK_H
#define TRAPLINE_MACHINE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* In the handler of #MC. False: the VMM cannot go on, or a guest with this CR4 would not have it. */
bool machine_check_is_guests(uint64_t guest_cr4);

#endif
