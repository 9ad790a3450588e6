// SPDX-License-Identifier: MIT
#include <linux/module.h>
#include <linux/io.h>
#include <linux/slab.h>
static int __init
foo_init (void)
{
ulong phys;
ulong len = 1024;
char *buf;
u32 callnum;
asm volatile ("vmcall"
: "=a" (callnum)
: "a" (0), "b" ("foo"));
if (callnum == 0) {
printk ("[foo] vmcall foo failed.\n");
return -EINVAL;
}
buf = (char *)kmalloc (len, GFP_KERNEL);
if (!buf) {
printk ("foo: kmalloc failed.\n");
return -ENOMEM;
}
buf[0] = 'a'; buf[1] = 'b'; buf[2] = 'c'; buf[3] = '\0';
phys = virt_to_phys (buf);
printk("[foo] buf: %s\n",buf);
asm volatile ("vmcall"
:
: "a" (callnum), "b" (phys)
, "c" (len));
printk("[foo] buf: %s\n",buf);
return 0;
}
static void __exit
foo_exit(void)
{
printk("[foo] exit\n");
}
module_init (foo_init);
module_exit (foo_exit);
