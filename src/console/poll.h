/*
 * Decides when the console gets its turns, and which CPU polls for keys. Exits call it through log/turn.h.
 */
#ifndef TRAPLINE_POLL_H
#define TRAPLINE_POLL_H

/* The UART, the filter and the turns, once; CPUs have been created. */
void console_init(void);

#endif
