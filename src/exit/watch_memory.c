// SPDX-License-Identifier: MIT
#include "exit/watch_memory.h"
#include "apic/flush.h"
#include "exit/watch_access.h"
#include "exit/watch_piece.h"
#include "log/log.h"
#include "stage2/private.h"
#include "stage2/stage2.h"

static const char *take(void)
{
	const struct stage2_range *pages;
	const char *refused;
	unsigned n;

	pages = watch_pieces_pages(&n);
	refused = stage2_take(pages, n);
	if (!refused && n && (!private_reserve() || !watch_access_reserve()))
		return "Trapline's memory is too small for the tables of a step";
	return refused;
}

/* A new watch that is refused leaves those before it as they are. */
static const char *apply(uint16_t new_id)
{
	const char *why = watch_pieces_make(new_id), *refused = take();

	if (!refused)
		return why;
	if (watch_pieces_drop_new(new_id))
		why = refused;
	if (!take())
		return why;
	watch_pieces_stop(refused);
	if (!take())
		return why;
	watch_pieces_clear();
	stage2_take(NULL, 0);
	log_line("trapline: no watch of memory is in force any more: %s", refused);
	return why;
}

const char *watch_memory_changed(struct cpu *cpu, uint16_t new_id)
{
	const char *why;
	unsigned n;

	watch_pieces_pages(&n);
	if (!n && !watch_any_memory())
		return NULL;
	if (!cpu)
		return apply(new_id);
	flush_hold(cpu);
	why = apply(new_id);
	flush_release(cpu, true);
	return why;
}
