// SPDX-License-Identifier: MIT
/*
 * What the log itself says about the addresses of the guest's kernel and its modules: the marks of the kernel module trapline
 * (guest-tools/module/module_names.c), Trapline's `slide=`, and Linux' panic message. Only marks that the kernel has set count, as any
 * program can set one.
 */
#ifndef DECODE_NOTES_H
#define DECODE_NOTES_H

#include "model.h"

/* A module's code, or its initialisation code. */
struct module_note {
	const char *name;
	uint64_t base, size;
	bool init;
	unsigned run;
	size_t since,
		until; /* the entries between which it was loaded; `until` is NO_ENTRY if it stays to the end */
};

/* The mapping of a process in which an exception has ended it, and the mapping's place in its file. */
struct process_note {
	const char *file;
	uint64_t base, size, offset;
	size_t at; /* the entry of the mark */
};

/* A kernel symbol and its address, from a mark. */
struct symbol_note {
	const char *name;
	uint64_t address;
};

#define SYMBOLS_MAX 8

/* Linux's linked address (_text, Documentation/x86/x86_64/mm.rst), and the steps by which KASLR moves it, within 1 GiB. */
#define LINKED_AT  0xffffffff81000000ull
#define IMAGE_MOST 0x40000000ull
#define SLIDE_STEP 0x200000ull

struct kernel_note {
	bool replaced;                  /* the run has marks of two kernels, and these notes mix them */
	const char *release, *build_id; /* NULL: not in the log */
	struct symbol_note symbol[SYMBOLS_MAX];
	size_t symbols;
	/* From Linux' panic message. slide_differs: there are two with different slides. */
	uint64_t slide;
	bool has_slide, slide_differs;
	/* From Trapline's `slide=` lines, one for each map. logged_differ: they have different slides. */
	uint64_t logged_slide;
	bool has_logged, logged_differ;
};

struct notes {
	struct kernel_note *kernel; /* one for each run */
	struct module_note *module;
	size_t modules, module_room;
	bool forgets; /* there were too many modules, and some are missing */
	struct process_note *process;
	size_t processes, process_room;
};

/* Whether KASLR can have moved Linux so far. */
bool notes_slide_fits(uint64_t slide);

void notes_take(struct notes *n, struct model *m);
/* Adds a module that the log does not mention, as loaded during the whole run. */
void notes_add(struct notes *n, const char *name, uint64_t base, uint64_t size, unsigned run);
void notes_free(struct notes *n);

/*
 * Returns the module that contains an address: the one loaded at this entry, otherwise the first one there. NULL: none, or it was unloaded.
 */
const struct module_note *notes_module(
	const struct notes *n, const struct model *m, size_t entry, uint64_t address);

/* The process note for a record of user mode: the mark of the process's end, which follows soon on the same CPU. NULL if there is none. */
const struct process_note *notes_process(
	const struct notes *n, const struct model *m, size_t entry, uint64_t address);

#endif
