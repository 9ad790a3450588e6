/*
 * Address line 20, which the guest may switch off by system control port A (0x92) and by the keyboard controller. The line
 * stays on, because the VMM's own memory has addresses with that bit: the guest reads back what it wrote, and no more.
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

/* Whether the port is one of the gates': the data port is, while a command waits for its byte. */
bool a20_is_port(uint16_t port, unsigned size);
bool a20_wants_data(void);

/* What the hardware is to get of what the guest writes. False: nothing. */
bool a20_write(const struct exit_io *io, uint32_t *value);

/* What the guest is to see of what the hardware says. */
uint32_t a20_read(const struct exit_io *io, uint32_t value);

#endif
