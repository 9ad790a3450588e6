// SPDX-License-Identifier: MIT
/*
 * Decodes the interrupt command register: what it requests and for which CPUs (SDM vol. 3A 11.6, APM vol. 2 16.5
 * and 16.6), and how INIT and SIPI change a CPU. Pure: tested on the host.
 */
#ifndef TRAPLINE_ICR_H
#define TRAPLINE_ICR_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/cpu_set.h"

/* The lower word of the register. */
#define ICR_VECTOR(low)    ((low)&0xff)
#define ICR_MODE(low)      ((low) >> 8 & 7)
#define ICR_SHORTHAND(low) ((low) >> 18 & 3)
#define ICR_LOGICAL        (1u << 11)
#define ICR_BUSY           (1u << 12)
#define ICR_ASSERT         (1u << 14)
#define ICR_LEVEL          (1u << 15)
#define ICR_NMI            (ICR_MODE_NMI << 8 | ICR_ASSERT)

enum icr_mode {
	ICR_MODE_FIXED,
	ICR_MODE_LOWEST,
	ICR_MODE_SMI,
	ICR_MODE_RESERVED,
	ICR_MODE_NMI,
	ICR_MODE_INIT,
	ICR_MODE_STARTUP,
	ICR_MODE_EXTINT,
};

enum icr_shorthand {
	ICR_TO_DESTINATION,
	ICR_TO_SELF,
	ICR_TO_ALL,
	ICR_TO_OTHERS
};

struct icr {
	uint32_t low;
	uint32_t destination; /* xAPIC: 8 bits; x2APIC: 32 */
	bool x2apic;          /* sent in x2APIC mode */
};

/* The identifiers by which a CPU's APIC is addressed. */
struct apic_names {
	bool there;
	bool x2apic;
	uint32_t id;
	uint32_t ldr, dfr; /* as in the registers; x2APIC has no DFR */
};

/*
 * The CPUs that a command addresses, by their index in names[].
 *   count  at most BOOT_MAX_CPUS
 *   self   index of the sender
 */
struct cpu_set icr_targets(
	const struct icr *icr, const struct apic_names *names, unsigned count, unsigned self);

/* Whether a command is INIT or SIPI, which must not reach a CPU under which Trapline runs. */
static inline bool icr_starts(uint32_t low)
{
	return ICR_MODE(low) == ICR_MODE_INIT || ICR_MODE(low) == ICR_MODE_STARTUP;
}

/*
 * The commands that a CPU has received, in one word, so that senders and the CPU change it in one step. 0: none, and
 * the CPU runs. A CPU may receive the SIPI before it has carried out the INIT.
 */
#define START_INIT      0x01u /* the CPU must reset itself */
#define START_WAIT      0x02u /* it waits for a SIPI, or will do so after the reset */
#define START_SIPI      0x04u /* the SIPI has come */
#define START_VECTOR(w) ((uint8_t)((w) >> 8))

/*
 * The word after a command of ICR_MODE_INIT or ICR_MODE_STARTUP; unchanged if the command has no effect on
 * that CPU.
 */
uint32_t start_after(uint32_t word, uint32_t low);

#endif
