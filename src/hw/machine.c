// SPDX-License-Identifier: MIT
#include "hw/machine.h"

struct boot_info boot_info;
