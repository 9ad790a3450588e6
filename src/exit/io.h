/* Port I/O: which ports exit and what is done with them. */
#ifndef TRAPLINE_IO_H
#define TRAPLINE_IO_H

#include <stdbool.h>
#include <stdint.h>

/* Fills the permission map from boot_info; false when the pool is empty. One map for all CPUs. */
bool io_init(void);

/*
 * Whether a kind of ports exits, of those that may; switched while the guest runs. IO_CONSOLE can be switched where
 * it is ports that are hidden: not in memory, and not a card's.
 */
enum io_watched {
	IO_POWER,
	IO_CONSOLE
};
bool io_watches(enum io_watched what);
bool io_can_switch(enum io_watched what);
void io_watch(enum io_watched what, bool on);

/* For a vendor whose CPU does not assert FERR#: the 8259s' ports exit as well, so far as IRQ 13 needs them (exit/pic.h). */
void io_watch_pic(void);

/* Those of them that exit at times only, after the interrupt was taken. */
void io_update_pic(void);

/* Its physical address: three pages, one bit a port (APM vol. 2 15.10.1); VT-x uses the first two (SDM vol. 3C 25.6.4). */
uint64_t io_map_phys(void);

#endif
