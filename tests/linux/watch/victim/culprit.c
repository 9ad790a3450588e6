// SPDX-License-Identifier: GPL-2.0
/*
 * A module with two bad habits. A word written to /proc/culprit chooses one:
 *   name TEXT  names the victim's device, however long the name is
 *   root PID   makes a process root, behind the kernel's back
 */
#include <linux/cred.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/sched.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include "victim.h"

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Overwrites what is not its own");

static noinline void rename_device(char *to, const char *from)
{
	do
		*to++ = *from;
	while (*from++);
}

static noinline void steal_root(struct task_struct *task)
{
	struct cred *cred = (struct cred *)task->real_cred;

	WRITE_ONCE(cred->uid.val, 0);
}

static int make_root(int number)
{
	struct pid *pid = find_get_pid(number);
	struct task_struct *task = pid ? get_pid_task(pid, PIDTYPE_PID) : NULL;

	put_pid(pid);
	if (!task)
		return -ESRCH;
	steal_root(task);
	put_task_struct(task);
	return 0;
}

static ssize_t take(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char words[64] = "", name[64];
	int pid, error = 0;

	if (size >= sizeof(words) || copy_from_user(words, from, size))
		return -EINVAL;
	if (sscanf(words, "root %d", &pid) == 1)
		error = make_root(pid);
	else if (sscanf(words, "name %63s", name) == 1)
		rename_device(victim_name(), name);
	return error ? error : size;
}

static const struct proc_ops operations = {.proc_write = take};

static int __init culprit_init(void)
{
	return proc_create("culprit", 0200, NULL, &operations) ? 0 : -ENOMEM;
}

static void __exit culprit_exit(void)
{
	remove_proc_entry("culprit", NULL);
}

module_init(culprit_init);
module_exit(culprit_exit);
