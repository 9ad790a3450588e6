/*
 * What the log itself tells of where the guest's kernel and its modules were: the marks of Trapline's kernel module
 * (guest-tools/module/module_names.c), Trapline's `slide=`, and what Linux prints when it panics. Only marks of the kernel's
 * own count: any program can set one.
 */
#ifndef DECODE_NOTES_H
#define DECODE_NOTES_H

#include "model.h"

/* A module, or its initialisation. */
struct module_note {
	const char *name;
	uint64_t base, size;
	bool init;
	unsigned run;
	size_t since, until; /* entries: NO_ENTRY for until: it stayed */
};

/* Where an exception has ended a process: a mapping, and where that lies in its file. */
struct process_note {
	const char *file;
	uint64_t base, size, offset;
	size_t at; /* the mark's entry */
};

/* A symbol of the kernel's that is where the mark says. */
struct symbol_note {
	const char *name;
	uint64_t address;
};

#define SYMBOLS_MAX 8

struct kernel_note {
	const char *release, *build_id; /* NULL: not told */
	struct symbol_note symbol[SYMBOLS_MAX];
	size_t symbols;
	uint64_t slide; /* Linux' own word */
	bool has_slide;
	uint64_t
		told_slide; /* Trapline's, where all of its lines say the same: each of its maps has a line */
	bool has_told, told_differ;
};

struct notes {
	struct kernel_note *kernel; /* one for each run */
	struct module_note *module;
	size_t modules, module_room;
	struct process_note *process;
	size_t processes, process_room;
};

void notes_take(struct notes *n, struct model *m);
/* A module that the log does not tell of: as if it had been there all the time. */
void notes_add(struct notes *n, const char *name, uint64_t base, uint64_t size, unsigned run);
void notes_free(struct notes *n);

/* The module that an address of this entry's is in: the one that was there then, else the first one that came later. */
const struct module_note *notes_module(
	const struct notes *n, const struct model *m, size_t entry, uint64_t address);

/* For a record of a program's: what the mark of its end says, which comes soon after it on that CPU. NULL: none does. */
const struct process_note *notes_process(
	const struct notes *n, const struct model *m, size_t entry, uint64_t address);

#endif
