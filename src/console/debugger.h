// SPDX-License-Identifier: MIT
/* A debugger on the console's line. It is a layer above, and sets these functions; until then there is none. */
#ifndef TRAPLINE_DEBUGGER_H
#define TRAPLINE_DEBUGGER_H

#include "cpu/cpu.h"

/* All but run() are called with the log's lock held. */
struct debugger {
	/* Takes a byte that has arrived. False: it is the console's. */
	bool (*key)(char c);

	/* Whether the line is the debugger's: the console reads and prints nothing itself. */
	bool (*has_line)(void);

	/* Whether a packet has begun that switches the line over; asks for it again after bytes of it were lost. */
	bool (*is_in_a_hurry)(void);
	void (*ask_again)(void);

	/* Whether bytes stay in the UART, because the last packet has not been answered. */
	bool (*is_busy)(void);

	/* Makes one step. False: there was nothing to do. */
	bool (*turn)(void);

	/* Whether the log goes out meanwhile. */
	bool (*prints)(void);

	/* Carries out what waits for this CPU. */
	void (*run)(struct cpu *cpu);
};

void debugger_set(const struct debugger *d);

/* The one that was set; its functions may always be called. */
extern const struct debugger *debugger;

#endif
