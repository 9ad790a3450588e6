// SPDX-License-Identifier: MIT
/* Linux' own description of itself in the dead guest's memory, which crash and makedumpfile need. Other systems have none. */
#ifndef TRAPLINE_VMCOREINFO_H
#define TRAPLINE_VMCOREINFO_H

#include <boot/boot_info.h>

/*
 * Searches all of the guest's RAM, at the beginning of each page. If the kernel's slide is known, the note that has it is taken; otherwise the
 * first one. Returns size 0 if there is none.
 */
struct boot_range vmcoreinfo_find(void);

#endif
