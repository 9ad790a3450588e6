// SPDX-License-Identifier: MIT
/*
 * The parts of reports about a guest's death and about Trapline's own faults. Each prints lines that
 * begin with two blanks and one word: regs, idt, walk, stack, by, exit. They wait for the UART and need no lock
 * of their own: only one CPU is between report_begin() and report_end().
 */
#ifndef TRAPLINE_REPORT_H
#define TRAPLINE_REPORT_H

#include "cpu/cpu.h"
#include "trace/chain.h"
#include "trace/fold.h"
#include "trace/walk_trace.h"
#include "trace/format.h"

/*
 * One CPU reports at a time. Another CPU that wants to report waits here, or stops for good if the report is about the
 * guest's death.
 */
void report_begin(void);

/* The same without waiting. False: another CPU reports. */
bool report_try(void);

void report_end(void);

/* Whether this CPU is between report_begin() and report_end(). */
bool report_is_mine(void);

/*
 * From here on this CPU's report is an answer to the operator, and is buffered while the guest runs. NULL: ends
 * that.
 */
void report_answer(const struct cpu *cpu);
const struct cpu *report_answering(void);

/* Prints a line of the report. */
__attribute__((format(printf, 1, 2))) void report_line(const char *fmt, ...);

/* Prints a record as its trap line. */
void report_trap(const struct trap_record *r);

/* The same, marked as a record that is not part of the chain. */
void report_earlier(const struct trap_record *r);

/* Prints one site: a source of exceptions, and their number. */
void report_site(const struct site *site);

/* A site as it was when it was listed. */
struct listed_site {
	struct site site;
	unsigned at; /* which entry of all CPUs' tables, from 1; 0: none */
};

/*
 * Iterates over the sites of all CPUs by their counts, the highest first. A site whose count grows meanwhile may be left out.
 *   last       the site of the call before, which is replaced; `at` 0: the first
 *   important  only important ones (trace/important.h)
 * Returns false after the last one.
 */
bool report_next_site(struct listed_site *last, bool important);

/* The same as text, without a newline. */
void report_site_format(struct text *t, const struct site *site, const struct trap_clock *clock);

/* Prints a record's registers. */
void report_registers(const struct trap_record *r);

/* Prints the entry of the guest's interrupt table for the event. */
void report_gate(const struct cpu *cpu, const struct trap_record *r);

/* #PF: prints the guest's page walk of CR2. */
void report_walk(const struct cpu *cpu, const struct trap_record *r);

/*
 * Prints a walk of any tables.
 *   error  the page fault's error code
 */
void report_levels(const struct walk *w, uint64_t linear, uint64_t cr3, uint32_t error);

/* Prints the words at the guest's stack pointer. */
void report_stack(const struct cpu *cpu, const struct trap_record *r);

/* Prints the callers: return addresses on the guest's stack. */
void report_backtrace(const struct cpu *cpu, const struct trap_record *r);

/* Prints a CPU's last exits, the oldest first, with repetitions folded. */
void report_history(const struct cpu *cpu);

/* The same for `first`, and then for the others; on a machine with many CPUs only for those that recorded something last. */
void report_histories(const struct cpu *first);

/* Writes one exit as text, without a newline. */
void report_exit_format(struct text *t, const struct exit_entry *e, const struct trap_clock *clock);

/* The same for an exit of a loop: how often it came, and the time of the last. */
void report_exit_line(struct text *t, const struct fold_line *line, const struct trap_clock *clock);

/* Prints a record and how many times in a row it came. */
void report_run(const struct trap_run *run);

/* Prints the last n records of the same CPUs as trap lines; repetitions count once. */
void report_last_traps(const struct cpu *first, unsigned n);

#endif
