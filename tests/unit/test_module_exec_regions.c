// SPDX-License-Identifier: MIT
/* The same on Linux 6.4 and newer, where a module is several regions. */
#define FAKE_LINUX KERNEL_VERSION(6, 4, 0)
#include "test_module_exec.c"
