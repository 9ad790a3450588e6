// SPDX-License-Identifier: MIT
/*
 * trapctl bench: what exits and exceptions cost on this machine. One run is a struct; as text it is lines of logfmt, which can
 * be sent in, saved, and read again by a later run.
 *
 *   bench format=1 cpu=0 rounds=31
 *   machine cpu="AMD Ryzen 9 7950X 16-Core Processor" family="25" ...
 *   trapline version="1.0" backend="svm" mitigations="auto-ibrs,ibpb"
 *   linux name=spectre_v2 state="Mitigation: ..."
 *   cost name=cpuid unit=tsc median=1523.4 low=1519.0 high=1540.2 min=1510.6
 *   cost name=vmcall none="no Trapline, not measured"
 */
#ifndef TRAPCTL_BENCH_H
#define TRAPCTL_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BENCH_FORMAT 1

/*
 * X(name, times): what is measured, and how often in one round. A round is short, so that most rounds contain no timer
 * interrupt.
 */
#define BENCH_COSTS(X)                                                                                       \
	X(cpuid, 100)                                                                                        \
	X(vmcall, 100)                                                                                       \
	X(ud, 20)                                                                                            \
	X(bp, 20)                                                                                            \
	X(pf, 32)                                                                                            \
	X(fork, 1)

/* X(line, key): what a run says of where it ran; unknown ones are left out */
#define BENCH_TEXTS(X)                                                                                       \
	X(machine, cpu)                                                                                      \
	X(machine, family)                                                                                   \
	X(machine, model)                                                                                    \
	X(machine, stepping)                                                                                 \
	X(machine, microcode)                                                                                \
	X(machine, kernel)                                                                                   \
	X(machine, smt)                                                                                      \
	X(machine, governor)                                                                                 \
	X(machine, tsc_mhz)                                                                                  \
	X(machine, hypervisor)                                                                               \
	X(machine, trapctl)                                                                                  \
	X(trapline, version)                                                                                 \
	X(trapline, backend)                                                                                 \
	X(trapline, mitigations)                                                                             \
	X(trapline, intercept)                                                                               \
	X(trapline, filter)

#define X(name, times) BENCH_##name,
enum bench_kind {
	BENCH_COSTS(X) BENCH_COUNT
};
#undef X

#define X(line, key) BENCH_TEXT_##key,
enum bench_text {
	BENCH_TEXTS(X) BENCH_TEXTS_COUNT
};
#undef X

/* Ticks of the TSC, and core cycles if the kernel lets them be counted. */
enum bench_unit {
	BENCH_TSC,
	BENCH_CYCLES,
	BENCH_UNITS
};

/* Of one action, over all rounds; half of them lie between low and high. median = 0: not measured */
struct bench_spread {
	double median, low, high, min;
};

#define BENCH_TEXT_MAX 256
#define BENCH_NAME_MAX 64
#define BENCH_WEAK_MAX 48

/* A weakness of CPUs, and what Linux does against it: that is a part of what its exceptions cost. */
struct bench_weakness {
	char name[BENCH_NAME_MAX], state[BENCH_TEXT_MAX];
};

struct bench {
	unsigned cpu, rounds;
	char text[BENCH_TEXTS_COUNT][BENCH_TEXT_MAX]; /* "": not known */
	struct bench_weakness weak[BENCH_WEAK_MAX];
	unsigned weak_count;
	struct bench_spread spread[BENCH_UNITS][BENCH_COUNT];
	const char *none[BENCH_COUNT]; /* why it was not measured; NULL: it was */
};

/*
 * Sorts the values and returns their spread.
 *   n  how many, at least 1
 */
struct bench_spread bench_spread_of(double *value, size_t n);

/* Whether it is a measurement: no round has 0, and none what no round can take. Others are not written. */
bool bench_is_valid(const struct bench_spread *s);

/* Takes a line of output, without its newline. */
typedef void bench_taker(void *to, const char *line);

/* Stores a text, of which bytes that a line cannot have are replaced and what does not fit is cut. */
void bench_set(struct bench *b, enum bench_text which, const char *text);

/* Stores a line `linux`; not one whose name is none, nor one more than there is room for. */
void bench_set_weakness(struct bench *b, const char *name, const char *state);

/* Makes `rip=0xffffffff81000000` of a filter `rip=?`: a run that is sent in has no addresses. */
void bench_hide_addresses(char *text);

/* Writes a run as lines. */
void bench_write(const struct bench *b, bench_taker *take, void *to);

/* Reads what bench_write() wrote; the file may be anything. Returns NULL, or what is wrong with it. */
const char *bench_read(FILE *in, struct bench *b);

/* Writes what differs between two runs: the machines, then each cost. */
void bench_compare(const struct bench *before, const struct bench *now, bench_taker *take, void *to);

/* bench_machine.c: what is known of this machine, and of Trapline. */
void bench_describe(struct bench *b);

/*
 * bench_work.c: measures all costs on the CPU that b->cpu names, in b->rounds rounds of each.
 *   why  out: why core cycles are not counted; NULL: they are
 * Returns false if this CPU cannot be used: errno says why.
 */
bool bench_measure(struct bench *b, const char **why);

#endif
