// SPDX-License-Identifier: MIT
/*
 * Text for the operator. While the guest runs nothing here waits. Text goes into a buffer, and exits that happen anyway
 * move some of it into the UART's FIFO. While text is left the guest's interrupts exit for this. Lines that do not fit are
 * counted, and the count is printed.
 */
#ifndef TRAPLINE_LOG_H
#define TRAPLINE_LOG_H

#include "cpu/cpu.h"
#include "hw/asm.h"
#include "trace/format.h"
#include "trace/important.h"

#define LOG_LINE_SIZE   (TRAP_LINE_MAX + 2)
#define LOG_NOTICE_SIZE 256

/* Sets up the UART that boot_info.config names. False: there is none, and all functions below do nothing. */
bool log_init(void);

/* Prints one line, without its newline, at once, and waits for the UART: at start, and when the guest is dead. */
__attribute__((format(printf, 1, 2))) void log_print(const char *fmt, ...);

/*
 * log_bound() limits how many of log_print()'s lines the serial line and the screen get; the black box gets all. Without a
 * black box there is no limit. log_unbound() ends that, and returns how many lines were omitted.
 */
void log_bound(unsigned lines);
unsigned log_unbound(void);

/* Buffers one line, without its newline, during an exit; counts it as lost if it does not fit. */
__attribute__((format(printf, 1, 2))) void log_line(const char *fmt, ...);

/* Takes the console for the fault screen: the lock of a CPU that died no longer counts. */
void log_seize(void);
bool log_is_seized(void);

/* Converts a TSC to the t= of a line. */
const struct trap_clock *log_clock(void);

/*
 * What the printer's rate means for the CPUs: a flood of one vector is counted where it is recorded, and not queued. Written by
 * the printer.
 */
extern struct log_limits {
	_Atomic uint32_t most;               /* records of one kind in a CPU's queue: a burst */
	_Atomic uint64_t quiet[PRINT_KINDS]; /* up to this TSC none of the kind is printed */
} log_limits;

/* The lines that the serial line carries in a second. */
uint32_t log_burst(void);

/* If the guest sets its TSC back, the time counts as passed: no share of a rate is longer than a second. */
static inline bool log_is_limited(const struct cpu *cpu, const struct trap_record *r, unsigned kind)
{
	uint64_t quiet = atomic_load_explicit(&log_limits.quiet[kind], memory_order_relaxed);

	return (quiet - r->tsc - 1 < boot_info.tsc_khz * 1000 ||
		       print_queue_of_kind(&cpu->print, kind) >=
			       atomic_load_explicit(&log_limits.most, memory_order_relaxed)) &&
	       !trap_may_be_mended(r);
}

/*
 * Queues this CPU's record, which has just been committed, for printing. False: it is beyond the rate, and counted. The first record of
 * an important site has a rate of its own, so that a flood of its vector does not hide it.
 */
static inline bool log_queue_trap(struct cpu *cpu, const struct trap_record *r)
{
	unsigned kind = print_kind(r);

	if (log_is_limited(cpu, r, kind)) {
		if (r->seq != cpu->new_site || log_is_limited(cpu, r, PRINT_NEW_SITE)) {
			print_queue_limit(&cpu->print, kind);
			return false;
		}
		kind = PRINT_NEW_SITE;
	}
	cpu_add_work(cpu, CPU_WORK_CONSOLE);
	print_queue_put(&cpu->print, r, kind);
	return true;
}

/*
 * log_reply() buffers a line of a command's answer, or counts it as lost. log_reply_to() sends such
 * lines to a function; NULL: to the console again. Both only between command_begin() and command_end().
 */
void log_reply_to(void (*line)(const char *line));

/* What log_rest() calls: a command's answer rests there until a later exit. After each line log_reply() does the same. */
void log_set_rest(void (*rest)(void));
void log_rest(void);
__attribute__((format(printf, 1, 2))) void log_reply(const char *fmt, ...);

/* How much is printed while the guest runs. Answers to commands and reports of the guest's end are always printed. */
#define LOG_LEVELS(X)                                                                                        \
	X(LOG_QUIET, "quiet", "nothing but answers to commands, and the guest's end")                        \
	X(LOG_NOTICES, "notices", "and Trapline's own notices")                                              \
	X(LOG_TRAPS, "traps", "and the recorded exceptions that the filter lets through")

#define X(name, text, meaning) name,
enum log_level {
	LOG_LEVELS(X)
};
#undef X

extern enum log_level log_level;

/*
 * The log's lock. log_try_lock() does not wait: a CPU that does not get the lock does its console work at another exit. The
 * functions below are called with the lock held.
 */
bool log_try_lock(void);
void log_lock(void);
void log_unlock(void);

/* Append bytes unchanged; a line of an answer; a line that the black box stores as well. False: it did not fit, and is counted. */
void log_put(const char *bytes, size_t n);
void log_put_line(const char *line);
bool log_add_line(const char *line);

/* A line of log_line(): into the black box only, if the operator wants no notices. */
void log_add_notice(const char *notice);

/* log_add_line() of n bytes without a newline. */
bool log_add_one_line(const char *line, size_t n);

/* Whether there is a UART. */
bool log_there(void);

/* The number of bytes that fit, and whether any are waiting. */
uint32_t log_room(void);
bool log_waits(void);

/* Feeds the FIFO once. False: nothing was waiting. */
bool log_feed(void);

/*
 * The same to the UART, without the lock, which it takes. False: nothing was waiting, the text goes another way, or another CPU has the lock.
 *   at  out: the TSC, while it had the lock
 */
bool log_try_feed(uint64_t *at);

/*
 * Another way for the text than the UART, until log_seize(); NULL: the UART. put() returns how many bytes it took, 0 for later; idle()
 * whether all of them have been sent; sent() how many bytes have gone out since the start, if one put() may take more than a FIFO holds.
 */
struct log_way {
	size_t (*put)(const char *bytes, size_t n);
	bool (*idle)(void);
	uint64_t (*sent)(void); /* may be NULL */
};
void log_send_by(const struct log_way *way);

/* When the FIFO was found full, 0: it was not; how long it is not looked at again. A look takes a microsecond. */
extern struct log_full {
	_Atomic uint64_t at;
	uint64_t ticks;
} log_full;

/* Whether text waits for a FIFO that was just found full. If the guest sets its TSC back, the time counts as passed. */
static inline bool log_is_held_up(void)
{
	uint64_t at = atomic_load_explicit(&log_full.at, memory_order_relaxed);

	return at && rdtsc() - at < log_full.ticks;
}

/* Feeds the FIFO until the buffer is empty; gives up on a UART that takes nothing for a long time. */
void log_drain(void);

/* The number of lines that did not fit; adds one to it. */
uint64_t log_lost(void);
void log_lose_line(void);

#endif
