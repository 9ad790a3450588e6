// SPDX-License-Identifier: MIT
/* The caller: its privilege level, and its memory as it can access it. */
#ifndef TRAPLINE_VMCALL_CALLER_H
#define TRAPLINE_VMCALL_CALLER_H

#include "cpu/cpu.h"
#include "hw/x86.h"
#include "mem/guest_access.h"
#include "mem/paging.h"
#include "vendor.h"
#include "vmcall/check.h"
#include "vmcall/copy_buffer.h"
#include "vmcall/vmcall.h"

void caller_limits(const struct vmcall *call, struct check_limits *out);
void caller_view(const struct vmcall *call, struct guest_view *out);

#define CALLER_PAE_TABLE 0xffffffe0 /* CR3 without long mode: aligned to 32 */

/*
 * Whose call it is: in user mode the address space, which is CR3 without flags. The kernel is one owner (COPY_KERNEL) in all address spaces: a kernel
 * thread goes on in that of the process before it, and no other thread has its stack.
 */
static inline uint64_t caller_owner(const struct vmcall *call)
{
	struct guest_paging p;

	if (!vmcall_user(call))
		return COPY_KERNEL;
	vendor->state.paging(call->cpu, &p);
	return p.cr3 & (p.efer & EFER_LMA ? PTE_ADDRESS : CALLER_PAE_TABLE);
}

/*
 * Handles an access that was not ACCESS_OK. With TRAPLINE_E_FAULT it sets RDI; the service reports its progress itself.
 *   linear   address of the page
 *   page_in  raise #PF instead of returning TRAPLINE_E_FAULT
 * Returns the result of the service.
 */
int64_t caller_fault(struct vmcall *call, enum guest_access_result result, const struct guest_page *page,
	uint64_t linear, bool page_in);

/*
 * Reads or writes the caller's memory with the caller's rights. They are checked for all of it before the first byte moves.
 *   linear  checked by check_arguments()
 *   n       bytes, 8192 at most
 * Returns 0 or the result of the service.
 */
int64_t caller_read(struct vmcall *call, uint64_t linear, void *to, uint64_t n, bool page_in);
int64_t caller_write(struct vmcall *call, uint64_t linear, const void *from, uint64_t n, bool page_in);

#endif
