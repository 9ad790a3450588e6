// SPDX-License-Identifier: MIT
#include <boot/blackbox_layout.h>
#include "blackbox/blackbox.h"
#include "vmcall/caller.h"
#include "vmcall/vmcall.h"

#define PIECE 4096u

static uint64_t number_of(uint64_t age, uint32_t number)
{
	if (age == BLACKBOX_CORE_MADE)
		return number;
	return age == BLACKBOX_CORE_LAST ? 0 : TRAPLINE_CORE_EARLIER;
}

/*
 * Another CPU may make a new core at any time. Between two pieces the caller sees that by the number in RSI; during one the call is made
 * again, because the piece may be of both.
 */
int64_t vmcall_core(struct vmcall *call)
{
	uint64_t room = call->arg[ARG_RCX], offset = call->arg[ARG_RSI], bytes, age, n;
	/* First the number, so that the core is this one or a newer one. */
	uint32_t number = blackbox_core_number();
	const uint8_t *core = blackbox_core(&bytes, &age);
	int64_t error;

	if (!core)
		return TRAPLINE_E_MISSING;
	if (offset > bytes)
		return TRAPLINE_E_RANGE;
	n = bytes - offset < PIECE ? bytes - offset : PIECE;
	n = room < n ? room : n;
	error = caller_write(
		call, call->arg[ARG_RBX], core + offset, n, call->arg[ARG_RDX] & TRAPLINE_PAGE_IN);
	if (error)
		return error;
	if (blackbox_core_number() != number)
		return VMCALL_AGAIN;
	vmcall_return(call, ARG_RDX, bytes);
	vmcall_return(call, ARG_RSI, number_of(age, number));
	return (int64_t)n;
}
