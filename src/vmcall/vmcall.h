/*
 * One VMCALL: who calls, with what. exit_vmcall() in vmcall.c takes it apart, check.c looks at the arguments,
 * the service's own function does the rest. The list of services is include/trapline/services.h.
 */
#ifndef TRAPLINE_VMCALL_H
#define TRAPLINE_VMCALL_H

#include <trapline/services.h>
#include "cpu/cpu.h"
#include "vendor.h"

enum vmcall_arg {
	ARG_RBX,
	ARG_RCX,
	ARG_RDX,
	ARG_RSI,
	ARG_RDI,
	ARG_COUNT
};

struct vmcall {
	struct cpu *cpu;
	uint64_t width;          /* mask of a register of the caller's */
	uint64_t arg[ARG_COUNT]; /* as wide as that; only for services that have arguments */
};

/* Whether user mode calls. Asked for where it matters: many calls never look. */
static inline bool vmcall_user(const struct vmcall *call)
{
	return vendor->state.cpl(call->cpu) == 3;
}

/*
 * What a service returns instead of a result to leave RIP at the VMCALL. The guest makes the call again, from the registers as they
 * are now: after the exception that was raised, or after an interrupt. A STI or MOV SS shadow ends, so that one can come.
 */
#define VMCALL_AGAIN INT64_MIN

/* RAX of a finished call: 0 or more, or a TRAPLINE_E_... */
typedef int64_t vmcall_service(struct vmcall *call);

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors) vmcall_service vmcall_##name;
TRAPLINE_SERVICES(X)
#undef X

/* Reads trapline.conf's policy and takes the memory that services need. NULL, or why it cannot. Once, at
 * start. */
const char *vmcall_init(void);

/* Says on the console what of trapline.conf's user_calls names no service. Once, at start. */
void vmcall_announce(void);

/* RAX = 0: the number of the service whose name lies at RBX. */
int64_t vmcall_lookup(struct vmcall *call);

/* Whether a service is there at all. */
bool vmcall_exists(uint64_t number);

/* The feature mask of `version`. */
uint64_t vmcall_features(bool user);

/* A result, as wide as the caller's registers. */
static inline void vmcall_return(struct vmcall *call, enum vmcall_arg arg, uint64_t value)
{
	static const enum trap_gpr gpr[ARG_COUNT] = {TRAP_RBX, TRAP_RCX, TRAP_RDX, TRAP_RSI, TRAP_RDI};

	call->cpu->gpr[gpr[arg]] = value & call->width;
}

#endif
