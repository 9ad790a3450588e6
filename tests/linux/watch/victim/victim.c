// SPDX-License-Identifier: GPL-2.0
/* A driver with a structure that another module overwrites. /proc/victim shows it. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "victim.h"

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("A driver whose structure is overwritten");

static struct pump {
	char name[16];
	u64 state;
} pump = {"pump", 1};

char *victim_name(void)
{
	return pump.name;
}
EXPORT_SYMBOL_GPL(victim_name);

static int show(struct seq_file *file, void *unused)
{
	seq_printf(file, "pump: state 0x%llx\n", pump.state);
	return 0;
}

static int __init victim_init(void)
{
	return proc_create_single("victim", 0444, NULL, show) ? 0 : -ENOMEM;
}

static void __exit victim_exit(void)
{
	remove_proc_entry("victim", NULL);
}

module_init(victim_init);
module_exit(victim_exit);
