// SPDX-License-Identifier: MIT
/*
 * Address line 20, which the guest may switch off by system control port A (0x92) or the keyboard controller. The line
 * stays on, because the VMM's own memory has addresses with that bit. The guest only reads back what it wrote.
 * Pure: tested on the host.
 */
#ifndef TRAPLINE_A20_H
#define TRAPLINE_A20_H

#include <stdbool.h>
#include <stdint.h>
#include "cpu/cpu.h"

#define A20_PORT_A      0x92
#define A20_KBC_DATA    0x60
#define A20_KBC_COMMAND 0x64

/* Whether the port belongs to a gate. The data port does while a command waits for its byte. */
bool a20_is_port(uint16_t port, unsigned size);
bool a20_wants_data(void);

/* Changes a value of the guest into the one for the hardware. False: nothing is written. */
bool a20_write(const struct exit_io *io, uint32_t *value);

/* Changes a value of the hardware into the one for the guest. */
uint32_t a20_read(const struct exit_io *io, uint32_t value);

#endif
