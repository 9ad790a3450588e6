// SPDX-License-Identifier: MIT
/* Gives the trace to the guest: as a copy, and in place. */
#include "apic/flush.h"
#include "exit/freeze.h"
#include "lib/string.h"
#include "mem/pool.h"
#include "stage2/stage2.h"
#include "vmcall/caller.h"

#define RECORDS_MAX 16 /* 4 KiB, which limits the length of a call */

static unsigned read_some(struct ring_reader *reader, struct trap_record *records, uint64_t room)
{
	unsigned n = 0;

	while (n < RECORDS_MAX && n < room && ring_read(reader, &records[n]))
		n++;
	return n;
}

/* By the CPU that calls: records that the ring no longer holds. They do not come back, so any call may pass over them. */
static struct gone {
	const struct trace_ring *ring;
	uint64_t from, next;
} gone[BOOT_MAX_CPUS];

/* The reader has stopped: from `from` on there was nothing. It goes on behind what earlier calls have passed over, and stops again. */
SLOW_PATH static unsigned read_behind(const struct cpu *cpu, uint64_t from, struct ring_reader *reader,
	struct trap_record *records, uint64_t room)
{
	struct gone *g = &gone[cpu->number];
	unsigned n;

	if (g->ring == reader->ring && reader->next >= g->from && reader->next < g->next) {
		reader->lost += g->next - reader->next;
		reader->next = g->next;
	}
	reader->passed = 0;
	n = read_some(reader, records, room);
	if (!n)
		*g = (struct gone){reader->ring, from, reader->next};
	return n;
}

/* Where a freeze has left out many records a call takes several exits. */
int64_t vmcall_trace_read(struct vmcall *call)
{
	uint64_t room = call->arg[ARG_RCX] / sizeof(struct trap_record), seq = call->arg[ARG_RDI];
	uint64_t from = seq ? seq : 1;
	struct ring_reader reader = {.ring = &cpus[call->arg[ARG_RDX]]->ring, .next = from, .stops = true};
	struct trap_record records[RECORDS_MAX];
	unsigned n = read_some(&reader, records, room);
	int64_t error;

	if (!n && reader.passed) {
		n = read_behind(call->cpu, from, &reader, records, room);
		if (!n && reader.passed == RING_PASS_MOST)
			return VMCALL_AGAIN;
	}
	error = caller_write(call, call->arg[ARG_RBX], records, n * sizeof(records[0]),
		call->arg[ARG_RSI] & TRAPLINE_PAGE_IN);
	if (error)
		return error;
	vmcall_return(call, ARG_RDX, reader.lost);
	vmcall_return(call, ARG_RDI, reader.next);
	return n;
}

int64_t vmcall_trace_map(struct vmcall *call)
{
	const struct trace_ring *ring = &cpus[call->arg[ARG_RBX]]->ring;
	uint64_t base = pool_phys(ring->records),
		 bytes = ((uint64_t)ring->mask + 1) * sizeof(struct trap_record);

	if (!stage2_show((unsigned)call->arg[ARG_RBX], base, bytes))
		return VMCALL_AGAIN;
	flush_changed(call->cpu);
	vmcall_return(call, ARG_RBX, base);
	vmcall_return(call, ARG_RCX, bytes);
	return 0;
}

int64_t vmcall_freeze(struct vmcall *call)
{
	if (call->arg[ARG_RBX] > FREEZE_SECONDS_MAX)
		return TRAPLINE_E_ARGUMENT;
	freeze_set(call->cpu, call->arg[ARG_RBX]);
	return freeze_hurry(call->cpu) ? VMCALL_AGAIN : 0;
}

int64_t vmcall_frozen(struct vmcall *call)
{
	freeze_serve(call->cpu);
	if (freeze_hurry(call->cpu))
		return VMCALL_AGAIN;
	vmcall_return(call, ARG_RBX, freeze_not_kept());
	return (int64_t)freeze_left();
}
