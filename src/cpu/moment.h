// SPDX-License-Identifier: MIT
/*
 * How the VMM waits. AMD-V holds SMIs, NMIs and machine checks back while the VMM runs (APM vol. 2 15.17). The firmware's SMM
 * handlers wait for all CPUs, so a CPU that waits with SMIs held back would stop the machine.
 */
#ifndef TRAPLINE_MOMENT_H
#define TRAPLINE_MOMENT_H

#include "cpu/idt.h"

/* Lets in what the vendor holds back, then holds it back again. Interrupts stay disabled. */
void moment_open(void);
void moment_close(void);

/* Calls `how` with these events let in. */
void moment_wait(cpu_waiter *how, const _Atomic uint32_t *word, uint32_t old);

/* One turn of a loop that waits for another CPU or for a device. */
void moment(void);

#endif
