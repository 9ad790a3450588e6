// SPDX-License-Identifier: MIT
#include "exit/capture.h"
#include <boot/capture_layout.h>
#include "apic/flush.h"
#include "apic/park.h"
#include "apic/pause.h"
#include "blackbox/blackbox.h"
#include "capture/core.h"
#include "exit/capture_ask.h"
#include "exit/halt.h"
#include "exit/init_sipi.h"
#include "exit/intercept.h"
#include "exit/vmcoreinfo.h"
#include "exit/watch_exec.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "log/log.h"
#include "mem/guest_ram.h"
#include "mem/pool.h"
#include "report/story.h"
#include "stage2/stage2.h"
#include "vendor.h"

_Static_assert(
	BOOT_MAX_CPUS *CORE_NOTE + 12 <= CAPTURE_NOTES_MAX, "room for each CPU's note, and an empty one");
_Static_assert(64 + 56 * (BOOT_MAX_RAM + 3) <= CAPTURE_CORE_MAX, "room for each range of memory");

/* The capture kernel's exits. Those of the dead guest stay in the black box, whose seal covers them. */
#define EXITS 64
static struct exit_entry exits[EXITS] __attribute__((aligned(2 * EXITS * sizeof(struct exit_entry))));

static void *area(uint64_t offset)
{
	return pool_virt(boot_info.capture.base + offset);
}

/* The memory that the capture kernel overwrites. What is not RAM there stays zero. */
static void copy_low(void)
{
	for (uint32_t i = 0; i < boot_info.ram_count; i++) {
		const struct boot_range *r = &boot_info.ram[i];
		uint64_t end = r->base + r->size < CAPTURE_LOW_END ? r->base + r->size : CAPTURE_LOW_END;

		if (r->base < end)
			guest_ram_read(r->base, area(CAPTURE_LOW + r->base), end - r->base);
	}
}

/* The CPUs' notes in the order of their numbers, and an empty one. Returns their bytes. */
static uint64_t write_notes(struct cpu *cpu)
{
	static struct trap_record own;
	uint8_t *at = area(CAPTURE_NOTES);

	vendor->state.capture(cpu, &own);
	for_each_cpu (c) {
		if (c != cpu && !atomic_load(&c->stopped.is))
			continue;
		core_note(at, c == cpu ? &own : &c->stopped.at, c->number + 1);
		at += CORE_NOTE;
	}
	return (uint64_t)(at - (uint8_t *)area(CAPTURE_NOTES)) + 12;
}

/* A terabyte takes many seconds: a line says what the machine does meanwhile. */
static struct boot_range find_vmcoreinfo(void)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < boot_info.ram_count; i++)
		size += boot_info.ram[i].size;
	log_print("trapline: capture: searching %lu MiB of memory for VMCOREINFO", size >> 20);
	return vmcoreinfo_find();
}

static void describe(struct cpu *cpu)
{
	uint64_t base = boot_info.capture.base;
	struct core_plan p = {.ram = boot_info.ram,
		.ram_count = boot_info.ram_count,
		.low_end = CAPTURE_LOW_END,
		.low_at = base + CAPTURE_LOW};

	copy_low();
	p.notes = (struct boot_range){base + CAPTURE_NOTES, write_notes(cpu)};
	p.vmcoreinfo = find_vmcoreinfo();
	core_header(area(CAPTURE_CORE), CAPTURE_CORE_MAX, &p);
	log_print("trapline: capture cpu=%u rip=0x%lx vmcoreinfo=0x%lx", cpu->number,
		vendor->state.get(cpu, GUEST_RIP), p.vmcoreinfo.base);
}

/* Long mode in a 16-bit segment: the tables lead CS:RIP to the start code (boot/capture_start.S). */
static void enter_long_mode(struct cpu *cpu)
{
	uint64_t efer = EFER_LME;

	vendor->state.set(cpu, GUEST_CR4, CR4_PAE);
	vendor->state.set(cpu, GUEST_CR3, boot_info.capture.base + CAPTURE_TABLES);
	vendor->exits.msr(cpu, MSR_EFER, true, &efer);
	vendor->state.set(cpu, GUEST_CR0, CR0_PG | CR0_NE | CR0_ET | CR0_PE);
}

/* The records stay those of the dead guest: the capture kernel's exceptions go straight to it. */
static void let_go(struct cpu *cpu)
{
	capture_note_run();
	blackbox_keep();
	story_over();
	history_init(&cpu->history, exits, EXITS);
	pause_over();
	intercept_set(cpu, 0, false);
	watch_exec_end(); /* its ranges are the dead guest's */
	if (!stage2_reveal())
		log_print("trapline: capture: no memory is left for the tables of its memory");
	flush_changed(cpu);
}

void capture_start(struct cpu *cpu)
{
	cpu_end_work(cpu, CPU_WORK_CAPTURE);
	if (capture_missing())
		return;
	cpus_park();
	halt_over(cpu);
	describe(cpu);
	let_go(cpu);
	init_sipi_restart(cpu, CAPTURE_VECTOR);
	enter_long_mode(cpu);
}
