/*
 * MSRs that may not be there, read where the VMM's own IDT is not loaded yet: a #GP would be the firmware's exception screen, and
 * the end. The MSRs that a CPU must have by its CPUID are missing beneath some hypervisors and on some emulators.
 */
#ifndef TRAPLINE_PROBE_H
#define TRAPLINE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

/* RDMSR with whatever IDT is loaded, #GP apart. False: this CPU has no such register. */
bool probe_rdmsr(uint32_t msr, uint64_t *value);

/* For a register that one can go without. */
uint64_t probe_or(uint32_t msr, uint64_t otherwise);

/* For one that has to be there: 0, and probe_missing() says so, where it is not. */
uint64_t probe_need(uint32_t msr);

/* NULL, or a line that names the first register that was missing. */
const char *probe_missing(void);

#endif
