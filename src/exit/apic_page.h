// SPDX-License-Identifier: MIT
/*
 * Watches the local APICs' pages. The guest's INIT and SIPI must not reach a CPU under which Trapline runs, so stores to
 * the interrupt command register exit and these two commands are carried out in software (init_sipi.c).
 */
#ifndef TRAPLINE_APIC_PAGE_H
#define TRAPLINE_APIC_PAGE_H

#include "vendor.h"

/* Whether WRMSR of this MSR has to exit: for the vendors' permission maps. */
bool apic_watches_msr(uint32_t msr);

/* EXIT_STAGE2 in a watched page. Returns false if the page is not watched. */
bool apic_stage2(struct cpu *cpu);

/* EXIT_WRMSR of a watched MSR, except IA32_APIC_BASE: see src/exit/apic_base.h. */
enum msr_result apic_wrmsr(struct cpu *cpu, uint32_t msr, uint64_t value);

/*
 * Whether the guest has switched the boot CPU's APIC off, by SVR or by IA32_APIC_BASE, and not on again. Then only the
 * 8259s' interrupts still exit.
 */
bool apic_is_left(void);

/*
 * Whether to tell the operator that the guest would have fewer exits with x2APIC: the CPUs have it, and the boot CPU's stores to its APIC
 * have exited many times.
 */
#define APIC_ADVISES_AFTER 100000 /* of Linux at 250 ticks a second: 200 seconds */
bool apic_advises(void);

/*
 * The guest switches this CPU's APIC on or off. For the boot CPU it is reported.
 *   was, is  whether it was on before, and is on now
 *   how      the register, in words
 */
void apic_note_switch(struct cpu *cpu, bool was, bool is, const char *how);

#endif
