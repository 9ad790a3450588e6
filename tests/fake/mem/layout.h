// SPDX-License-Identifier: MIT
/* The VMM's address space on the host: the guest's RAM is the array of tests/fake/mem/guest_ram.h. */
#ifndef TRAPLINE_FAKE_LAYOUT_H
#define TRAPLINE_FAKE_LAYOUT_H

#include "../../../src/mem/layout.h"

struct fake_ram;
extern struct fake_ram fake_ram;

#undef GUEST_RAM
#define GUEST_RAM ((uint64_t)&fake_ram)

#endif
