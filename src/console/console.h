/*
 * Text for the operator. While the guest runs nothing here waits: text goes into a buffer, the buffer into the UART's
 * FIFO a bit at a time, from exits that happen anyway and, while there is something to say, from the guest's interrupts.
 * What does not fit is counted, and the count is printed.
 */
#ifndef TRAPLINE_CONSOLE_H
#define TRAPLINE_CONSOLE_H

#include "cpu/cpu.h"
#include "trace/format.h"

/* Sets up the UART that boot_info.config names. Without one everything below does nothing. */
void console_init(void);

/* One line, without its end, at once and waiting for the UART: at start, and when the guest is dead. */
__attribute__((format(printf, 1, 2))) void console_print(const char *fmt, ...);

/* One line, without its end, from an exit: it is buffered, or counted as lost. */
__attribute__((format(printf, 1, 2))) void console_log(const char *fmt, ...);

/* A turn of work: formats at most one record or feeds the FIFO once. Clears CPU_WORK_CONSOLE when all is out. */
void console_serve(struct cpu *cpu);

/* Prints all that waits, records included, and waits for the UART. */
void console_finish(void);

/* From here on the console is the fault screen's: no lock of a CPU that died holds it up. */
void console_seize(void);

/* How a TSC becomes the t= of a line. */
const struct trap_clock *console_clock(void);

/* Marks this CPU's record `seq` for printing. On the hot path. */
static inline void console_queue_trap(struct cpu *cpu, uint64_t seq)
{
	struct print_queue *q = &cpu->print;
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);

	cpu->work |= CPU_WORK_CONSOLE;
	if (head - atomic_load_explicit(&q->tail, memory_order_acquire) == CPU_PRINT_QUEUE) {
		q->lost++;
		return;
	}
	q->seq[head % CPU_PRINT_QUEUE] = seq;
	atomic_store_explicit(&q->head, head + 1, memory_order_release);
}

#endif
