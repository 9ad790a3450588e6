// SPDX-License-Identifier: MIT
/* The command line. */
#ifndef DECODE_OPTIONS_H
#define DECODE_OPTIONS_H

#include "writers.h"

#define LIST_MAX 64

struct base {
	const char *module;
	uint64_t address;
};

struct output {
	writer *write;
	const char *file; /* NULL: standard output */
};

struct options {
	const char *vmlinux, *map;
	const char *module[LIST_MAX], *debug_dir[LIST_MAX];
	struct base base[LIST_MAX];
	struct output output[LIST_MAX];
	size_t modules, debug_dirs, bases, outputs;
	uint64_t slide;
	bool has_slide, color;
	char **input;
	size_t inputs;
};

/* The exit statuses, which scripts may rely on. The manual page lists them. */
#define EXIT_CODES(X)                                                                                        \
	X(DONE, 0, "all output was written")                                                                 \
	X(FAILED, 1, "an input cannot be read, or an output cannot be written; standard error says why")     \
	X(USAGE, 2, "a wrong command line")                                                                  \
	X(NO_SYMBOLS, 3,                                                                                     \
		"written, but a file or folder of symbols could not be used: it is missing, has no "         \
		"symbols, or belongs to another kernel; standard error says why")                            \
	X(NOTHING, 4, "written, but no input has a line or record of Trapline's")
#define X(name, number, meaning) STATUS_##name = number,
enum status {
	EXIT_CODES(X)
};
#undef X

/* Returns -1 if the program continues, otherwise the exit status. */
int options_take(struct options *o, int argc, char **argv);

/* Prints "trapline-decode: " and a line on standard error. */
__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);

#endif
