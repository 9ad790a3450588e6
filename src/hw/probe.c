// SPDX-License-Identifier: MIT
#include "hw/probe.h"
#include <stddef.h>
#include "hw/asm.h"
#include "hw/msr.h"
#include "lib/printf.h"
#include "lib/string.h"

#define VECTOR_GP      13
#define VECTORS        256
#define GATE_INTERRUPT 0x8e /* P, DPL 0, 64-bit interrupt gate */
#define RFLAGS_IF      0x200ull
#define LINE_MAX       120

struct gate {
	uint16_t offset_low, selector;
	uint8_t ist, type;
	uint16_t offset_middle;
	uint32_t offset_high, reserved;
};

/* src/hw/probe.asm */
bool probe_try(uint32_t msr, uint64_t *value);
extern const char probe_fault[];

static uint32_t missing; /* number of the first missing MSR, plus 1 */

static struct gate catcher(void)
{
	uint64_t offset = (uint64_t)probe_fault;

	return (struct gate){.offset_low = (uint16_t)offset,
		.offset_middle = (uint16_t)(offset >> 16),
		.offset_high = (uint32_t)(offset >> 32),
		.selector = read_cs(),
		.type = GATE_INTERRUPT};
}

static void load(const struct descriptor_table *idt)
{
	__asm__ volatile("lidt %0" : : "m"(*idt));
}

/* Only the gate of #GP is replaced: an NMI or a machine check may come. */
bool probe_rdmsr(uint32_t msr, uint64_t *value)
{
	struct gate gates[VECTORS] = {0};
	struct descriptor_table before = sidt(), own = {sizeof(gates) - 1, (uint64_t)gates};
	uint64_t rflags;
	bool done;

	memcpy(gates, (const void *)before.base,
		before.limit < sizeof(gates) ? before.limit + 1ul : sizeof(gates));
	gates[VECTOR_GP] = catcher();
	__asm__ volatile("pushfq; pop %0; cli" : "=r"(rflags) : : "memory");
	load(&own);
	done = probe_try(msr, value);
	load(&before);
	if (rflags & RFLAGS_IF)
		__asm__ volatile("sti" : : : "memory");
	return done;
}

uint64_t probe_or(uint32_t msr, uint64_t otherwise)
{
	uint64_t value;

	return probe_rdmsr(msr, &value) ? value : otherwise;
}

uint64_t probe_need(uint32_t msr)
{
	uint64_t value;

	if (probe_rdmsr(msr, &value))
		return value;
	if (!missing)
		missing = msr + 1;
	return 0;
}

const char *probe_missing(void)
{
	static char line[LINE_MAX];
	const char *name = missing ? msr_name(missing - 1) : NULL;

	if (!missing)
		return NULL;
	snprintf(line, sizeof(line), "this CPU has no %s (MSR 0x%x)", name ? name : "such register",
		missing - 1);
	return line;
}
