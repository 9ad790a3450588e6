/* Port I/O: which ports exit and what is done with them. */
#ifndef TRAPLINE_IO_H
#define TRAPLINE_IO_H

#include <stdbool.h>
#include <stdint.h>

/* Fills the permission map from boot_info; false when the pool is empty. One map for all CPUs. */
bool io_init(void);

/* Its physical address: three pages, one bit a port (APM vol. 2 15.10.1); VT-x uses the first two (SDM vol. 3C 25.6.4). */
uint64_t io_map_phys(void);

#endif
