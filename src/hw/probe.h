/*
 * Reads MSRs that may be missing, before the VMM's own IDT is loaded, when a #GP would end in the firmware's exception screen.
 * Some hypervisors and emulators lack MSRs that their CPUID promises.
 */
#ifndef TRAPLINE_PROBE_H
#define TRAPLINE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* RDMSR with a gate of its own for #GP. False: this CPU has no such register. */
bool probe_rdmsr(uint32_t msr, uint64_t *value);

/* For an optional register: its value, or `otherwise`. */
uint64_t probe_or(uint32_t msr, uint64_t otherwise);

/* For a required register. Where it is missing: 0, and probe_missing() names it. */
uint64_t probe_need(uint32_t msr);

/* NULL, or a line that names the first register that was missing. */
const char *probe_missing(void);

#endif
