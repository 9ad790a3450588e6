// SPDX-License-Identifier: MIT
/*
 * IRQ 13 of the two 8259s, for a vendor whose CPU cannot assert FERR# while it runs a guest. This tracks the guest's writes to
 * the controllers as far as the interrupt needs them, and its end of interrupt, which the controllers must not get. What the
 * controllers can report is read from them. Registers: Intel 8259A data sheet. Pure except for the ports: tested on the host.
 */
#ifndef TRAPLINE_PIC_H
#define TRAPLINE_PIC_H

#include <stdbool.h>
#include <stdint.h>
#include "cpu/cpu.h"

#define PIC_MASTER     0x20
#define PIC_SLAVE      0xa0
#define PIC_SLAVE_DATA 0xa1
#define PIC_CLEAR_BUSY 0xf0 /* a write to it makes the chipset drop the request and assert IGNNE# */
#define PIC_NOT_KNOWN  (-1)

/* Handles a write of one byte. False: it ends our interrupt, and must not reach the controllers. */
bool pic_write(uint16_t port, uint8_t value);

/* The vector that the guest has programmed for IRQ 13; PIC_NOT_KNOWN: none yet. */
int pic_vector(void);

/* Whether the guest has unmasked the interrupt, and the slave has finished the last one. */
bool pic_is_open(void);

/* The interrupt was injected. */
void pic_taken(void);

/* Whether the handler has asserted IGNNE# and not yet ended the interrupt. */
bool pic_ignores_error(void);

/* Whether the master's command port has to exit, because its end of interrupt is still to come. */
bool pic_wants_master(void);

#endif
