// SPDX-License-Identifier: GPL-2.0
/*
 * Tells Trapline which process owns each address space, so that lines name it: for all processes when the module is loaded, then at each
 * fork, exec and change of name. The parameter `processes` (on) turns this off.
 */
#include <linux/binfmts.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/tracepoint.h>

#include "trapline_module.h"

static bool processes = true;
module_param(processes, bool, 0444);
MODULE_PARM_DESC(processes, "report the numbers and names of processes to Trapline (default: on)");

/* Kernel threads have no address space of their own. */
static void tell(struct task_struct *task, struct mm_struct *mm, const char *name)
{
	struct trapline_call_registers r = {.rax = TRAPLINE_CALL_process};
	char words[16] = "";

	if (!mm)
		return;
	strncpy(words, name, sizeof(words) - 1);
	r.rbx = __pa(mm->pgd);
	r.rcx = task_tgid_nr(task);
	memcpy(&r.rdx, words, 8);
	memcpy(&r.rsi, words + 8, 8);
	trapline_vmcall(&r);
}

static void on_fork(void *data, struct task_struct *parent, struct task_struct *child)
{
	if (child->mm != parent->mm)
		tell(child, child->mm, child->comm);
}

static void on_exec(void *data, struct task_struct *task, pid_t old, struct linux_binprm *program)
{
	tell(task, task->mm, task->comm);
}

/* Only the leader's name is the name of the process. */
static void on_rename(void *data, struct task_struct *task, const char *name)
{
	if (task == current && thread_group_leader(task))
		tell(task, task->mm, name);
}

static struct hook {
	const char *name;
	void *probe;
	struct tracepoint *point;
} hooks[] = {
	{"sched_process_fork", on_fork},
	{"sched_process_exec", on_exec},
	{"task_rename", on_rename},
};

static void find(struct tracepoint *point, void *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!strcmp(point->name, hooks[i].name))
			hooks[i].point = point;
}

static void tell_all(void)
{
	struct task_struct *task;

	rcu_read_lock();
	for_each_process(task)
	{
		task_lock(task);
		tell(task, task->flags & PF_KTHREAD ? NULL : task->mm, task->comm);
		task_unlock(task);
	}
	rcu_read_unlock();
}

static void hook_all(void)
{
	int i;

	for_each_kernel_tracepoint(find, NULL);
	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].point && tracepoint_probe_register(hooks[i].point, hooks[i].probe, NULL))
			hooks[i].point = NULL;
}

/* A kernel without tracepoints has none of their functions: then only the processes of now are reported. */
void trapline_process_begin(void)
{
	if (!processes)
		return;
	if (IS_ENABLED(CONFIG_TRACEPOINTS))
		hook_all();
	tell_all();
}

void trapline_process_stop(void)
{
	int i;

	if (!IS_ENABLED(CONFIG_TRACEPOINTS))
		return;
	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (hooks[i].point)
			tracepoint_probe_unregister(hooks[i].point, hooks[i].probe, NULL);
	tracepoint_synchronize_unregister();
}
