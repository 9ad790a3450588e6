// SPDX-License-Identifier: GPL-2.0
/* Where the credentials of a process are, for watches of them. */
#include <linux/cred.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include "trapline_module.h"

#define END_OF(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))
#define IDS_FIRST            offsetof(struct cred, uid)
#define IDS_END              END_OF(struct cred, cap_ambient)

#define IDS_BYTES (8 * sizeof(kuid_t) + sizeof(unsigned int) + 5 * sizeof(kernel_cap_t))

/*
 * A kernel with a random layout has other members among these: some that change while the credentials are in use, as the count of their
 * users does. Between securebits and the capabilities there may be a gap.
 */
static bool layout_is_known(void)
{
	return offsetof(struct task_struct, cred) == END_OF(struct task_struct, real_cred) &&
	       IDS_END > IDS_FIRST && IDS_END - IDS_FIRST - IDS_BYTES <= sizeof(unsigned int);
}

static struct task_struct *find_task(pid_t number)
{
	struct pid *pid = find_get_pid(number);
	struct task_struct *task = pid ? get_pid_task(pid, PIDTYPE_PID) : NULL;

	put_pid(pid);
	if (task && task->flags & PF_EXITING) {
		put_task_struct(task);
		task = NULL;
	}
	return task;
}

long trapline_cred_get(struct trapline_cred *c, struct trapline_cred_held *held)
{
	if (!layout_is_known())
		return -EOPNOTSUPP;
	held->task = find_task(c->pid);
	if (!held->task)
		return -ESRCH;
	held->cred = get_task_cred(held->task);
	c->pointers = (u64)&held->task->real_cred;
	c->pointer_bytes = 2 * sizeof(held->task->cred);
	c->ids = (u64)held->cred + IDS_FIRST;
	c->id_bytes = IDS_END - IDS_FIRST;
	return 0;
}

void trapline_cred_drop(struct trapline_cred_held *held)
{
	if (!held->task)
		return;
	put_cred(held->cred);
	put_task_struct(held->task);
	held->task = NULL;
}
