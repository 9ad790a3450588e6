// SPDX-License-Identifier: MIT
/*
 * One VMCALL: the caller and the arguments. exit_vmcall() in vmcall.c decodes it, check.c checks the arguments, and
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
	uint64_t width;          /* mask of the caller's register width */
	uint64_t cpl;            /* the caller's */
	uint64_t arg[ARG_COUNT]; /* arguments in that width; only for services that have arguments */
};

/* Whether user mode calls. */
static inline bool vmcall_user(const struct vmcall *call)
{
	return call->cpl == 3;
}

/*
 * The result of a service that leaves RIP at the VMCALL. The guest executes the call again, from the registers as they
 * are now: after the exception that was raised, or after an interrupt. A STI or MOV SS shadow ends, so that an interrupt can be taken.
 */
#define VMCALL_AGAIN INT64_MIN

/* RAX of a finished call: 0 or more, or a TRAPLINE_E_... */
typedef int64_t vmcall_service(struct vmcall *call);

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors) vmcall_service vmcall_##name;
TRAPLINE_SERVICES(X)
#undef X

/*
 * Applies trapline.conf's policy and takes the memory of the services. Returns NULL, or why it failed. Called once, at
 * start.
 */
const char *vmcall_init(void);

/* Prints a word of trapline.conf's user_calls that names no service. Called once, at start. */
void vmcall_announce(void);

/* RAX = 0: returns the number of the service whose name is at RBX. */
int64_t vmcall_lookup(struct vmcall *call);

/* Whether a service exists. */
bool vmcall_exists(uint64_t number);

/* The feature mask of service `version`. */
uint64_t vmcall_features(bool user);

/* Sets a result, in the caller's register width. */
static inline void vmcall_return(struct vmcall *call, enum vmcall_arg arg, uint64_t value)
{
	static const enum trap_gpr gpr[ARG_COUNT] = {TRAP_RBX, TRAP_RCX, TRAP_RDX, TRAP_RSI, TRAP_RDI};

	call->cpu->gpr[gpr[arg]] = value & call->width;
}

#endif
