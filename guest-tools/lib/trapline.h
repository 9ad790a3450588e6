/*
 * The C library: Trapline's services for user space. What user mode may call is called directly; the rest
 * goes through the kernel module's /dev/trapline, where that is loaded and may be opened. docs/vmcall.md has
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

/* Errors of the library itself, beside TRAPLINE_E_... */
#define TRAPLINE_NO_TRAPLINE (-100) /* there is no Trapline beneath this system */
#define TRAPLINE_NO_MODULE   (-101) /* this needs the kernel module, which is not loaded */
#define TRAPLINE_NO_RIGHT    (-102) /* /dev/trapline may not be opened, or not be used for this */
#define TRAPLINE_SYSTEM      (-103) /* errno says why */

/* An error in words. */
const char *trapline_error(int64_t error);

/* Whether Trapline answers. Safe anywhere: where VMCALL is an invalid opcode that is the answer. Not while
 * other threads change the handler of SIGILL. */
bool trapline_present(void);

/* The number of a service, 0 when there is none; no Trapline has none. */
uint64_t trapline_lookup(const char *name);

/*
 * Calls a service: directly where user mode may, else through the module.
 *   r->rax  its number (TRAPLINE_CALL_...); afterwards its result, which is also what is returned
 */
int64_t trapline_call(struct trapline_registers *r);

/*
 * Copies between memory and Trapline's copy buffer: any length where user mode may call them, 64 KiB through the module.
 * Buffers need not be touched, locked or in memory.
 * Returns 0 or an error; `offset` as in docs/vmcall.md.
 */
int64_t trapline_put(const void *buffer, size_t bytes, uint64_t offset);
int64_t trapline_get(void *buffer, size_t bytes, uint64_t offset);

/* Which Trapline this is, as text: version=... backend=... Its length, which is below `room`, or an error. */
int64_t trapline_about(char *text, size_t room);

/*
 * The rings stand still for so many seconds, 3600 at most; 0: they go on. 0 or an error. trapline_frozen() says how many
 * seconds are left, 0: they are not frozen, and how many records no ring has ever kept because of that.
 */
int64_t trapline_freeze(uint64_t seconds);
int64_t trapline_frozen(uint64_t *not_kept);

/* A line of the caller's own in the trace: up to 120 bytes, longer ones are cut. The record's number or an
 * error. */
int64_t trapline_mark(const char *text);

/* The guest is dying, and why: up to 120 bytes, longer texts are cut; "": no text. 0 or an error. */
int64_t trapline_dying(const char *text);

/*
 * Carries out a command of the operator's console, up to 120 bytes. Returns the answer's number or an error.
 * trapline_answer() reads on in it: how many bytes, 0 at its end, or an error; TRAPLINE_E_MISSING when another
 * command came meanwhile. The last line is "done command=NAME status=ok" or "... status=error why=...".
 */
int64_t trapline_command(const char *text);
int64_t trapline_answer(int64_t number, void *buffer, size_t room);

/*
 * Reads records of one CPU from *next on and moves it; adds to *lost. Returns how many, 0 when nothing is
 * new.
 */
int64_t trapline_trace_read(
	unsigned cpu, uint64_t *next, struct trap_record *records, size_t room, uint64_t *lost);

/* One CPU's ring, mapped for reading. NULL: *error says why. */
const struct trap_record *trapline_ring(unsigned cpu, size_t *records, int64_t *error);

/* A process that an exception has ended, e->index = 0 for the newest. 0 or an error: TRAPLINE_SYSTEM with ENOENT behind the
 * last. */
int64_t trapline_ended(struct trapline_ended *e);

/*
 * A share of `bytes` under `name`, made (bytes > 0) or attached to (bytes = 0), mapped. It lasts until every
 * process that has it has ended or called trapline_share_leave(). NULL: *error says why.
 */
void *trapline_share(const char *name, size_t *bytes, int64_t *error);
void trapline_share_leave(void *memory, size_t bytes);

#endif
