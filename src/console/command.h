// SPDX-License-Identifier: MIT
/*
 * The console's commands. The table, the help, Tab completion and docs/console.md are generated from this list.
 *
 * X(name, arguments, where, help)
 *   where  ANYWHERE  any CPU carries it out
 *          ON_CPU    the CPU that `cpu` has chosen, because its registers and page tables are read. For the guest
 *                    the CPU that makes the call
 *          EACH_CPU  the same; with `all` each CPU in turn
 *          OPERATOR  any CPU, but not for the guest (VMCALL service command)
 *   arguments  words in small letters are literal, words in capitals are placeholders: complete.c
 *   help       `help` shows the part before the first comma, colon or semicolon
 */
#ifndef TRAPLINE_COMMAND_H
#define TRAPLINE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include "cpu/cpu.h"
#include "trace/tokens.h"

/* clang-format off */
#define COMMANDS(X)                                                                                          \
	X(help,      "[COMMAND]",                       ANYWHERE, "what commands there are")                 \
	X(status,    "",                                ANYWHERE, "Trapline's state: version, each CPU's state, lost lines, refused requests of the guest") \
	X(traps,     "[N] [cpu N] [FILTER]... | follow on|off | reserve | sites", ANYWHERE, "the last N recorded exceptions, 16 by default, of all CPUs or one, that match the words of the filter; follow: prints new ones as they come; reserve (or kept, its old name): up to 8 records per vector that newer ones overwrote in the ring; sites: the places that raised exceptions, the most frequent first") \
	X(stats,     "",                                ANYWHERE, "recorded exceptions by vector, exits by kind, and the longest exit of each kind that is measured") \
	X(exits,     "[N] [cpu N]",                     ANYWHERE, "the last N exits of a CPU, 16 by default") \
	X(freeze,    "[SECONDS | off]",                 ANYWHERE, "stops writing to the rings while they are read, for 60 seconds by default and 3600 at most; off: recording into them continues. Meanwhile the newest 256 records of each CPU are kept") \
	X(filter,    "[FILTER]...",                     ANYWHERE, "which recorded exceptions are printed: vec= cpl= cpu= rip= cr2= cr3= as= err= rate=, != for all but those, all") \
	X(intercept, "[VECTORS] [int|power|console on|off]...", ANYWHERE, "what exits, and switches for a part of it: exceptions, as pf,ud +pf -pf all none; INT n (int), if the CPU needs it; the ports that reset or power off the machine (power); the ports of the console") \
	X(watch,     "[list] | add WATCH... | delete N|all | allow RANGES | forbid RANGES", ANYWHERE, "watches of memory and registers, whose hits are recorded: add takes words of docs/watch.md, such as w 0x1000+8, reg cr0.wp, reg lstar once, msr 0x1a0; allow and forbid change the ranges of watch exec; list is the default") \
	X(regs,      "[all]",                           EACH_CPU, "the guest's registers; all: of all CPUs")   \
	X(bt,        "[all]",                           EACH_CPU, "backtrace: return addresses on the guest's stack, the innermost caller first; all: of all CPUs") \
	X(mem,       "[phys|virt|host] ADDRESS [BYTES]", ON_CPU,  "memory, 64 bytes by default; virt, the default: through the guest's page tables; phys: guest-physical; host: Trapline's own; an ADDRESS is a number, a register, or a sum: rsp+16") \
	X(walk,      "ADDRESS",                         ON_CPU,   "the guest's page tables for an address, level by level") \
	X(core,      "",                                ON_CPU,   "keeps an ELF core of the guest in the black box, in place of the last one: trapctl core fetches it, and the next start writes it to core_file; the guest stands still for that moment") \
	X(disas,     "[ADDRESS] [COUNT]",               ON_CPU,   "instructions, from RIP by default") \
	X(cpu,       "[N]",                             OPERATOR, "chooses the CPU for regs, bt, mem, walk, slide, core and disas")   \
	X(slide,     "",                                ON_CPU,   "where a kernel of long mode lies, for a debugger: its slide by each file of symbols that fits, and the addresses of SYSCALL and of the handlers of #DE and #PF") \
	X(stop,      "",                                OPERATOR, "stops the guest on all CPUs, and says what it may have died of, or where its CPUs stand")             \
	X(catch,     "[VECTORS|off] [FILTER]...",       OPERATOR, "stops all CPUs before an exception is delivered, if it matches the words of the filter; VECTORS is short for vec=VECTORS; off: no more. What intercept leaves out is not caught") \
	X(go,        "",                                OPERATOR, "lets the guest run again")                          \
	X(message,   "TEXT",                            ANYWHERE, "sends a line to the guest, which gets it by the VMCALL service hear; in the guest: sends it to the operator") \
	X(shares,    "[NAME [OFFSET [BYTES]]] | NAME OFFSET write TEXT", ANYWHERE, "memory that the guest shares by name: the list, or the contents of one share, 64 bytes by default; write: stores a text there, with its NUL") \
	X(loglevel,  "[quiet|notices|traps]",           ANYWHERE, "how much is printed while the guest runs") \
	X(set,       "[output terminal|logfmt]",        OPERATOR, "format of answers: for people, or for scripts") \
	X(capture,   "",                                OPERATOR, "ends the guest and starts the capture kernel of trapline.conf in its place, which sees the guest in /proc/vmcore; the command cannot be shortened") \
	X(reset,     "",                                OPERATOR, "resets the machine; the command cannot be shortened")
/* clang-format on */

#define COMMAND_ANYWHERE (~0u)

/* Why a line is not carried out, and why a CPU is left out of an answer about all of them. */
#define COMMAND_TOO_LONG "the line is longer than 255 characters; nothing was done"
#define COMMAND_SILENT   "that CPU does not answer: it waits for a SIPI, or is in the VMM"

/* The line that stands for such a CPU. */
#define COMMAND_SILENT_LINE "cpu n=%u why=\"" COMMAND_SILENT "\""
#define COMMAND_SILENT_MAX  120

/* Who gave a command and gets the answer. */
enum command_source {
	COMMAND_OPERATOR,
	COMMAND_GUEST,
	COMMAND_SOURCES
};

/* Writes the next line of an answer; false at its end. */
typedef bool command_more(enum command_source source, char *text, size_t size);

struct command_result {
	const char *name;
	const char *why;    /* NULL: success; otherwise the reason */
	command_more *more; /* NULL: there are no more lines */
};

/*
 * Between these two only one CPU carries out a command or makes a line of an answer. command_begin() does not wait;
 * false: another CPU is at it.
 */
bool command_begin(void);
void command_end(void);

/* What command_begin() calls when another CPU is at it: the command of a CPU that does not come any more has to end. Called once, at start. */
void command_when_busy(void (*call)(void));

/*
 * command_place() returns the CPU that has to carry out a line. For a line that all CPUs carry out, command_next() returns the
 * next one after `cpu`. COMMAND_ANYWHERE: any CPU may do it, or there are no more.
 */
uint32_t command_place(const char *text);
uint32_t command_next(const char *text, uint32_t cpu);

/*
 * Carries out a command. The answer goes through log_reply() and result->more.
 *   text  cut into words in place
 */
void command_run(struct cpu *cpu, enum command_source source, char *text, struct command_result *result);

/* Writes the last line of an answer, for scripts. */
#define COMMAND_DONE_MAX 320
void command_done(char *line, size_t size, const char *name, const char *why);

/*
 * The call of one command. The function returns NULL, or why it failed; command_usage: wrong arguments. It sets *more if the
 * answer is made line by line.
 */
struct command_call {
	struct cpu *cpu; /* the current CPU */
	enum command_source source;
	struct tokens tokens;
	command_more *more;
};

typedef const char *command_function(struct command_call *call);

extern const char command_usage[];

#define X(name, arguments, where, help) command_function command_##name;
COMMANDS(X)
#undef X

enum command_place {
	ANYWHERE,
	ON_CPU,
	EACH_CPU,
	OPERATOR
};

struct command {
	const char *name, *arguments;
	enum command_place where;
	const char *help;
	command_function *run;
};

extern const struct command command_table[];
extern const unsigned command_count;

/* Finds a command by the first n characters of its name, if they are unambiguous. NULL: none, or several. */
const struct command *command_find(const char *name, size_t n);

/* The command of a line; NULL: none, or several. *arguments: what follows its name. */
const struct command *command_of(const char *text, const char **arguments);

/* Why command_find() found none. */
const char *command_not_found(const char *name);

/* Whether the only argument is `word`. */
bool command_only_word(const struct command_call *call, const char *word);

/* Parses argument i; `absent` if there is none. False: it is not a number. */
bool command_number(const struct command_call *call, unsigned i, uint64_t absent, uint64_t *value);

/* Parses "[N] [cpu N]" from word 1 on; *cpu does not change without it. Returns NULL, or what is wrong. */
const char *command_count_and_cpu(struct command_call *call, uint64_t *count, uint32_t *cpu);

#endif
