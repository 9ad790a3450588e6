/* trapctl: a table of sub-commands, one file each. */
#ifndef TRAPCTL_H
#define TRAPCTL_H

#include "../lib/trapline.h"

#include <stddef.h>

/* What scripts can rely on; in the man page. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,      /* the call was made and refused; standard error says why */
	STATUS_USAGE = 2,       /* a wrong command line */
	STATUS_NO_TRAPLINE = 3, /* there is no Trapline beneath this system */
	STATUS_NO_ACCESS = 4,   /* it needs the kernel module or root */
	STATUS_NOTHING = 5,     /* nothing there: no message waits, no such share */
};

/*
 * X(name, arguments, words, help)
 *   words  behind so many words no option is looked for: what follows is a text, or another command's
 */
/* clang-format off */
#define ANYWHERE 99
#define COMMANDS(X)                                                                                          \
	X(status,  "",                   ANYWHERE, "what this Trapline is and what it has done")             \
	X(trace,   "[--follow] [--keep] [--last=N] [--cpu=N] [--vector=LIST] [--cpl=N] [--rip=FROM[-TO]] [--cr3=N] [--pid=N|ended] [--no-marks]", \
	                                 ANYWHERE, "the records of the trace, oldest first")                 \
	X(stats,   "[--exits]",          ANYWHERE, "exceptions by vector and CPU; exits by kind and CPU")    \
	X(filter,  "[LIST]",             ANYWHERE, "shows or sets which exceptions are printed on the console") \
	X(ended,   "",                   ANYWHERE, "the processes that exceptions have ended, the newest first: for trace --pid") \
	X(freeze,  "[SECONDS]",          ANYWHERE, "the rings stand still while one looks at them, 60 seconds without a number") \
	X(thaw,    "",                   ANYWHERE, "they go on")                                             \
	X(mark,    "TEXT...",            0,        "puts a line of one's own into the trace")                \
	X(dying,   "[TEXT...]",          0,        "says that this system is dying: Trapline tells what led to it, and keeps it for the next start") \
	X(call,    "NAME|NUMBER [ARGUMENT...]", ANYWHERE, "makes a VMCALL: up to five numbers, text:TEXT or buffer:BYTES") \
	X(share,   "list | create NAME BYTES [COMMAND...] | read NAME [OFFSET [BYTES]] | write NAME [OFFSET]", 3, \
	                                           "memory under a name, together with other processes and the operator") \
	X(console, "[COMMAND...]",       0,        "the commands of Trapline's console, help lists them; without one those of standard input, and the operator's messages") \
	X(ping,    "[COUNT]",            ANYWHERE, "whether Trapline answers, and how fast")                 \
	X(version, "",                   ANYWHERE, "which trapctl this is, and which Trapline")
/* clang-format on */

#define X(name, arguments, words, help) int command_##name(int argc, char **argv);
COMMANDS(X)
#undef X

/* --json was given: json.c prints lines of logfmt as objects, one each, when it is. */
extern bool json;
void print_line(const char *line);
__attribute__((format(printf, 1, 2))) void print_fields(const char *format, ...);

/* entry.c: no page that comes from here on is a #PF, if that may be. */
void lock_memory(void);

/* Of a command what `trapctl help` says beyond its usage; "" when that is all. */
const char *help_more(const char *command);

/* What Trapline says of itself by this name, version or backend; "" when it does not. */
#define ABOUT_MAX 64
const char *about(const char *name, char value[ABOUT_MAX]);

/* The rings stand still for a minute: what comes next reads them as they are now. A status. */
int freeze_for_now(void);

/* Says what an error of the library means and returns the status that goes with it. */
int fail(const char *what, int64_t error);

/* Says how the command is used; STATUS_USAGE. */
int usage(const char *command);

/* The words of a command in one text; what does not fit is cut. */
void join_words(int argc, char **argv, char *text, size_t size);

/* A number as people write them, decimal or 0x; false when it is none. */
bool number(const char *text, uint64_t *value);

/* The rest of an option "--name=value", NULL when this is another word. */
const char *option_value(const char *word, const char *name);

/* "all", "none", names and numbers of vectors with + and - before them; false when a word is none of that. */
bool vector_list(const char *text, uint32_t *mask);

/* How many CPUs there are, or an error. */
int64_t cpu_count(void);

/* cmd_ended.c: a process that an exception has ended, the newest with pid 0; NULL: there is none. */
const struct trapline_ended *ended_process(int pid);

/*
 * kallsyms.c: the name of an address, from /proc/kallsyms or the maps of process `pid`; "" when there is none. Of a process
 * that has ended only where CR3 is its own. Shorter than SYMBOL_MAX; a file's name may hold any byte.
 */
#define PID_NONE   0
#define PID_ENDED  (-1) /* the one that has ended last */
#define SYMBOL_MAX 512
const char *symbol(uint64_t address, uint64_t cr3, int pid);

#endif
