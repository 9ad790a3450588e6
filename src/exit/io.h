// SPDX-License-Identifier: MIT
/* Port I/O: the ports that exit, and their handling. */
#ifndef TRAPLINE_IO_H
#define TRAPLINE_IO_H

#include <stdbool.h>
#include <stdint.h>

/* Fills the permission map from boot_info; false if the pool is empty. All CPUs share the map. */
bool io_init(void);

/*
 * The kinds of ports whose exits can be switched while the guest runs. IO_CONSOLE can be switched only for a UART at
 * legacy ports, not for one in memory or on a card.
 */
enum io_watched {
	IO_POWER,
	IO_CONSOLE
};
bool io_watches(enum io_watched what);
bool io_can_switch(enum io_watched what);
void io_watch(enum io_watched what, bool on);

/* For a vendor whose CPU does not assert FERR#: the 8259s' ports exit as well, as far as IRQ 13 needs them (exit/pic.h). */
void io_watch_pic(void);

/* Updates those that exit only at times, after the interrupt was taken. */
void io_update_pic(void);

/* The map's physical address: three pages, one bit a port (APM vol. 2 15.10.1); VT-x uses the first two (SDM vol. 3C 25.6.4). */
uint64_t io_map_phys(void);

#endif
