// SPDX-License-Identifier: MIT
/* The guest's reports of its processes and programs, which lines then name: process, process_of and image. */
#include "hw/asm.h"
#include "hw/lock.h"
#include "lib/string.h"
#include "mem/layout.h"
#include "trace/names.h"
#include "trace/process.h"
#include "vmcall/caller.h"
#include "vmcall/operator.h"

static struct lock lock = LOCK_FREE;

int64_t vmcall_process(struct vmcall *call)
{
	uint64_t space = call->arg[ARG_RBX] & ~(PAGE_SIZE - 1), pid = call->arg[ARG_RCX];
	uint64_t name[PROCESS_NAME_MAX / 8] = {call->arg[ARG_RDX], call->arg[ARG_RSI]};

	if (!space || space >> 52 || pid > UINT32_MAX)
		return TRAPLINE_E_ARGUMENT;
	if (!lock_try(&lock))
		return VMCALL_AGAIN;
	process_note(space, rdtsc(), (uint32_t)pid, (const char *)name);
	lock_give(&lock);
	return 0;
}

int64_t vmcall_process_of(struct vmcall *call)
{
	uint64_t name[PROCESS_NAME_MAX / 8];
	struct process p;

	if (!process_find(call->arg[ARG_RBX] & ~(PAGE_SIZE - 1), call->arg[ARG_RCX], &p))
		return TRAPLINE_E_MISSING;
	memcpy(name, p.name, sizeof(name));
	vmcall_return(call, ARG_RCX, p.pid);
	vmcall_return(call, ARG_RDX, name[0]);
	vmcall_return(call, ARG_RSI, name[1]);
	return 0;
}

int64_t vmcall_image(struct vmcall *call)
{
	uint64_t base = call->arg[ARG_RSI], size = call->arg[ARG_RDI];
	char text[TRAPLINE_TEXT_MAX + 1];
	int64_t error;

	if (!size || base + size < base)
		return TRAPLINE_E_ARGUMENT;
	error = operator_take_text(call, text);
	if (error)
		return error;
	if (!lock_try(&lock))
		return VMCALL_AGAIN;
	error = names_add_image(text, base, size) ? 0 : TRAPLINE_E_FULL;
	lock_give(&lock);
	return error;
}
