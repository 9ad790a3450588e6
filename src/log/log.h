/*
 * Text for the operator. While the guest runs nothing here waits: text goes into a buffer, and exits that happen anyway
 * move some of it on into the UART's FIFO. While there is text left the guest's interrupts exit for that. What does not fit is
 * counted, and the count is printed.
 */
#ifndef TRAPLINE_LOG_H
#define TRAPLINE_LOG_H

#include "cpu/cpu.h"
#include "trace/format.h"

#define LOG_LINE_SIZE (TRAP_LINE_MAX + 2)

/* Sets up the UART that boot_info.config names. False: there is none, and everything below does nothing. */
bool log_init(void);

/* One line, without its end, at once and waiting for the UART: at start, and when the guest is dead. */
__attribute__((format(printf, 1, 2))) void log_print(const char *fmt, ...);

/*
 * From here on the serial line and the screen get only so many of log_print()'s lines; the black box gets all. Without a
 * black box nothing is left out. log_unbound() ends that, and returns how many lines were left out.
 */
void log_bound(unsigned lines);
unsigned log_unbound(void);

/* One line, without its end, from an exit: it is buffered, or counted as lost. */
__attribute__((format(printf, 1, 2))) void log_line(const char *fmt, ...);

/* From here on the console is the fault screen's: no lock of a CPU that died holds it up. */
void log_seize(void);
bool log_is_seized(void);

/* How a TSC becomes the t= of a line. */
const struct trap_clock *log_clock(void);

/* Marks this CPU's record, which has just been committed, for printing. On the hot path. */
static inline void log_queue_trap(struct cpu *cpu, const struct trap_record *r)
{
	cpu_add_work(cpu, CPU_WORK_CONSOLE);
	print_queue_put(&cpu->print, r);
}

/*
 * A line of a command's answer: buffered like the rest, or counted as lost. log_reply_to() sends such
 * lines elsewhere, NULL: back to the console; between command_begin() and command_end().
 */
void log_reply_to(void (*line)(const char *line));
__attribute__((format(printf, 1, 2))) void log_reply(const char *fmt, ...);

/* What is printed while the guest runs. Answers to commands and reports of the guest's end always are. */
#define LOG_LEVELS(X)                                                                                        \
	X(LOG_QUIET, "quiet", "nothing but answers to commands, and the guest's end")                        \
	X(LOG_NOTICES, "notices", "and what Trapline has to say")                                            \
	X(LOG_TRAPS, "traps", "and the recorded exceptions that the filter lets through")

#define X(name, text, meaning) name,
enum log_level {
	LOG_LEVELS(X)
};
#undef X

extern enum log_level log_level;

/*
 * The log's lock. log_try_lock() does not wait: a CPU that does not get it does its console work at another exit. The
 * functions below are called with the lock held.
 */
bool log_try_lock(void);
void log_lock(void);
void log_unlock(void);

/* Append bytes as they are; a line of an answer; a line that the black box keeps as well. False: it did not fit, and is counted. */
void log_put(const char *bytes, size_t n);
void log_put_line(const char *line);
bool log_add_line(const char *line);

/* Whether there is a UART. */
bool log_there(void);

/* How many bytes fit, and whether some wait. */
uint32_t log_room(void);
bool log_waits(void);

/* Feeds the FIFO once. False: there was nothing to feed it with. */
bool log_feed(void);

/* Feeds until all is out; gives up on a UART that takes nothing for a long time. */
void log_drain(void);

/* Lines that found no room, and one more of them. */
uint64_t log_lost(void);
void log_lose_line(void);

#endif
