// SPDX-License-Identifier: MIT
/*
 * Merges an exception with the event during whose delivery it was raised.
 *
 * SDM vol. 3A 6.15 "Double Fault", tables 6-4 and 6-5; APM vol. 2 8.2.9. The CPU merges by itself only if the
 * exception is not intercepted. An intercepted exception exits alone, with the event under delivery beside it
 * (IDT-vectoring information, EXITINTINFO), and the hypervisor has to merge them.
 */
#ifndef TRAPLINE_MERGE_H
#define TRAPLINE_MERGE_H

#include "cpu/event.h"

enum merge_result {
	/* `now` is injected alone. An interrupt in `during` is not lost: it comes again. */
	MERGE_DELIVER,
	MERGE_DOUBLE_FAULT, /* #DF with error code 0 instead of both */
	MERGE_TRIPLE_FAULT, /* shutdown */
};

/*
 * Decides what to inject.
 *   during  the event that was being delivered. None, an interrupt or an INT instruction is benign: only hardware exceptions
 *           have a class, and INT 0xd is not a #GP
 *   now     the exception that was raised, with the same rule. A #DF was already merged by the CPU: it is delivered
 * No side effects, no errors.
 */
enum merge_result merge_events(const struct event *during, const struct event *now);

#endif
