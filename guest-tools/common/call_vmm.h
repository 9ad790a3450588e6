// SPDX-License-Identifier: MIT
/*
 * Calls Trapline's services by name, under the names that the articles' programs use. Compile call_vmm.c with
 * the program. It needs no privilege, no library but libc, and no set-up. Without Trapline no service is
 * callable.
 */
#ifndef CALL_VMM_H
#define CALL_VMM_H

typedef struct {
	unsigned long number; /* 0: not callable */
} call_vmm_function_t;

typedef struct {
	long rbx, rcx, rdx, rsi, rdi;
} call_vmm_arg_t;

typedef struct {
	long rax, rbx, rcx, rdx, rsi, rdi;
} call_vmm_ret_t;

/* Looks up a service. name: NUL-terminated, up to 63 bytes */
#define CALL_VMM_GET_FUNCTION(name, function) call_vmm_get_function((name), (function))
void call_vmm_get_function(const char *name, call_vmm_function_t *function);

/* Whether the service exists. */
int call_vmm_function_callable(const call_vmm_function_t *function);

/*
 * Calls the service. docs/vmcall.md describes each register before and after the call; RAX is negative for an error.
 * Pages of a buffer may be swapped out or not yet allocated: the service's description says whether it pages
 * them in.
 */
void call_vmm_call_function(
	const call_vmm_function_t *function, const call_vmm_arg_t *arg, call_vmm_ret_t *ret);

#endif
