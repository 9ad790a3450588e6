// SPDX-License-Identifier: GPL-2.0
/*
 * On a panic the module tells Trapline, with the panic's text, before the machine halts or resets. Trapline then prints what led
 * to it, with the kernel's own reason. The parameter `panic` (default on) can turn it off.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/version.h>
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 14, 0)
#include <linux/panic_notifier.h>
#endif

#include "trapline_module.h"

static bool says = true;
module_param_named(panic, says, bool, 0644);
MODULE_PARM_DESC(panic, "report the text of a panic to Trapline (default: on)");

static int on_panic(struct notifier_block *block, unsigned long action, void *text)
{
	struct trapline_call_registers r = {.rax = TRAPLINE_CALL_dying, .rbx = (u64)text};

	if (!says)
		return NOTIFY_DONE;
	r.rcx = strnlen(text, TRAPLINE_TEXT_MAX);
	trapline_vmcall(&r);
	r.rax = TRAPLINE_CALL_capture; /* does not return if there is a capture kernel */
	trapline_vmcall(&r);
	return NOTIFY_DONE;
}

/* Runs first, because another notifier may not return. */
static struct notifier_block panic_block = {.notifier_call = on_panic, .priority = INT_MAX};

void trapline_panic_begin(void)
{
	atomic_notifier_chain_register(&panic_notifier_list, &panic_block);
}

void trapline_panic_stop(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &panic_block);
}
