// SPDX-License-Identifier: GPL-2.0
/*
 * A module that is loaded wrongly: its initialisation calls a function of its own, and the loader's relocation moves the target 256 MiB
 * too far, like a relocation for another layout. The line before it is module/death.c's.
 */
#include <linux/kernel.h>
#include <linux/module.h>

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("A call that a relocation leads astray");

#define ASTRAY 0x10000000ul

extern const u8 wrong_call[];

static noinline __noclone void call_astray(void)
{
	asm volatile(".globl wrong_call\nwrong_call: call wrong_function + %c0" : : "i"(ASTRAY) : "memory");
}

/* The intended target of the call. */
asm(".text\n.globl wrong_function\n.type wrong_function, @function\nwrong_function: ret; int3\n");
extern const u8 wrong_function[];

static int __init wrong_init(void)
{
	pr_emerg("death name=module at=0x%lx address=0x%lx\n", (unsigned long)wrong_call,
		(unsigned long)wrong_function + ASTRAY);
	call_astray();
	return 0;
}

module_init(wrong_init);
