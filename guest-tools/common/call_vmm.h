/*
 * Calls Trapline's services by name, under the names that the articles' programs use. Compile call_vmm.c with
 * the program. Needs no privilege, no library but libc, and no preparation: where there is no Trapline,
 * nothing is callable.
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

/* Looks a service up. `name`: a NUL-terminated string of up to 63 bytes. */
#define CALL_VMM_GET_FUNCTION(name, function) call_vmm_get_function((name), (function))
void call_vmm_get_function(const char *name, call_vmm_function_t *function);

/* Whether the service is there. */
int call_vmm_function_callable(const call_vmm_function_t *function);

/*
 * Calls it. What each register holds, before and after, is in docs/vmcall.md; RAX is negative for an error.
 * Pages of a buffer may be swapped out or not yet there: the service says whether it brings them in.
 */
void call_vmm_call_function(
	const call_vmm_function_t *function, const call_vmm_arg_t *arg, call_vmm_ret_t *ret);

#endif
