/*
 * Text for the operator. While the guest runs nothing here waits: text goes into a buffer, the buffer into the UART's
 * FIFO a bit at a time, from exits that happen anyway and, while there is something to say, from the guest's interrupts.
 * What does not fit is counted, and the count is printed.
 */
#ifndef TRAPLINE_CONSOLE_H
#define TRAPLINE_CONSOLE_H

#include "cpu/cpu.h"
#include "trace/filter.h"
#include "trace/format.h"

/* Sets up the UART that boot_info.config names. Without one everything below does nothing. */
void console_init(void);

/* One line, without its end, at once and waiting for the UART: at start, and when the guest is dead. */
__attribute__((format(printf, 1, 2))) void console_print(const char *fmt, ...);

/*
 * Of what console_print() prints from here on the line and the screen get so many lines, and the black box has all. Where there is
 * no black box, they get all as well. console_unbound() ends that, and returns how many lines were left out.
 */
void console_bound(unsigned lines);
unsigned console_unbound(void);

/* One line, without its end, from an exit: it is buffered, or counted as lost. */
__attribute__((format(printf, 1, 2))) void console_log(const char *fmt, ...);

/* A turn of work: formats at most one record or feeds the FIFO once. Clears CPU_WORK_CONSOLE when all is out. */
void console_serve(struct cpu *cpu);

/* Prints all that waits, records included, and waits for the UART. */
void console_finish(void);

/* From here on the console is the fault screen's: no lock of a CPU that died holds it up. */
void console_seize(void);
bool console_is_seized(void);

/* How a TSC becomes the t= of a line. */
const struct trap_clock *console_clock(void);

/* What a record counts as for rate and room: its vector, or that it is a mark. */
static inline unsigned console_kind(const struct trap_record *r)
{
	return r->type == TRAP_TYPE_MARK ? CPU_PRINT_KINDS - 1 : r->vector & 31;
}

/* Marks this CPU's record, which has just been committed, for printing. On the hot path. */
static inline void console_queue_trap(struct cpu *cpu, const struct trap_record *r)
{
	struct print_queue *q = &cpu->print;
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
	uint32_t waiting = head - atomic_load_explicit(&q->tail, memory_order_acquire);
	unsigned kind = console_kind(r);

	cpu_add_work(cpu, CPU_WORK_CONSOLE);
	if (waiting >= CPU_PRINT_QUEUE - CPU_PRINT_RESERVE &&
		(waiting == CPU_PRINT_QUEUE ||
			q->put[kind] - atomic_load_explicit(&q->taken[kind], memory_order_relaxed) >=
				CPU_PRINT_FEW)) {
		q->lost++;
		return;
	}
	q->put[kind]++;
	q->entry[head % CPU_PRINT_QUEUE] = r->seq | (uint64_t)kind << CPU_PRINT_SEQ_BITS;
	atomic_store_explicit(&q->head, head + 1, memory_order_release);
}

/* Whether this CPU is the one that looks for keys, or has seen one a moment ago: it is not to sleep. */
bool console_attends(const struct cpu *cpu);

/* Whether CPUs with nothing to do are to look now and then, because nothing brings the boot CPU to do so. */
bool console_wants_others(void);

extern uint64_t console_looked; /* the TSC when somebody has looked last */
void console_look_now(struct cpu *cpu);

/* Something has exited that does so now and then: is it time to see whether a key was pressed, or lines were left? */
static inline void console_look(struct cpu *cpu)
{
	if (__builtin_expect(rdtsc() - console_looked >= cpu->look_ticks, 0))
		console_look_now(cpu);
}

/*
 * A line of a command's answer: buffered like the rest, or counted as lost. console_reply_to() sends such
 * lines elsewhere, NULL: back to the console; between command_begin() and command_end().
 */
void console_reply_to(void (*line)(const char *line));
__attribute__((format(printf, 1, 2))) void console_reply(const char *fmt, ...);

/*
 * For the input, with the console's lock held, as in input_turn(): bytes as they are, a line, and whether all
 * of it is on its way.
 */
void console_put(const char *bytes, size_t n);
void console_put_line(const char *line);

/* What is printed while the guest runs. Answers to commands and reports of the guest's end always are. */
#define CONSOLE_LEVELS(X)                                                                                    \
	X(CONSOLE_QUIET, "quiet", "nothing but answers to commands, and the guest's end")                    \
	X(CONSOLE_NOTICES, "notices", "and what Trapline has to say")                                        \
	X(CONSOLE_TRAPS, "traps", "and the recorded exceptions that the filter lets through")

#define X(name, text, meaning) name,
enum console_level {
	CONSOLE_LEVELS(X)
};
#undef X

extern enum console_level console_level;

/*
 * The filter of what is printed. Its vectors, and important, are boot_info.config.print, which the exit path looks at.
 *   words  as trace/filter.h has them; is cut in place
 * console_set_filter() returns NULL, or what is wrong, with the word at *bad.
 */
const char *console_set_filter(char *words, const char **bad);
void console_get_filter(struct filter *f);

/* Lines that were not printed since the start, all reasons together. */
struct console_losses {
	uint64_t lost;     /* no room */
	uint64_t limited;  /* over the filter's rate */
	uint64_t filtered; /* by its other conditions */
};
void console_count(struct console_losses *l);

#endif
