// SPDX-License-Identifier: MIT
/*
 * The time-stamp counter, read by every CPU in turn: no reading is less than the one before it, whichever CPU
 * made that one, while all of them exit as often as they can.
 *
 * The counters of the CPUs are one clock (SDM vol. 3B 18.17.1, invariant TSC), and the guest's value is that
 * plus an offset of each CPU (TSC offsetting, VMCB.TSC_OFFSET). If a hypervisor hides the time of its exits
 * on one CPU, or starts the CPUs with different offsets, time runs backwards from one CPU to the other.
 */
#include <efi.h>
#include "lib/ap.h"
#include "lib/cpu.h"
#include "lib/guest.h"

const char guest_name[] = "tsc";

#define CPUS       2
#define ROUNDS     1000
#define WAIT_STEPS 20000
#define STEP_US    1000
#define FORMS      3 /* RDTSC, RDTSCP, RDTSC behind an exit */

/* The CPU whose turn it is: each reading follows the other CPU's. */
static volatile uint32_t turn, finished;
static volatile uint64_t last;
static volatile uint32_t readings[CPUS], backwards[CPUS];

static uint64_t read_counter(unsigned form)
{
	uint32_t low, high;

	if (form == 1 && cpuid(0x80000001, 0).edx & 1u << 27) {
		__asm__ volatile("rdtscp" : "=a"(low), "=d"(high) : : "rcx", "memory");
		return (uint64_t)high << 32 | low;
	}
	if (form == 2)
		cpuid(0, 0);
	return rdtsc();
}

static void take_turns(unsigned id)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t now;

		while (turn != id)
			__asm__ volatile("pause");
		now = read_counter(i % FORMS);
		readings[id]++;
		backwards[id] += now < last;
		last = now;
		turn = (id + 1) % CPUS;
	}
	__atomic_fetch_add(&finished, 1, __ATOMIC_SEQ_CST);
}

EFI_STATUS guest_main(void)
{
	if (!ap_start_second(take_turns)) {
		print("no second CPU\n");
		return EFI_DEVICE_ERROR;
	}
	last = rdtsc();
	aps[1].order = AP_TASK;
	take_turns(0);
	for (unsigned i = 0; i < WAIT_STEPS && finished < CPUS; i++)
		ap_delay(STEP_US);
	ap_send(1, ICR_INIT); /* this program's memory is freed soon */
	for (unsigned id = 0; id < CPUS; id++)
		print("case name=tsc cpu=%u readings=%u backwards=%u\n", id, readings[id], backwards[id]);
	return EFI_SUCCESS;
}
