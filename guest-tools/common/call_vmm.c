// SPDX-License-Identifier: MIT
#include "call_vmm.h"

#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

/*
 * Without a hypervisor VMCALL is an invalid opcode. Under most hypervisors so is the other vendor's
 * instruction.
 */
static sigjmp_buf no_vmm;

static void on_sigill(int signal)
{
	(void)signal;
	siglongjmp(no_vmm, 1);
}

/* Trapline accepts both instructions everywhere, but the CPU's own one is faster. */
static int is_amd(void)
{
	unsigned eax, ebx, ecx, edx;

	__cpuid(0, eax, ebx, ecx, edx);
	return ebx == signature_AMD_ebx ||
	       ebx == 0x6f677948; /* "Auth" of AuthenticAMD, "Hygo" of HygonGenuine */
}

static void call(unsigned long number, const call_vmm_arg_t *a, call_vmm_ret_t *r)
{
	r->rax = (long)number;
	r->rbx = a->rbx;
	r->rcx = a->rcx;
	r->rdx = a->rdx;
	r->rsi = a->rsi;
	r->rdi = a->rdi;
	if (is_amd())
		__asm__ volatile(
			"vmmcall"
			: "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi), "+D"(r->rdi)
			:
			: "memory", "cc");
	else
		__asm__ volatile(
			"vmcall"
			: "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi), "+D"(r->rdi)
			:
			: "memory", "cc");
}

void call_vmm_get_function(const char *name, call_vmm_function_t *function)
{
	struct sigaction catch = {.sa_handler = on_sigill}, before;
	call_vmm_arg_t arg = {.rbx = (long)name};
	call_vmm_ret_t ret;

	function->number = 0;
	sigaction(SIGILL, &catch, &before);
	if (!sigsetjmp(no_vmm, 1)) {
		call(0, &arg, &ret);
		if (ret.rax > 0)
			function->number = (unsigned long)ret.rax;
	}
	sigaction(SIGILL, &before, NULL);
}

int call_vmm_function_callable(const call_vmm_function_t *function)
{
	return function->number != 0;
}

void call_vmm_call_function(
	const call_vmm_function_t *function, const call_vmm_arg_t *arg, call_vmm_ret_t *ret)
{
	call(function->number, arg, ret);
}
