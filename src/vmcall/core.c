// SPDX-License-Identifier: MIT
#include "blackbox/blackbox.h"
#include "vmcall/caller.h"
#include "vmcall/vmcall.h"

#define PIECE 4096u

/* Another CPU may make a new core meanwhile: the caller sees that by its number, in RSI. */
int64_t vmcall_core(struct vmcall *call)
{
	uint64_t room = call->arg[ARG_RCX], offset = call->arg[ARG_RSI], bytes, n;
	bool of_last;
	const uint8_t *core = blackbox_core(&bytes, &of_last);
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
	vmcall_return(call, ARG_RDX, bytes);
	vmcall_return(call, ARG_RSI, of_last ? 0 : blackbox_core_number());
	return (int64_t)n;
}
