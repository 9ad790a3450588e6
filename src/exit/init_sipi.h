// SPDX-License-Identifier: MIT
/* Carries out INIT and SIPI in software, on the CPU that they address. */
#ifndef TRAPLINE_INIT_SIPI_H
#define TRAPLINE_INIT_SIPI_H

#include "cpu/cpu.h"
#include "hw/cpu_set.h"

/*
 * Sends INIT or SIPI. Does not wait for the CPUs.
 *   low  the lower word of the interrupt command
 */
void init_sipi_send(struct cpu *cpu, const struct cpu_set *targets, uint32_t low);

/* This CPU got an INIT that did not reset it: handles it like one from init_sipi_send(). */
void init_sipi_note_init(struct cpu *cpu);

/*
 * The exit of an INIT, on CPUs where a SIPI exits too. A CPU outside of wait-for-SIPI loses a SIPI (SDM vol. 3C 26.2), and
 * an operating system sends its two within 20 us. So the CPU enters that state at once, and is reset when the SIPI has come.
 * The boot CPU does not wait. Returns whether this CPU waits: its next entry then is into that state.
 */
bool init_sipi_wait(struct cpu *cpu);

/* Starts this CPU as an INIT and a SIPI with this vector do, for another guest than the one that ran here. The boot CPU as well. */
void init_sipi_restart(struct cpu *cpu, unsigned vector);

/* Carries out the commands that this CPU has received (CPU_WORK_KICK). After an INIT it returns when a SIPI has come. */
void init_sipi_serve(struct cpu *cpu);

#endif
