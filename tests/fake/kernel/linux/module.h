/* SPDX-License-Identifier: MIT */
#ifndef FAKE_LINUX_MODULE_H
#define FAKE_LINUX_MODULE_H

#include <linux/kernel.h>
#include <linux/notifier.h>
#include <linux/version.h>

#define module_param_named(name, variable, type, mode)
#define MODULE_PARM_DESC(name, text)

enum module_state {
	MODULE_STATE_LIVE,
	MODULE_STATE_COMING,
	MODULE_STATE_GOING,
	MODULE_STATE_UNFORMED
};

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
enum mod_mem_type {
	MOD_TEXT,
	MOD_DATA,
	MOD_RODATA,
	MOD_RO_AFTER_INIT,
	MOD_INIT_TEXT,
	MOD_MEM_NUM_TYPES
};

struct module_memory {
	void *base;
	unsigned int size;
};

struct module {
	struct module_memory mem[MOD_MEM_NUM_TYPES];
};
#else
struct module_layout {
	void *base;
	unsigned int size, text_size;
};

struct module {
	struct module_layout core_layout, init_layout;
};
#endif

int register_module_notifier(struct notifier_block *block);
int unregister_module_notifier(struct notifier_block *block);

#endif
