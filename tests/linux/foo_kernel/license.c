// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("The kernel module of the articles");
