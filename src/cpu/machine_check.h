// SPDX-License-Identifier: MIT
/*
 * Machine checks while the VMM runs on a CPU: on VT-x at any point, on AMD-V where it waits (cpu/moment.h). Servers
 * signal one CPU's error to all CPUs, whose handlers wait for each other, so the guest's handler has to get it.
 */
#ifndef TRAPLINE_MACHINE_CHECK_H
#define TRAPLINE_MACHINE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* For the host's handler of #MC. False: the VMM cannot continue, or a guest with this CR4 takes no #MC. */
bool machine_check_is_guests(uint64_t guest_cr4);

/* For the host's handler as well. True: the interrupted instruction has raised it, and would raise it again. */
bool machine_check_by_instruction(void);

#endif
