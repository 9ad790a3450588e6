// SPDX-License-Identifier: MIT
/*
 * The C library: Trapline's services for user space. It calls directly what user mode may call; other calls
 * go through the kernel module's /dev/trapline, if it is loaded and may be opened. docs/vmcall.md has
 * the services.
 */
#ifndef LIBTRAPLINE_H
#define LIBTRAPLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <trapline/device.h>
#include <trapline/record.h>
#include <trapline/services.h>

struct trapline_registers {
	int64_t rax;
	uint64_t rbx, rcx, rdx, rsi, rdi;
};

/* Errors of the library itself, in addition to TRAPLINE_E_... */
#define TRAPLINE_NO_TRAPLINE (-100) /* there is no Trapline beneath this system */
#define TRAPLINE_NO_MODULE   (-101) /* this needs the kernel module, which is not loaded */
#define TRAPLINE_NO_RIGHT    (-102) /* /dev/trapline may not be opened, or not used for this */
#define TRAPLINE_SYSTEM      (-103) /* errno says why */
#define TRAPLINE_REFUSED     (-104) /* a command is refused: `why` says the reason */

/* Returns an error in words. */
const char *trapline_error(int64_t error);

/*
 * Whether Trapline answers. Safe everywhere: it catches the SIGILL that VMCALL raises without a hypervisor. No
 * other thread may change the handler of SIGILL meanwhile.
 */
bool trapline_present(void);

/* Returns the number of a service, or 0 if there is none or no Trapline. */
uint64_t trapline_lookup(const char *name);

/*
 * Calls a service: directly if user mode may, otherwise through the module.
 *   r->rax  in: its number (TRAPLINE_CALL_...); out: its result
 * Returns the result.
 */
int64_t trapline_call(struct trapline_registers *r);

/*
 * Copies between memory and Trapline's copy buffer. Memory need not be touched or locked before.
 *   bytes   any number if user mode may call these services, at most 64 KiB through the module
 *   offset  in the copy buffer, see docs/vmcall.md
 * Returns 0 or an error.
 */
int64_t trapline_put(const void *buffer, size_t bytes, uint64_t offset);
int64_t trapline_get(void *buffer, size_t bytes, uint64_t offset);

/* Writes which Trapline this is: version=... backend=... mitigations=... Returns the length, which is below `room`, or an error. */
int64_t trapline_about(char *text, size_t room);

/*
 * trapline_freeze() freezes the rings.
 *   seconds  at most 3600; 0: thaws them
 * trapline_frozen() returns the seconds left, 0 if they are not frozen, and the number of records that were ever lost by
 * freezing. Both return 0 or an error.
 */
int64_t trapline_freeze(uint64_t seconds);
int64_t trapline_frozen(uint64_t *not_kept);

/*
 * Writes a line of the caller into the trace: up to 120 bytes, longer ones are cut. Returns the record's number
 * or an error.
 */
int64_t trapline_mark(const char *text);

/* Reports that the guest is dying, and why: up to 120 bytes, longer texts are cut; "": no text. Returns 0 or an error. */
int64_t trapline_dying(const char *text);

/*
 * Runs a command of the operator's console, up to 120 bytes. Returns the answer's number or an error.
 * trapline_answer() fetches the answer piece by piece: it returns the number of bytes, 0 at the end, or an error;
 * TRAPLINE_E_MISSING: another command has replaced it. The last line is "done command=NAME status=ok" or
 * "... status=error why=...".
 */
int64_t trapline_command(const char *text);
int64_t trapline_answer(int64_t number, void *buffer, size_t room);

/*
 * Does both: runs a command, and fetches the answer line by line.
 *   take  gets `to` and every line but the last one, of which more than 1023 bytes are cut; NULL: nobody gets them
 *   why   out: with TRAPLINE_REFUSED the reason that the last line gives, otherwise ""
 * Returns 0 or an error; TRAPLINE_E_MISSING: another command has replaced the answer.
 */
#define TRAPLINE_WHY_MAX 256
typedef void trapline_taker(void *to, const char *line);
int64_t trapline_ask(const char *command, trapline_taker *take, void *to, char why[TRAPLINE_WHY_MAX]);

/*
 * Fetches the core that Trapline keeps, piece by piece.
 *   all   set to its bytes
 *   made  set to 0 for the last run's, TRAPLINE_CORE_EARLIER for an earlier one's, or the number of the core in this run
 * Returns the number of bytes, 0 at its end, or an error; TRAPLINE_E_MISSING: there is none.
 */
int64_t trapline_core(uint64_t offset, void *buffer, size_t room, uint64_t *all, uint64_t *made);

/*
 * Adds a watch.
 *   words  what to watch, as after the console's `watch add` (docs/watch.md): at most 110 bytes
 *   why    out: with TRAPLINE_REFUSED the reason, behind the word that is wrong if it is one ("x: ..."), otherwise ""
 * Returns its number, 1 to 65535, or an error. It is in force on all CPUs then. TRAPLINE_E_MISSING: another process has given a command
 * meanwhile, and the answer is lost: the watch is there, and trapline_watch_list() has its number.
 */
int64_t trapline_watch_add(const char *words, char why[TRAPLINE_WHY_MAX]);

/* Deletes a watch. Returns 0 or an error; TRAPLINE_REFUSED: there is no such watch. */
int64_t trapline_watch_delete(unsigned id);

struct trapline_watch {
	unsigned id;         /* 1 to 65535: watch_id of its records */
	uint64_t hits;       /* accesses that match */
	uint64_t neighbours; /* memory: accesses to other bytes of its pages */
	uint64_t limited;    /* hits without a record */
	uint64_t excepted;   /* accesses that match, by code of except= */
	char what[320];      /* its words, in one spelling: trapline_watch_add() takes them */
};

/*
 * Lists the watches.
 *   room  of the list, in entries; there are 256 at most
 * Returns how many watches there are, also if the list has less room, or an error.
 */
int64_t trapline_watch_list(struct trapline_watch *list, size_t room);

/*
 * Gets where the credentials of a process are in memory.
 *   c->pid  in: the process, or one of its threads
 *   file    out: as long as this descriptor is open, the memory is not used for anything else; the caller closes it
 * Returns 0 or an error: TRAPLINE_SYSTEM with ESRCH if there is no such process or it is ending, with EOPNOTSUPP if this kernel has another layout.
 */
int64_t trapline_cred(struct trapline_cred *c, int *file);

/*
 * Reads records of one CPU.
 *   next  in and out: number of the next record
 *   lost  the number of overwritten records is added to it
 * Returns the number of records, 0 if there is nothing new, or an error.
 */
int64_t trapline_trace_read(
	unsigned cpu, uint64_t *next, struct trap_record *records, size_t room, uint64_t *lost);

/* Maps one CPU's ring for reading. NULL: *error says why. */
const struct trap_record *trapline_ring(unsigned cpu, size_t *records, int64_t *error);

/*
 * Gets a process that an exception has ended.
 *   e->index  in: 0 for the newest
 * Returns 0 or an error: TRAPLINE_SYSTEM with ENOENT after the last one.
 */
int64_t trapline_ended(struct trapline_ended *e);

/*
 * Makes a share (bytes > 0) or attaches to one (bytes = 0), and maps it. It lasts until every process that has it
 * has ended or called trapline_share_leave(). NULL: *error says why.
 */
void *trapline_share(const char *name, size_t *bytes, int64_t *error);
void trapline_share_leave(void *memory, size_t bytes);

#endif
