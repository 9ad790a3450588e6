// SPDX-License-Identifier: MIT
/* The machine as the loader describes it. */
#ifndef TRAPLINE_MACHINE_H
#define TRAPLINE_MACHINE_H

#include <boot/boot_info.h>

extern struct boot_info boot_info; /* Trapline's own copy */

#endif
