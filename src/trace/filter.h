// SPDX-License-Identifier: MIT
/*
 * Which recorded exceptions are printed: one grammar for the console, trapline.conf and VMCALL.
 *
 *     filter     =  word { blank word }
 *     word       =  "all"                      lifts every condition but vec=
 *                |  key "=" values             only those
 *                |  key "!=" values            all but those
 *                |  key "=any"                 lifts this condition
 *                |  "important"                only important ones: trace/important.h
 *
 * X(key, values, what it checks). All conditions have to match; those that are not named do not change.
 *
 * vec= and important cost next to nothing: an exception that they exclude is not queued for the printer. The printer
 * checks the other conditions, after the exit. The filter never keeps a record out of the ring. `intercept` leaves an
 * exception to the guest unrecorded, and then there is no exit either.
 */
#ifndef TRAPLINE_FILTER_H
#define TRAPLINE_FILTER_H

#include <stdbool.h>
#include <stdint.h>
#include <trapline/record.h>
#include "trace/text.h"

/* clang-format off */
#define FILTER_KEYS(X)                                                                                       \
	X(vec,  "names or numbers, separated by commas: pf,ud or +pf or -pf or all,-pf", "the exception")    \
	X(cpl,  "0 to 3, or a range: 0-2",                  "the privilege level it was taken at")           \
	X(cpu,  "0 to 1023, or a range: 2-3",                "the CPU")                                       \
	X(rip,  "an address, or a range: 0x1000-0x1fff",    "RIP")                                           \
	X(cr2,  "an address, or a range: 0-0xffff",         "the address of a #PF; other exceptions have none")  \
	X(cr3,  "a value",                                  "CR3 without its low 12 bits: the address space") \
	X(as,   "a value, as as= shows it",                 "the address space; a record without as= never matches") \
	X(err,  "bits: 0x6",                                "the error code: all of these bits are set (!=: all of them are clear)") \
	X(watch, "a watch's number, or a range: 1-3",        "hits of this watch; without it a hit fails vec=, err=, cr2= and important, as it is no exception") \
	X(rate, "lines per second for each vector, 0: no limit",  "the rate at which one vector is printed; a burst is exempt: what the serial line carries in a second, 57 lines at 115200 baud")
/* clang-format on */

#define FILTER_CPU_LAST 1023 /* the highest number of a CPU */

struct filter_span {
	bool on, except;
	uint64_t low, high;
};

struct filter {
	uint32_t vectors; /* one bit each */
	bool important;
	struct filter_span cpl, cpu, rip, cr2, cr3, as, watch;
	uint32_t error_set, error_clear; /* bits; 0 and 0: no condition */
	uint32_t rate;                   /* 0: no limit */
};

/* Initialises a filter that checks the vectors only. */
void filter_init(struct filter *f, uint32_t vectors);

/*
 * Applies words to *f.
 *   text  cut into words in place
 *   bad   out: the wrong word
 * Returns NULL, or what is wrong, with *f unchanged.
 */
const char *filter_parse(struct filter *f, char *text, const char **bad);

bool filter_match(const struct filter *f, const struct trap_record *r);

/* Writes the filter's words: filter_parse() of them on top of filter_init() makes the same filter. */
void filter_format(struct text *t, const struct filter *f);

/* Whether vectors, `important` and the rate are all that it checks. */
bool filter_is_plain(const struct filter *f);

/* The allowance of one vector. Initially all zeroes. */
struct filter_rate {
	bool begun;
	int64_t spent; /* the time up to which the lines so far have used the allowance */
};

/*
 * Whether one more line is within `rate`; if so, it is counted.
 *   lines            that are allowed at once
 *   now, per_second  in ticks of one clock
 */
bool filter_allow(struct filter_rate *r, uint32_t rate, uint32_t lines, uint64_t now, uint64_t per_second);

/* After a refusal: when the next line is allowed. */
uint64_t filter_next(const struct filter_rate *r, uint32_t rate, uint64_t per_second);

#endif
