// SPDX-License-Identifier: MIT
/*
 * Watches the machine's local APICs. The guest's INIT and SIPI must not reach a CPU under which Trapline runs, so stores to
 * the interrupt command register exit and these two commands are carried out in
 * software (init_sipi.c). docs/smp.md says when that is so and what it costs.
 */
#ifndef TRAPLINE_APIC_H
#define TRAPLINE_APIC_H

#include "apic/icr.h"
#include "cpu/cpu.h"
#include "mem/host_map.h"
#include "vendor.h"

#define APIC_BASE_ADDRESS 0x000ffffffffff000ull /* address field of IA32_APIC_BASE */

/* Registers by their offset in the page. In x2APIC mode they are MSR 0x800 + offset / 16 (SDM vol. 3A table 11-6). */
#define APIC_ID            0x020
#define APIC_VERSION       0x030
#define APIC_TPR           0x080
#define APIC_EOI           0x0b0
#define APIC_LDR           0x0d0
#define APIC_DFR           0x0e0
#define APIC_SVR           0x0f0
#define APIC_SVR_VECTOR    0xffu
#define APIC_SVR_ENABLE    (1u << 8)
#define APIC_ISR           0x100
#define APIC_IRR           0x200
#define APIC_ESR           0x280
#define APIC_LVT_CMCI      0x2f0
#define APIC_ICR           0x300
#define APIC_ICR_HIGH      0x310
#define APIC_LVT_TIMER     0x320
#define APIC_LVT_LINT0     0x350
#define APIC_LVT_EXTINT    (7u << 8)
#define APIC_LVT_MASKED    (1u << 16)
#define APIC_LVT_MODE      (3u << 17) /* of the timer: 0 means one-shot */
#define APIC_LVT_LAST      0x370
#define APIC_TIMER_COUNT   0x380
#define APIC_TIMER_CURRENT 0x390
#define APIC_TIMER_DIVIDE  0x3e0

enum apic_mode {
	APIC_OFF,
	APIC_XAPIC,
	APIC_X2APIC
};

/* Maps the page and watches it: once, on the boot CPU, before the guest runs. Returns NULL, or why it failed. */
const char *apic_init(void);

/* Call it on each CPU before it enters the guest. Returns NULL, or why it failed. */
const char *apic_cpu_init(struct cpu *cpu);

/* Whether the CPU reports INIT and SIPI by exits, so that no page is watched. */
extern bool apic_hardware;
static inline bool apic_by_hardware(void)
{
	return apic_hardware;
}

/* Prints which way is in use, and why if it is not the configured one. */
void apic_say_way(void);

/*
 * Whether every interrupt of this CPU ends with a store to a watched page. An 8259's interrupt by LINT0 does not: its end
 * is written to the 8259's port.
 */
bool apic_sees_interrupts(void);

/* Whether this CPU's APIC is on, by IA32_APIC_BASE and SVR. */
bool apic_is_on(void);

/* Whether the 8259s' interrupts reach this CPU: by LINT0, or because the APIC is off (SDM vol. 3A 11.4.3, 11.5.1). */
bool apic_takes_pic(void);

/* The address of CPU `number`'s registers. */
extern uint64_t apic_pages[BOOT_MAX_CPUS];
static inline uint64_t apic_page(unsigned number)
{
	return apic_pages[number];
}

/*
 * Watches this CPU's registers at `base` instead. Once the guest runs, the caller holds all other CPUs (stage2_watch()).
 * False, with nothing changed: the page cannot be watched.
 */
bool apic_follow(unsigned number, uint64_t base);

/* Refuses a base that cannot be watched: prints a line and returns #GP, although bare the registers would move. */
enum msr_result apic_refuse_base(struct cpu *cpu, uint64_t value);

/* Stores this CPU's identifier, LDR and DFR, by which commands of other CPUs address it. */
void apic_note_names(const struct cpu *cpu);

/* This CPU's APIC registers, in xAPIC mode. */
static inline volatile uint32_t *apic_registers(const struct cpu *cpu)
{
	return (volatile uint32_t *)host_window(cpu->number);
}

enum apic_mode apic_mode(void);
bool apic_is_bsp(void);
uint32_t apic_read(enum apic_mode mode, unsigned offset);
void apic_write(enum apic_mode mode, unsigned offset, uint32_t value);
/*
 * Clears IRR and ISR. There is no direct way: the host accepts and drops what is requested, and ends what is in service.
 * The APIC must be on, with priority 0.
 */
void apic_drain(struct cpu *cpu, enum apic_mode mode);
/* The CPUs that a command of this CPU addresses. */
struct cpu_set apic_targets(const struct cpu *cpu, const struct icr *icr);

/* Sends an NMI to a CPU, by Trapline's number. False: its APIC or this CPU's is off. */
bool apic_send_nmi(uint32_t number);

#endif
