// SPDX-License-Identifier: MIT
/*
 * Other CPUs, started by the guest itself: the local APIC's command register, a page for each SIPI vector,
 * and a loop in which the started CPU counts and takes orders.
 */
#ifndef GUEST_AP_H
#define GUEST_AP_H

#include <stdbool.h>
#include <stdint.h>

#define AP_MAX 16 /* APIC identifiers below this: their slots are in the page of the vector */

#define APIC_ID         0x020
#define APIC_TPR        0x080
#define APIC_EOI        0x0b0
#define APIC_LDR        0x0d0
#define APIC_DFR        0x0e0
#define APIC_SVR        0x0f0
#define APIC_SVR_ENABLE 0x100
#define APIC_ISR        0x100
#define APIC_IRR        0x200
#define APIC_ICR        0x300
#define APIC_ICR_HIGH   0x310
#define APIC_LVT_TIMER  0x320
#define APIC_LVT_LINT0  0x350
#define APIC_LVT_ERROR  0x370
#define APIC_TIMER      0x380

#define ICR_INIT     0x00004500u
#define ICR_SIPI     0x00004600u /* + vector */
#define ICR_NMI      0x00004400u
#define ICR_FIXED    0x00004000u
#define ICR_DEASSERT 0x00008500u /* INIT level de-assert */
#define ICR_LOGICAL  0x00000800u
#define ICR_SELF     0x00040000u
#define ICR_ALL      0x00080000u
#define ICR_OTHERS   0x000c0000u

static inline uint32_t apic_read(unsigned offset)
{
	return *(volatile uint32_t *)(0xfee00000ull + offset);
}

static inline void apic_write(unsigned offset, uint32_t value)
{
	*(volatile uint32_t *)(0xfee00000ull + offset) = value;
}

/* The state in which a CPU started; filled by trampoline.S. */
struct ap_slot {
	uint16_t cs, selectors; /* selectors: the others, ORed */
	uint32_t registers;     /* all but EDX, ORed */
	uint32_t edx, flags;
	uint32_t cr0, cr2, cr3, cr4;
	uint32_t dr0, dr6, dr7, efer;
	uint8_t gdtr[6], idtr[6];
};

struct ap_apic {
	uint32_t tpr, ldr, dfr, svr, requested, in_service, timer, lvt_timer, lvt_lint0, lvt_error;
};

enum ap_order {
	AP_RUN,
	AP_HALT,
	AP_DIRTY,
	AP_FLAT,
	AP_CLUSTER,
	AP_INIT_SELF,
	AP_INIT_BOOT,
	AP_CRASH,
	AP_TASK
};

extern volatile struct ap {
	uint32_t starts; /* how often it came out of the trampoline */
	uint64_t beat;   /* counts while it runs */
	uint32_t order;  /* AP_RUN again when it has been carried out */
	uint32_t nmis;
	struct ap_slot slot;
	struct ap_apic apic; /* as found */
} aps[AP_MAX];

/* Makes the pages. Returns false when the firmware has no room below 1 MiB. Vectors: ap_vector[0] and [1]. */
bool ap_prepare(void);
extern uint8_t ap_vector[2];

/* Sets a gate of the IDT that all of them share; it has one for NMIs from the start. */
void ap_set_handler(unsigned vector, const void *handler);

/* By the register of this CPU's mode. */
void ap_send(uint8_t destination, uint32_t command);

#define APIC_BASE_X2APIC (1ull << 10) /* IA32_APIC_BASE.EXTD */

/* Puts this CPU's APIC into x2APIC mode: apic_read() and apic_write() are not for it any more. */
void ap_use_x2apic(void);

/* Whether it runs, that is whether its count grows. */
bool ap_runs(unsigned id);

/* Gives an order and waits until it is carried out; false if that does not happen. */
bool ap_order(unsigned id, enum ap_order order);

/* The function that AP_TASK runs. */
extern void (*ap_task)(unsigned id);

/* Waits until it has started `n` times in all and has reached its loop; false if that does not happen. */
bool ap_wait_starts(unsigned id, uint32_t n);

/* Makes the pages, and starts CPU 1: `task` is what AP_TASK runs. False if one of the two does not happen. */
bool ap_start_second(void (*task)(unsigned id));

/* Microseconds. */
void ap_delay(uint64_t us);

#endif
