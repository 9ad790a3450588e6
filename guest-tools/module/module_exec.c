// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps the ranges of the watch of execution (docs/watch.md) up to date while modules come and go. `trapctl watch exec` turns it on, by the
 * parameter `exec`.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/version.h>

#include "trapline_module.h"

static bool keeps;
module_param_named(exec, keeps, bool, 0644);
MODULE_PARM_DESC(exec, "tell Trapline's watch of execution where modules are (default: off)");

static void change(const char *verb, const void *base, unsigned int size)
{
	char text[TRAPLINE_TEXT_MAX + 1];
	struct trapline_call_registers r = {.rax = TRAPLINE_CALL_command, .rbx = (u64)text};

	if (!size)
		return;
	r.rcx = scnprintf(text, sizeof(text), "watch %s 0x%lx+0x%x", verb, (unsigned long)base, size);
	if (trapline_vmcall(&r) < 0)
		pr_warn("trapline: the ranges of watch exec are not up to date\n");
}

static void allow_core(const struct module *m)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	change("allow", m->mem[MOD_TEXT].base, m->mem[MOD_TEXT].size);
#else
	change("allow", m->core_layout.base, m->core_layout.text_size);
#endif
}

/* Before 6.4 trapctl allows what /proc/modules shows, and that is more than the code. */
static void forbid_core(const struct module *m)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	change("forbid", m->mem[MOD_TEXT].base, m->mem[MOD_TEXT].size);
#else
	change("forbid", m->core_layout.base, m->core_layout.size);
#endif
}

static void change_init(const char *verb, const struct module *m)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	change(verb, m->mem[MOD_INIT_TEXT].base, m->mem[MOD_INIT_TEXT].size);
#else
	change(verb, m->init_layout.base, m->init_layout.text_size);
#endif
}

/* Its initialisation has run when a module is live, and the memory of it is given back soon. */
static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	const struct module *m = data;

	if (!keeps)
		return NOTIFY_DONE;
	if (state == MODULE_STATE_COMING) {
		allow_core(m);
		change_init("allow", m);
	} else if (state == MODULE_STATE_LIVE) {
		change_init("forbid", m);
	} else if (state == MODULE_STATE_GOING) {
		forbid_core(m);
		change_init("forbid", m);
	}
	return NOTIFY_DONE;
}

/* The notifiers behind it may run the module's code. */
static struct notifier_block module_block = {.notifier_call = on_module, .priority = INT_MAX};

void trapline_exec_begin(void)
{
	register_module_notifier(&module_block);
}

void trapline_exec_stop(void)
{
	unregister_module_notifier(&module_block);
}
