/*
 * When the console has its turns, and which CPU looks for keys. What exits ask for is in log/turn.h.
 */
#ifndef TRAPLINE_POLL_H
#define TRAPLINE_POLL_H

/* The UART, the filter and the turns, once; CPUs have been created. */
void console_init(void);

#endif
