/*
 * The interrupt command register, read: what it asks for and whom (SDM vol. 3A 11.6, APM vol. 2 16.5
 * and 16.6), and what INIT and SIPI make of a CPU. Pure: tested on the host.
 */
#ifndef TRAPLINE_ICR_H
#define TRAPLINE_ICR_H

#include <stdbool.h>
#include <stdint.h>

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
	bool x2apic;          /* sent in that mode */
};

/* By what names a CPU's APIC is called. */
struct apic_names {
	bool there;
	bool x2apic;
	uint32_t id;
	uint32_t ldr, dfr; /* as the registers have them; x2APIC has no DFR */
};

/*
 * The CPUs that a command is for, bit n for names[n].
 *   count  at most 64
 *   self   who sends it
 */
uint64_t icr_targets(const struct icr *icr, const struct apic_names *names, unsigned count, unsigned self);

/* Whether a command is INIT or SIPI: those that must not reach a CPU beneath which Trapline runs. */
static inline bool icr_starts(uint32_t low)
{
	return ICR_MODE(low) == ICR_MODE_INIT || ICR_MODE(low) == ICR_MODE_STARTUP;
}

/*
 * What a CPU has been sent, one word, so that senders and the CPU itself change it in one step. 0: nothing;
 * it runs. A CPU that has an INIT still to carry out may already have been sent the SIPI that follows it.
 */
#define START_INIT      0x01u /* it has to reset itself */
#define START_WAIT      0x02u /* it waits, or will after the reset, for a SIPI */
#define START_SIPI      0x04u /* which has come */
#define START_VECTOR(w) ((uint8_t)((w) >> 8))

/* The word after a command of ICR_MODE_INIT or ICR_MODE_STARTUP; the same when the command means nothing to
 * that CPU. */
uint32_t start_after(uint32_t word, uint32_t low);

#endif
