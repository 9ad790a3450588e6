/*
 * What becomes of an exception that is raised while another event is being delivered.
 *
 * SDM vol. 3A 6.15 "Double Fault", tables 6-4 and 6-5; APM vol. 2 8.2.9. The CPU does this by itself only as
 * long as nobody intercepts: an intercepted exception arrives alone, with the event under delivery beside it
 * (IDT-vectoring information, EXITINTINFO), and the merge is left to the hypervisor.
 */
#ifndef TRAPLINE_MERGE_H
#define TRAPLINE_MERGE_H

#include "cpu/event.h"

enum merge_result {
	/* `now` is handled by itself. An interrupt that was `during` is not lost: it comes again. */
	MERGE_DELIVER,
	MERGE_DOUBLE_FAULT, /* #DF with error code 0 in the place of both */
	MERGE_TRIPLE_FAULT, /* shutdown */
};

/*
 *   during  the event that was being delivered. None, an interrupt or an INT instruction is benign: only hardware exceptions
 *           have a class, and INT 0xd is no #GP
 *   now     the exception that was raised; likewise. A #DF is one that the CPU has merged already: it is delivered
 * No side effects, no errors.
 */
enum merge_result merge_events(const struct event *during, const struct event *now);

#endif
