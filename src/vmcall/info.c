/* What Trapline is and what it has seen. */
#include "vmcall/vmcall.h"

int64_t vmcall_version(struct vmcall *call)
{
	vmcall_return(call, ARG_RBX, vmcall_features(call->user));
	return TRAPLINE_ABI_VERSION;
}
