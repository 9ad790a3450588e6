/* The caller: its privilege, and its memory as it sees it itself. */
#ifndef TRAPLINE_VMCALL_CALLER_H
#define TRAPLINE_VMCALL_CALLER_H

#include "cpu/cpu.h"
#include "mem/guest_access.h"
#include "vmcall/check.h"
#include "vmcall/vmcall.h"

void caller_limits(const struct cpu *cpu, struct check_limits *out);
void caller_view(const struct cpu *cpu, struct guest_view *out);

/*
 * What follows from an access that was not ACCESS_OK, for a page at `linear`.
 *   page_in  raise #PF instead of returning TRAPLINE_E_FAULT
 * Returns what the service returns. RDI is set with TRAPLINE_E_FAULT; the service tells its progress itself.
 */
int64_t caller_fault(struct vmcall *call, enum guest_access_result result, const struct guest_page *page,
	uint64_t linear, bool page_in);

/*
 * Reads or writes n bytes, 8192 at most, of the caller's memory as the caller itself could: rights are
 * checked for all of it before the first byte moves.
 *   linear  checked by check_arguments()
 * Returns 0 or what the service returns.
 */
int64_t caller_read(struct vmcall *call, uint64_t linear, void *to, uint64_t n, bool page_in);
int64_t caller_write(struct vmcall *call, uint64_t linear, const void *from, uint64_t n, bool page_in);

#endif
