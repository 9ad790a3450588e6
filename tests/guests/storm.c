// SPDX-License-Identifier: MIT
/*
 * What an exception costs when several CPUs raise them at once, in instructions. The boot CPU storms alone, then with one more CPU, then
 * with three, and so on up to all that there are. PAUSE makes QEMU turn to the next CPU, so they go on side by side, exception by exception.
 *
 * On QEMU, whose -icount counts the instructions of all CPUs, the ticks are divided by their number. On Bochs the TSC moves once for
 * all CPUs, so they are those of each one.
 *
 *   bench name=storm_4 n=2048 tsc=28056576 per=42810    per: of one exception, in hundredths of an instruction
 *
 * Load options: n=2048 exceptions on each CPU, cpus=16 how many CPUs there are, endless: all of them storm without an end.
 */
#include <efi.h>

#include "hw/x86.h"
#include "lib/ap.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

const char guest_name[] = "storm";

#define WARM_UP     16   /* the reserve takes the first 8 records of a vector */
#define PASSES      2048 /* a multiple of CPU_POLL_RECORDS, so that each storm polls as often */
#define CALIBRATION 100000
#define PER_UNIT    100
#define INIT_US     10000

extern const uint8_t storm_skip[];
__asm__(".text\n"
	".balign 16\n"
	"storm_skip: addq $2, (%rsp); iretq\n");

static uint64_t passes;
static volatile bool endless;
static volatile uint32_t storming; /* CPUs that take part */
static volatile uint32_t storms;   /* so many have begun: a CPU that waits for the next one sees it change */
static volatile uint32_t present;  /* other CPUs that wait for it */
static volatile uint32_t ready, over; /* CPUs at the start of this one, and at its end */

static void add(volatile uint32_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_SEQ_CST);
}

static void wait_for(volatile uint32_t *counter, uint32_t least)
{
	while (*counter < least)
		__asm__ volatile("pause");
}

static void raise(uint64_t n)
{
	__asm__ volatile(".balign 16\n1: ud2\n pause\n dec %0\n jnz 1b" : "+r"(n) : : "memory", "cc");
}

/* Returns the time at which all were at the start. */
static uint64_t storm(void)
{
	uint64_t start;

	raise(WARM_UP);
	add(&ready);
	wait_for(&ready, storming);
	start = rdtsc();
	do
		raise(passes);
	while (endless);
	add(&over);
	return start;
}

/* The other CPUs' task. */
static void take_part(unsigned id)
{
	uint32_t last = storms;

	(void)id;
	for (add(&present);; last++) {
		while (storms == last)
			__asm__ volatile("pause");
		storm();
	}
}

static uint64_t empty(uint64_t n)
{
	uint64_t start = rdtsc();

	__asm__ volatile(".balign 16\n1: dec %0\n jnz 1b" : "+r"(n) : : "cc");
	return rdtsc() - start;
}

/* Ticks of an instruction, in hundredths, while no other CPU runs. */
static uint64_t calibrate(void)
{
	uint64_t ticks = empty(2 * CALIBRATION) - empty(CALIBRATION);

	return (ticks * PER_UNIT + CALIBRATION) / (2 * CALIBRATION);
}

/* It takes part in the next storm. */
static bool start_cpu(unsigned id)
{
	ap_send((uint8_t)id, ICR_INIT);
	ap_delay(INIT_US);
	ap_send((uint8_t)id, ICR_SIPI | ap_vector[0]);
	if (!ap_wait_starts(id, 1))
		return false;
	aps[id].order = AP_TASK;
	wait_for(&present, id);
	return true;
}

static void measure(uint64_t unit)
{
	bool sum = guest_emulator() & EMU_QEMU;
	uint64_t start, ticks;

	if (endless)
		print("storm begins\n");
	ready = over = 0;
	storms++;
	start = storm();
	wait_for(&over, storming);
	ticks = (rdtsc() - start) / (sum ? storming : 1);
	print("bench name=storm_%u n=%lu tsc=%lu per=%lu\n", storming, passes, ticks,
		ticks * PER_UNIT * PER_UNIT / unit / passes);
}

static bool storm_all(uint32_t cpus, uint64_t unit)
{
	for (uint32_t n = 1; n <= cpus; n++) {
		if (n > 1 && !start_cpu(n - 1))
			return false;
		storming = n;
		if (n == cpus || (!endless && !(n & (n - 1))))
			measure(unit);
	}
	return true;
}

static uint64_t number(const char *key, uint64_t otherwise)
{
	const char *text = guest_value(key);
	uint64_t value = 0;

	for (; text && *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	return value ? value : otherwise;
}

EFI_STATUS guest_main(void)
{
	uint32_t cpus = (uint32_t)number("cpus", 1);
	bool done;

	passes = number("n", PASSES);
	endless = guest_option("endless");
	if (cpus > AP_MAX) {
		print("storm cpus=%u: at most %u\n", cpus, AP_MAX);
		return EFI_UNSUPPORTED;
	}
	if (!ap_prepare()) {
		print("storm cpus=%u: no memory below 1 MiB\n", cpus);
		return EFI_OUT_OF_RESOURCES;
	}
	ap_task = take_part;
	ap_set_handler(VECTOR_UD, storm_skip);
	machine_take();
	machine_set_handler(VECTOR_UD, storm_skip);
	done = storm_all(cpus, calibrate());
	machine_give_back();
	ap_send(0, ICR_INIT | ICR_OTHERS); /* this program's memory no longer belongs to it */
	ap_delay(INIT_US);
	if (!done)
		print("storm: a CPU does not start\n");
	return done ? EFI_SUCCESS : EFI_DEVICE_ERROR;
}
