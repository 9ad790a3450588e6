// SPDX-License-Identifier: MIT
/*
 * Reads MSRs that may not exist, before the VMM's own IDT is loaded. A #GP would then end in the firmware's exception screen.
 * Some hypervisors and emulators lack MSRs that their CPUID promises.
 */
#ifndef TRAPLINE_PROBE_H
#define TRAPLINE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* RDMSR with its own gate for #GP. False: this CPU has no such register. */
bool probe_rdmsr(uint32_t msr, uint64_t *value);

/* For an optional register: returns its value, or `otherwise`. */
uint64_t probe_or(uint32_t msr, uint64_t otherwise);

/* For a required register. Returns 0 if it does not exist, and probe_missing() then names it. */
uint64_t probe_need(uint32_t msr);

/* Returns NULL, or a line that names the first missing register. */
const char *probe_missing(void);

#endif
