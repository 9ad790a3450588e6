/*
 * The pieces that reports of a guest's death and of Trapline's own faults are made of. Each prints lines that
 * begin with two blanks and one word: regs, idt, walk, stack, by, exit. They wait for the UART and need no lock
 * of their own: a report is one CPU's, between report_begin() and report_end().
 */
#ifndef TRAPLINE_REPORT_H
#define TRAPLINE_REPORT_H

#include "cpu/cpu.h"
#include "trace/chain.h"
#include "trace/fold.h"
#include "trace/walk_trace.h"
#include "trace/format.h"

/*
 * One CPU reports at a time: another one that has something to report waits here, or stops for good where the report is of the
 * guest's death.
 */
void report_begin(void);

/* The same without waiting. False: another CPU reports. */
bool report_try(void);

void report_end(void);

/*
 * What this CPU reports from here on is an answer to the operator: buffered, while the guest runs. NULL: no
 * more.
 */
void report_answer(const struct cpu *cpu);

/* A line of the report's. */
__attribute__((format(printf, 1, 2))) void report_line(const char *fmt, ...);

/* A record as its trap line. */
void report_trap(const struct trap_record *r);

/* The same, marked as one that is not part of the chain. */
void report_earlier(const struct trap_record *r);

/* Where exceptions came from, and how many: one site. */
void report_site(const struct site *site);

/*
 * The sites of all CPUs by their counts, the highest first.
 *   last       what the call before has returned; NULL: the first
 *   important  only those that matter (trace/important.h)
 * Returns NULL behind the last one. Counts grow meanwhile: one may be passed over or come twice.
 */
const struct site *report_next_site(const struct site *last, bool important);

/* The same without a newline. */
void report_site_format(struct text *t, const struct site *site, const struct trap_clock *clock);

/* Its registers. */
void report_registers(const struct trap_record *r);

/* The entry of the guest's interrupt table that the event had to go through. */
void report_gate(const struct cpu *cpu, const struct trap_record *r);

/* #PF: the guest's page walk of CR2. */
void report_walk(const struct cpu *cpu, const struct trap_record *r);

/* A walk of any tables. error: the page fault's error code */
void report_levels(const struct walk *w, uint64_t linear, uint64_t cr3, uint32_t error);

/* The words at the guest's stack pointer. */
void report_stack(const struct cpu *cpu, const struct trap_record *r);

/* Who called: return addresses on the guest's stack. */
void report_backtrace(const struct cpu *cpu, const struct trap_record *r);

/* A CPU's last exits, the oldest first, with repetitions folded. */
void report_history(const struct cpu *cpu);

/* One exit, without a newline. */
void report_exit_format(struct text *t, const struct exit_entry *e, const struct trap_clock *clock);

/* The same of a loop's: how often it came, and when for the last time. */
void report_exit_line(struct text *t, const struct fold_line *line, const struct trap_clock *clock);

/* A record that came so many times in a row. */
void report_run(const struct trap_run *run);

/* The last records of every CPU as trap lines, `n` of each; the same one again and again counts once. */
void report_last_traps(unsigned n);

#endif
