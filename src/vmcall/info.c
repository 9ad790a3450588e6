// SPDX-License-Identifier: MIT
/* Services about Trapline itself: version, status, stats, exits, filter. */
#include "exit/record.h"
#include "hw/mitigations.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmcall/caller.h"
#include "vmcall/copy_buffer.h"
#include "vmcall/check.h"
#include "vmcall/vmcall.h"

int64_t vmcall_null(struct vmcall *call)
{
	return 0;
}

int64_t vmcall_version(struct vmcall *call)
{
	vmcall_return(call, ARG_RBX, vmcall_features(vmcall_user(call)));
	vmcall_return(call, ARG_RCX, copy_buffer_size());
	vmcall_return(call, ARG_RDX, (uint64_t)TRAP_RECORD_VERSION << 32 | sizeof(struct trap_record));
	return TRAPLINE_ABI_VERSION;
}

int64_t vmcall_about(struct vmcall *call)
{
	char text[TRAPLINE_TEXT_MAX + 1], names[MITIGATION_NAMES_MAX];
	int n = snprintf(text, sizeof(text), "version=%s backend=%s mitigations=%s", boot_info.vmm_version,
		vendor->name, mitigation_names(names, sizeof(names), call->cpu->mitigations.used));
	int64_t error;

	if (n > TRAPLINE_TEXT_MAX)
		n = TRAPLINE_TEXT_MAX;
	if (call->arg[ARG_RCX] < (uint64_t)n)
		return TRAPLINE_E_RANGE;
	error = caller_write(
		call, call->arg[ARG_RBX], text, (uint64_t)n, call->arg[ARG_RDX] & TRAPLINE_PAGE_IN);
	return error ? error : n;
}

int64_t vmcall_status(struct vmcall *call)
{
	uint64_t records = 0, refused = 0;

	for_each_cpu (c) {
		records += atomic_load(&c->writing->head);
		refused += cpu_bad_guest(c);
	}
	vmcall_return(call, ARG_RBX, records);
	vmcall_return(call, ARG_RCX, (uint64_t)call->cpu->ring.mask + 1);
	vmcall_return(call, ARG_RDX, refused);
	vmcall_return(call, ARG_RSI, boot_info.tsc_start);
	vmcall_return(call, ARG_RDI, boot_info.tsc_khz);
	return atomic_load(&cpus_active);
}

int64_t vmcall_stats(struct vmcall *call)
{
	const struct cpu *cpu = cpus[call->arg[ARG_RBX]];
	unsigned vector = (unsigned)call->arg[ARG_RCX];

	vmcall_return(call, ARG_RBX, cpu_exceptions(cpu, vector, false));
	vmcall_return(call, ARG_RCX, cpu_exceptions(cpu, vector, true));
	return 0;
}

int64_t vmcall_exits(struct vmcall *call)
{
	uint64_t kind = call->arg[ARG_RCX], word[3];
	const char *name;

	if (kind >= EXIT_KIND_COUNT)
		return TRAPLINE_E_RANGE;
	name = exit_kind_name((enum exit_kind)kind);
	memset(word, 0, sizeof(word));
	memcpy(word, name, check_length(name, sizeof(word)));
	vmcall_return(call, ARG_RBX, cpus[call->arg[ARG_RBX]]->stats.exits[kind]);
	vmcall_return(call, ARG_RCX, word[0]);
	vmcall_return(call, ARG_RDX, word[1]);
	vmcall_return(call, ARG_RSI, word[2]);
	return 0;
}

int64_t vmcall_filter_get(struct vmcall *call)
{
	vmcall_return(call, ARG_RBX, boot_info.config.print.vectors);
	vmcall_return(call, ARG_RCX, boot_info.config.intercept);
	return 0;
}

int64_t vmcall_filter_set(struct vmcall *call)
{
	if (call->arg[ARG_RBX] > UINT32_MAX)
		return TRAPLINE_E_ARGUMENT;
	boot_info.config.print = (struct config_printed){.vectors = (uint32_t)call->arg[ARG_RBX]};
	record_note_all();
	return 0;
}
