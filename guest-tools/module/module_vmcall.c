// SPDX-License-Identifier: GPL-2.0
#include <asm/asm.h>
#include <asm/cpufeature.h>
#include <asm/processor.h>

#include "trapline_module.h"

/* Without a hypervisor VMCALL is an invalid opcode: the fix-up leaves the registers unchanged. */
#define CALL(instruction)                                                                                    \
	asm volatile("1: " instruction "\n2:\n" _ASM_EXTABLE(1b, 2b)                                         \
		     : "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi), "+D"(r->rdi)    \
		     :                                                                                       \
		     : "memory", "cc")

s64 trapline_vmcall(struct trapline_call_registers *r)
{
	u8 vendor = boot_cpu_data.x86_vendor;

	if (vendor == X86_VENDOR_AMD || vendor == X86_VENDOR_HYGON)
		CALL("vmmcall");
	else
		CALL("vmcall");
	return r->rax;
}

/* Looks the name up, so that another hypervisor that answers is not mistaken for Trapline. */
bool trapline_present(void)
{
	static const char name[] = "share_open";
	struct trapline_call_registers r = {.rax = 0, .rbx = (u64)name};

	return trapline_vmcall(&r) == TRAPLINE_CALL_share_open;
}
