// SPDX-License-Identifier: MIT
/*
 * make CC="gcc -DVMX_COUNT": counts the VMREADs and VMWRITEs of an exit by its kind, and prints them
 * whenever the number of exits of that kind is a power of two.
 */
#include "vmx/vmx.h"

#ifdef VMX_COUNT
#include "log/log.h"

uint64_t vmx_reads, vmx_writes;

void vmx_count_exit(const struct cpu *cpu)
{
	static uint64_t reads[EXIT_KIND_COUNT], writes[EXIT_KIND_COUNT], exits[EXIT_KIND_COUNT];
	enum exit_kind kind = cpu->exit.kind;
	uint64_t n = ++exits[kind];

	reads[kind] += vmx_reads;
	writes[kind] += vmx_writes;
	vmx_reads = vmx_writes = 0;
	if (!(n & (n - 1)))
		log_line("trapline: vmcs kind=%s exits=%lu vmreads=%lu vmwrites=%lu", exit_kind_name(kind), n,
			reads[kind], writes[kind]);
}
#endif
