// SPDX-License-Identifier: MIT
/*
 * An INIT that exits, and what other CPUs do meanwhile. The effect of the SIPI needs a CPU: tests/guests/startup.c,
 * like_linux.
 */
#include "unit.h"
#include "fake_vendor.h"
#include <stdio.h>
#include <string.h>
#undef skip /* cmocka's */
#include "apic/apic.h"
#include "cpu/registers.h"
#include "exit/timed_halt.h"
#include "exit/init_sipi.h"
#include "log/log.h"
#include "report/fault.h"
#include "apic/flush.h"
#include "apic/park.h"
#include "exit/handlers.h"
#include "exit/halt.h"
#include "exit/shutdown.h"
#include "exit/watch_access.h"
#include "exit/watch_control.h"

#define CPUS 3

struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active = CPUS;

static struct cpu cpu[CPUS];
static bool bsp;
static bool switched_off;
bool apic_hardware;
static unsigned nmis, apic_accesses, resets, printed;
static unsigned steps_dropped, tables_dropped; /* before any reset */
static char last[200];

void cpu_registers(struct cpu *c, struct core_registers *r)
{
}

static void reset(struct cpu *c, unsigned sipi)
{
	resets++;
}

static unsigned windows, arrives_in; /* the window in which an NMI reaches CPU 1; 0: none */

static void let_in(bool on)
{
	if (on && ++windows == arrives_in)
		cpu_note_nmi(&cpu[1]);
}

FAKE_VENDOR(fake, .events.let_in = let_in, .state.reset = reset);
const struct vendor *vendor = &fake;

bool apic_is_bsp(void)
{
	return bsp;
}

enum apic_mode apic_mode(void)
{
	apic_accesses++;
	return APIC_XAPIC;
}

uint32_t apic_read(enum apic_mode mode, unsigned offset)
{
	apic_accesses++;
	return 0;
}

void apic_write(enum apic_mode mode, unsigned offset, uint32_t value)
{
	apic_accesses++;
	assert_int_equal(offset, APIC_LDR);
	assert_int_equal(value, 0);
}

void apic_drain(struct cpu *c, enum apic_mode mode)
{
	apic_accesses++;
}

void apic_note_names(const struct cpu *c)
{
	apic_accesses++;
}

bool apic_send_nmi(uint32_t number)
{
	nmis |= 1u << number;
	if (switched_off)
		cpu_end_kick(&cpu[number]); /* the APIC is switched off before the NMI arrives */
	return true;
}

void watch_step_drop(struct cpu *c)
{
	steps_dropped += !resets;
}

void watch_tables_drop(struct cpu *c)
{
	tables_dropped += !resets;
}

void timed_halt(struct cpu *c, const _Atomic uint32_t *word, uint32_t old)
{
}

void halt_over(struct cpu *c)
{
}

void flush_serve(struct cpu *c)
{
}

void shutdown_report(const char *why, unsigned seconds)
{
}

void log_print(const char *format, ...)
{
	va_list ap;

	printed++;
	va_start(ap, format);
	vsnprintf(last, sizeof(last), format, ap);
	va_end(ap);
}

struct cpu *cpu_of_stack(uint64_t address)
{
	return cpus[0];
}

static int begin(void **state)
{
	memset(cpu, 0, sizeof(cpu));
	for (unsigned n = 0; n < CPUS; n++) {
		cpus[n] = &cpu[n];
		cpu[n].number = n;
		cpu[n].beneath = true;
	}
	boot_info.cpus = CPUS;
	boot_info.tsc_khz = 1000000;
	nmis = apic_accesses = resets = printed = 0;
	steps_dropped = tables_dropped = 0;
	windows = arrives_in = 0;
	bsp = switched_off = false;
	apic_hardware = true;
	return 0;
}

/* Only what the entry needs comes before it, because the SIPI follows after 10 us. Events that were pending are dropped. */
static void init_waits_first(void **state)
{
	cpu[1].nmi_pending = cpu[1].guest_nmi_blocked = cpu[1].host_interrupt_valid = true;
	cpu[1].work = CPU_WORK_NMI | CPU_WORK_EVENT | CPU_WORK_MC | CPU_WORK_CONSOLE;
	cpu[1].gpr[TRAP_RBX] = 5;
	assert_true(init_sipi_wait(&cpu[1]));
	assert_int_equal(apic_accesses, 2); /* its mode, and the logical name */
	assert_int_equal(resets, 0);
	assert_int_equal(cpu[1].gpr[TRAP_RBX], 5);
	assert_true(cpu[1].waits_for_sipi);
	assert_int_equal(cpu[1].work, CPU_WORK_CONSOLE);
	assert_false(cpu[1].nmi_pending || cpu[1].guest_nmi_blocked || cpu[1].host_interrupt_valid);
	assert_int_equal(steps_dropped, 1);
	assert_int_equal(tables_dropped, 1);
}

/* The boot CPU begins at the reset vector and does not wait. */
static void init_to_boot(void **state)
{
	bsp = true;
	assert_false(init_sipi_wait(&cpu[0]));
	assert_false(cpu[0].waits_for_sipi);
	assert_int_equal(cpu[0].work, CPU_WORK_KICK);
	assert_true(cpu[0].start & START_INIT);
}

/* If the command register is watched, software carries out the SIPI and the wait for it, and the CPU can still be kicked. */
static void init_in_software(void **state)
{
	apic_hardware = false;
	assert_false(init_sipi_wait(&cpu[1]));
	assert_false(cpu[1].waits_for_sipi);
	assert_int_equal(cpu[1].work, CPU_WORK_KICK);
	assert_true(cpu[1].start & START_INIT);
	cpu_kick(&cpu[1]);
	assert_int_equal(nmis, 1u << 1);
}

/* No NMI may reach it or be pending when it starts; the console's `stop` knows that it waits. */
static void not_kicked(void **state)
{
	init_sipi_wait(&cpu[1]);
	cpu_kick(&cpu[1]);
	cpu_kick(&cpu[2]);
	assert_int_equal(nmis, 1u << 2);
	assert_false(cpu[1].kicked);
	assert_true(cpu[1].start);
}

/* The firmware still has this CPU, and its NMI handler would stop the machine. */
static void not_beneath(void **state)
{
	cpu[1].beneath = false;
	cpu_kick_others(&cpu[0]);
	assert_int_equal(nmis, 1u << 2);
	assert_false(cpu[1].kicked);
}

/* The APIC was switched off during a kick: the next kick is sent, and a later NMI is the guest's. */
static void lost_kick(void **state)
{
	cpu_kick(&cpu[1]);
	nmis = 0;
	cpu_kick(&cpu[1]);
	assert_int_equal(nmis, 0); /* one is already under way */
	cpu_end_kick(&cpu[1]);
	cpu_note_nmi(&cpu[1]);
	assert_true(cpu[1].nmi_pending);
	cpu_kick(&cpu[1]);
	assert_int_equal(nmis, 1u << 1);
}

/* A kick that has arrived, or is about to be sent, does not count as the guest's NMI. */
static void late_kick(void **state)
{
	cpu_kick(&cpu[1]);
	arrives_in = 1;
	cpu_end_kick(&cpu[1]);
	assert_int_equal(cpu[1].work, CPU_WORK_KICK);
	cpu[1].work = windows = 0;
	arrives_in = 5;
	switched_off = true;
	cpu_kick(&cpu[1]);
	assert_int_equal(windows, 5);
	assert_int_equal(cpu[1].work, CPU_WORK_KICK);
	assert_false(cpu[1].nmi_pending);
}

/* A CPU that never answers is waited for up to the limit; one that cannot get NMIs is not waited for. This test is last, because stopped CPUs stay stopped. */
static void stopping(void **state)
{
	uint64_t since;

	cpu[1].beneath = false;
	init_sipi_wait(&cpu[2]);
	boot_info.tsc_khz = 1000000000; /* 100 s */
	since = rdtsc();
	cpus_park();
	assert_int_equal(nmis, 0);
	assert_true(rdtsc() - since < 50 * boot_info.tsc_khz);
	cpus_report();
	assert_int_equal(printed, 2);
	assert_string_equal(last, "trapline: cpu=2 waits for a SIPI");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(init_waits_first, begin),
		cmocka_unit_test_setup(init_to_boot, begin),
		cmocka_unit_test_setup(init_in_software, begin),
		cmocka_unit_test_setup(not_kicked, begin),
		cmocka_unit_test_setup(not_beneath, begin),
		cmocka_unit_test_setup(lost_kick, begin),
		cmocka_unit_test_setup(late_kick, begin),
		cmocka_unit_test_setup(stopping, begin),
	};

	return cmocka_run_group_tests_name("start", tests, NULL, NULL);
}
