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

#define ANSWER_MAX 256
#define TRIES_MAX  3

static bool keeps;
module_param_named(exec, keeps, bool, 0644);
MODULE_PARM_DESC(exec, "tell Trapline's watch of execution where modules are (default: off)");

/* Returns the length of the answer, or an error. Another command between the two calls replaces the answer: then the command is given again. */
static s64 ask(const char *text, int length, char *answer)
{
	struct trapline_call_registers r;
	int tries = 0;

	do {
		r = (struct trapline_call_registers){
			.rax = TRAPLINE_CALL_command, .rbx = (u64)text, .rcx = length};
		if (trapline_vmcall(&r) < 0)
			return r.rax;
		r = (struct trapline_call_registers){
			.rax = TRAPLINE_CALL_answer, .rbx = (u64)answer, .rcx = ANSWER_MAX, .rsi = r.rax};
	} while (trapline_vmcall(&r) == TRAPLINE_E_MISSING && ++tries < TRIES_MAX);
	return r.rax;
}

/* A command that fails has an answer too. */
static bool is_done(const char *answer, s64 n)
{
	static const char end[] = " status=ok\n";
	const s64 length = sizeof(end) - 1;

	return n >= length && n <= ANSWER_MAX && !memcmp(answer + n - length, end, length);
}

static void change(const char *verb, const void *base, unsigned int size)
{
	char text[TRAPLINE_TEXT_MAX + 1], answer[ANSWER_MAX + 1] = "";
	s64 n;

	if (!size)
		return;
	n = ask(text, scnprintf(text, sizeof(text), "watch %s 0x%lx+0x%x", verb, (unsigned long)base, size),
		answer);
	if (!is_done(answer, n))
		pr_warn("trapline: %s: the ranges of watch exec are not up to date: %s\n", text, answer);
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
