/* SPDX-License-Identifier: MIT */
#ifndef FAKE_LINUX_NOTIFIER_H
#define FAKE_LINUX_NOTIFIER_H

#define NOTIFY_DONE 0

struct notifier_block {
	int (*notifier_call)(struct notifier_block *block, unsigned long state, void *data);
	int priority;
};

#endif
