// SPDX-License-Identifier: MIT
/* trapctl: a table of sub-commands, one file each. */
#ifndef TRAPCTL_H
#define TRAPCTL_H

#include "../lib/trapline.h"

#include <stddef.h>

/* Exit statuses that scripts rely on; the manual page lists them. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,      /* the call was refused; standard error says why */
	STATUS_USAGE = 2,       /* a wrong command line */
	STATUS_NO_TRAPLINE = 3, /* there is no Trapline beneath this system */
	STATUS_NO_ACCESS = 4,   /* it needs the kernel module or root */
	STATUS_NOTHING = 5,     /* no message waits, or no such share */
};

/*
 * X(name, arguments, words, help)
 *   words  no option is searched after so many words: the rest is a text or another command
 */
/* clang-format off */
#define ANYWHERE 99
#define COMMANDS(X)                                                                                          \
	X(status,  "",                   ANYWHERE, "what this Trapline is and what it has done")             \
	X(trace,   "[--follow] [--keep] [--last=N] [--cpu=N] [--vector=LIST] [--cpl=N] [--rip=FROM[-TO]] [--cr3=N] [--as=N] [--pid=N|ended] [--no-marks]", \
	                                 ANYWHERE, "the records of the trace, oldest first")                 \
	X(stats,   "[--exits]",          ANYWHERE, "exceptions by vector and CPU; exits by kind and CPU")    \
	X(filter,  "[LIST]",             ANYWHERE, "shows or sets which exceptions are printed on the console") \
	X(ended,   "",                   ANYWHERE, "the processes that exceptions have ended, the newest first: for trace --pid") \
	X(freeze,  "[SECONDS]",          ANYWHERE, "the rings stand still while one looks at them, 60 seconds without a number") \
	X(thaw,    "",                   ANYWHERE, "recording continues")                                     \
	X(mark,    "TEXT...",            0,        "puts a line of one's own into the trace")                \
	X(dying,   "[TEXT...]",          0,        "says that this system is dying: Trapline tells what led to it, and keeps it for the next start") \
	X(core,    "[--last | --full] FILE", ANYWHERE, "writes an ELF core of this system for gdb, or the last run's; --full: with all of its memory") \
	X(call,    "NAME|NUMBER [ARGUMENT...]", ANYWHERE, "makes a VMCALL: up to five numbers, text:TEXT or buffer:BYTES") \
	X(share,   "list | create NAME BYTES [COMMAND...] | read NAME [OFFSET [BYTES]] | write NAME [OFFSET]", 3, \
	                                           "memory under a name, together with other processes and the operator") \
	X(console, "[COMMAND...]",       0,        "the commands of Trapline's console, help lists them; without one those of standard input, and the operator's messages") \
	X(watch,   "[list] | add WATCH... [--follow] [--hits=N] [-- COMMAND...] | cred --pid=N [WORD...] [--hits=N] [-- COMMAND...] | exec [WORD...] | delete N|all | allow RANGES | forbid RANGES", 0, \
	                                           "who reads or writes memory and registers, in words such as reg lstar, w 0x1000+8 or w symbol MODULE:NAME: each hit is a record of the trace") \
	X(ping,    "[COUNT]",            ANYWHERE, "whether Trapline answers, and how fast")                 \
	X(bench,   "[--rounds=N] [--cpu=N] [--save FILE] [--against FILE]", ANYWHERE, "what CPUID, VMCALL, #UD, #BP, a page fault and fork cost here, in ticks and cycles, with or without Trapline") \
	X(version, "",                   ANYWHERE, "which trapctl this is, and which Trapline")
/* clang-format on */

#define X(name, arguments, words, help) int command_##name(int argc, char **argv);
COMMANDS(X)
#undef X

/* --json was given: json.c prints each line of logfmt as an object. */
extern bool json;
void print_line(const char *line);
__attribute__((format(printf, 1, 2))) void print_fields(const char *format, ...);

/* entry.c: later accesses to new pages take no #PF, if the limit of locked memory allows. */
void lock_memory(void);

/* The text of `trapctl help` for a command beyond its usage; "" if there is none. */
const char *help_more(const char *command);

/* cmd_version.c: which trapctl this is. */
const char *trapctl_version(void);

/* Trapline's own value of a name: version, backend or mitigations; "" if it does not give one. */
#define ABOUT_MAX 64
const char *about(const char *name, char value[ABOUT_MAX]);

/* Freezes the rings for a minute, so that the next commands read them as they are now. Returns a status. */
int freeze_for_now(void);

/* Prints what an error of the library means. Returns the matching status. */
int fail(const char *what, int64_t error);

/* Prints the command's usage. Returns STATUS_USAGE. */
int usage(const char *command);

/* Carries out a command of the console; its answer's lines go to standard output unless it is quiet. Returns a status. */
int console_command(const char *text, bool quiet);

/* watch_exec.c: sets a watch of code outside of this kernel's, with these words behind it. Returns a status. */
int watch_exec(const char *words);

/* Joins the words into one text; what does not fit is cut. */
void join_words(int argc, char **argv, char *text, size_t size);

/* Parses a number, decimal or 0x; false if it is not one. */
bool number(const char *text, uint64_t *value);

/* The value of an option "--name=value"; NULL if the word is not this option. */
const char *option_value(const char *word, const char *name);

/* Parses "all", "none", names and numbers of vectors with + and - before them; false if a word is none of these. */
bool vector_list(const char *text, uint32_t *mask);

/* Returns the number of CPUs, or an error. */
int64_t cpu_count(void);

/*
 * cmd_trace.c: prints the records that are wanted, which sees each one once, from the oldest on. Before each look at the rings
 * go_on() says whether it is not the last one. Returns a status.
 */
int trace_follow(bool (*is_wanted)(const struct trap_record *r), bool (*go_on)(void));

/* find_symbol.c: symbols of the kernel or of a module, of code or data. */
struct found_symbol {
	const char *name; /* in: NAME or MODULE:NAME */
	unsigned count;   /* out: how many have this name; if it is 1, the rest is known */
	uint64_t address;
	uint64_t bytes; /* up to the next one; 0: there is none */
	char module[64];
};
void find_symbols(struct found_symbol *s, unsigned n);

/* cmd_ended.c: a process that an exception has ended, the newest for pid 0; NULL: there is none. */
const struct trapline_ended *ended_process(int pid);

/*
 * kallsyms.c: the name of an address, from /proc/kallsyms or the maps of process `pid`; "" if there is none. For a process that
 * has ended, only records with its CR3 get names. The name is shorter than SYMBOL_MAX; a file's name may contain any byte.
 */
#define PID_NONE   0
#define PID_ENDED  (-1) /* the process that ended last */
#define SYMBOL_MAX 512
const char *symbol(uint64_t address, uint64_t cr3, int pid);

#endif
