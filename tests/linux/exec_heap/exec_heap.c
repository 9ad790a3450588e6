// SPDX-License-Identifier: GPL-2.0
/*
 * Copies a function to a page of vmalloc(), which it makes executable, and runs it there twice. A line of the kernel tells where:
 *
 *   exec_heap at=0xffffc90000123000 result=42
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/vmalloc.h>
#include <asm/pgtable.h>

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Code on the heap");

static const u8 code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov eax, 42; ret */

/* No function of the kernel that does this is for modules. */
static bool allow(unsigned long at)
{
	unsigned int level;
	pte_t *pte = lookup_address(at, &level);

	if (!pte || level != PG_LEVEL_4K)
		return false;
	set_pte(pte, __pte(pte_val(*pte) & ~_PAGE_NX));
	asm volatile("invlpg (%0)" : : "r"(at) : "memory");
	return true;
}

/* The address is the callee's in a register: no thunk of the compiler's is between. */
static int call(const void *at)
{
	int result;

	asm volatile("call *%1" : "=a"(result) : "r"(at) : "memory", "cc");
	return result;
}

static int __init exec_heap_init(void)
{
	void *page = vmalloc(PAGE_SIZE);
	int result;

	if (!page)
		return -ENOMEM;
	memcpy(page, code, sizeof(code));
	preempt_disable();
	result = allow((unsigned long)page) ? call(page) + call(page) - 42 : -1;
	preempt_enable();
	pr_info("exec_heap at=0x%lx result=%d\n", (unsigned long)page, result);
	vfree(page);
	return 0;
}

static void __exit exec_heap_exit(void)
{
}

module_init(exec_heap_init);
module_exit(exec_heap_exit);
