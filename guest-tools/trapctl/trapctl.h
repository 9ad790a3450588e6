/* trapctl: a table of sub-commands, one file each. */
#ifndef TRAPCTL_H
#define TRAPCTL_H

#include "../lib/trapline.h"

/* What scripts can rely on; in the man page. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,      /* the call was made and refused; standard error says why */
	STATUS_USAGE = 2,       /* a wrong command line */
	STATUS_NO_TRAPLINE = 3, /* there is no Trapline beneath this system */
	STATUS_NO_ACCESS = 4,   /* it needs the kernel module or root */
	STATUS_NOTHING = 5,     /* nothing there: no message waits, no such share */
};

/* X(name, arguments, help) */
/* clang-format off */
#define COMMANDS(X)                                                                                          \
	X(status,  "",                                 "what this Trapline is and what it has done")         \
	X(trace,   "[--follow] [--json] [--last=N] [--cpu=N] [--vector=LIST] [--cpl=N] [--rip=FROM[-TO]] [--cr3=N] [--pid=N] [--no-marks]", \
	                                               "the records of the trace, oldest first")             \
	X(stats,   "[--exits]",                        "exceptions by vector and CPU; exits by kind and CPU") \
	X(filter,  "[LIST]",                           "shows or sets which exceptions are printed on the console") \
	X(mark,    "TEXT...",                          "puts a line of one's own into the trace")            \
	X(call,    "NAME|NUMBER [ARGUMENT...]",        "makes a VMCALL: up to five numbers, text:TEXT or buffer:BYTES") \
	X(share,   "list | create NAME BYTES [COMMAND...] | read NAME [OFFSET [BYTES]] | write NAME [OFFSET]", \
	                                               "memory under a name, together with other processes and the operator") \
	X(console, "[COMMAND...]",                     "the commands of Trapline's console, help lists them; without one those of standard input, and the operator's messages") \
	X(ping,    "[COUNT]",                          "whether Trapline answers, and how fast")
/* clang-format on */

#define X(name, arguments, help) int command_##name(int argc, char **argv);
COMMANDS(X)
#undef X

/* Says what an error of the library means and returns the status that goes with it. */
int fail(const char *what, int64_t error);

/* Says how the command is used; STATUS_USAGE. */
int usage(const char *command);

/* A number as people write them, decimal or 0x; false when it is none. */
bool number(const char *text, uint64_t *value);

/* The rest of an option "--name=value", NULL when this is another word. */
const char *option_value(const char *word, const char *name);

/* "all", "none", names and numbers of vectors with + and - before them; false when a word is none of that. */
bool vector_list(const char *text, uint32_t *mask);

/* How many CPUs there are, or an error. */
int64_t cpu_count(void);

/* symbols.c: the name of an address, from /proc/kallsyms or the maps of process `pid` (0: none); "" when
 * there is none. Shorter than SYMBOL_MAX; a file's name may hold any byte. */
#define SYMBOL_MAX 512
const char *symbol(uint64_t address, int pid);

#endif
