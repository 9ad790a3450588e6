// SPDX-License-Identifier: MIT
#include "gdb/points.h"
#include <stdatomic.h>
#include "exit/watch_change.h"
#include "watch/watch.h"

static const struct {
	uint8_t access, action;
	const char *name; /* in a stop reply */
} kinds[GDB_POINT_KINDS] = {
	[GDB_SOFTWARE] = {WATCH_EXECUTE, WATCH_BREAK, "swbreak"},
	[GDB_HARDWARE] = {WATCH_EXECUTE, WATCH_BREAK, "hwbreak"},
	[GDB_WRITE] = {WATCH_WRITE, WATCH_STOP, "watch"},
	[GDB_READ] = {WATCH_READ, WATCH_STOP, "rwatch"},
	[GDB_ACCESS] = {WATCH_READ | WATCH_WRITE, WATCH_STOP, "awatch"},
};

static struct point {
	uint64_t at, length;
	uint16_t watch; /* its number; 0: free */
	uint8_t kind;
} points[GDB_POINTS];
static _Atomic unsigned points_set; /* how many: read without the lock, at each turn of the console */

static struct point *find(enum gdb_point kind, uint64_t at, uint64_t length)
{
	for (unsigned i = 0; i < GDB_POINTS; i++)
		if (points[i].watch && points[i].kind == kind && points[i].at == at &&
			points[i].length == length)
			return &points[i];
	return NULL;
}

static struct point *free_point(void)
{
	for (unsigned i = 0; i < GDB_POINTS; i++)
		if (!points[i].watch)
			return &points[i];
	return NULL;
}

bool gdb_points_full(void)
{
	return !free_point();
}

bool gdb_point_set(struct cpu *cpu, enum gdb_point kind, uint64_t at, uint64_t length)
{
	struct watch_spec spec = {.space = WATCH_LINEAR,
		.access = kinds[kind].access,
		.action = kinds[kind].action,
		.silent = true,
		.first = at,
		.last = at};
	struct point *p = free_point();
	uint16_t watch;

	if (find(kind, at, length))
		return true;
	if (spec.action != WATCH_BREAK)
		spec.last = at + length - 1;
	if (!p || !length || spec.last < at || watch_put(cpu, &spec, &watch))
		return false;
	*p = (struct point){at, length, watch, (uint8_t)kind};
	atomic_fetch_add(&points_set, 1);
	return true;
}

void gdb_point_clear(struct cpu *cpu, enum gdb_point kind, uint64_t at, uint64_t length)
{
	struct point *p = find(kind, at, length);

	if (!p)
		return;
	watch_delete(p->watch);
	watch_changed(cpu);
	p->watch = 0;
	atomic_fetch_sub(&points_set, 1);
}

bool gdb_points_any(void)
{
	return atomic_load_explicit(&points_set, memory_order_relaxed);
}

void gdb_points_clear(struct cpu *cpu)
{
	if (!gdb_points_any())
		return;
	for (unsigned i = 0; i < GDB_POINTS; i++) {
		if (points[i].watch)
			watch_delete(points[i].watch);
		points[i].watch = 0;
	}
	atomic_store(&points_set, 0);
	watch_changed(cpu);
}

void gdb_point_tell(struct text *t, uint16_t watch)
{
	for (unsigned i = 0; i < GDB_POINTS; i++) {
		const struct point *p = &points[i];

		if (!p->watch || p->watch != watch)
			continue;
		text_add(t, "%s:", kinds[p->kind].name);
		if (kinds[p->kind].action != WATCH_BREAK)
			text_add(t, "%lx", p->at);
		text_add_string(t, ";");
	}
}
