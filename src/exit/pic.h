/*
 * IRQ 13 of the two 8259s, for a vendor whose CPU cannot assert FERR# while it has a guest: what the guest has written to
 * the controllers, as far as that interrupt needs it, and its end of interrupt, of which they know nothing. What can be read
 * back is read from them. Registers: Intel 8259A data sheet. Pure but for their ports: tested on the host.
 */
#ifndef TRAPLINE_PIC_H
#define TRAPLINE_PIC_H

#include <stdbool.h>
#include <stdint.h>
#include "cpu/cpu.h"

#define PIC_MASTER     0x20
#define PIC_SLAVE      0xa0
#define PIC_SLAVE_DATA 0xa1
#define PIC_CLEAR_BUSY 0xf0 /* the chipset takes the request back, and has the CPU ignore the error: IGNNE# */
#define PIC_NOT_KNOWN  (-1)

/* A write of one byte by the guest. False: it is the end of our interrupt, and not for the controllers. */
bool pic_write(uint16_t port, uint8_t value);

/* The vector that the guest has given IRQ 13, PIC_NOT_KNOWN where it never has. */
int pic_vector(void);

/* Whether the guest lets the interrupt through, and the slave is done with the last one. */
bool pic_is_open(void);

/* The guest takes the interrupt. */
void pic_taken(void);

/* Whether the handler has told the chipset to let the CPU go on, and has not ended the interrupt. */
bool pic_ignores_error(void);

/* Whether the master's command port is to be seen: its end of interrupt is still to come. */
bool pic_wants_master(void);

#endif
