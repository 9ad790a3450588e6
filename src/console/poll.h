// SPDX-License-Identifier: MIT
/* Decides when the console does its work, and which CPU polls for keys. Exits call it through log/turn.h. */
#ifndef TRAPLINE_POLL_H
#define TRAPLINE_POLL_H

/* Sets up the UART, the filter and the turns, once. The CPUs have been created. */
void console_init(void);

#endif
