// SPDX-License-Identifier: MIT
/*
 * Watches: which accesses to memory and registers are recorded. One grammar for the console, trapline.conf and VMCALL, and one table.
 * Pure: what makes the accesses exit is in src/exit/watch_*.c.
 *
 *     watch   =  [access] [place] range { word }            memory
 *             |  [access] "reg" name ["." bits] { word }    a register of WATCH_REGISTERS, or an MSR by its name
 *             |  [access] "msr" number { word }
 *             |  "exec" "supervisor" "outside=" range { "," range } { word }
 *     access  =  letters of r, w, x; "w" if it is left out
 *     place   =  "physical" | "linear"; physical if it is left out
 *     range   =  address | address "+" bytes | address "/" bytes | address "-" address, both inclusive
 *     bits    =  names as in the manuals, separated by commas, or a number that is a mask
 *     word    =  "log" | "once" | "stop" | "deny" | "rate=" number | "cr3=" number | "follow" |
 *             "except=" range { "," range }
 *
 * The console's commands change the table, one CPU at a time, or a hit does (WATCH_ONCE). Any CPU reads it at any time, without a lock:
 * `generation` of a slot is odd while it holds a watch, and changes with it.
 */
#ifndef TRAPLINE_WATCH_H
#define TRAPLINE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <trapline/watch.h>
#include "trace/text.h"

#define WATCH_MAX        256
#define WATCH_TEXT_MAX   320 /* of watch_format(), with the NUL */
#define WATCH_RATE_MAX   1000000
#define WATCH_EXCEPT_MAX 4 /* ranges of code */

enum watch_space {
	WATCH_PHYSICAL,
	WATCH_LINEAR,
	WATCH_REGISTER,
	WATCH_EXEC, /* execution by supervisor code outside of linear ranges */
	WATCH_SPACES
};

struct watch_range {
	uint64_t first, last; /* inclusive */
};

/* What a watch asks for. */
struct watch_spec {
	uint8_t space;           /* enum watch_space */
	uint8_t access;          /* enum watch_access, bits */
	uint8_t action;          /* enum watch_action */
	bool follow;             /* WATCH_LINEAR: the pages that are mapped there, also later */
	uint8_t reg;             /* WATCH_REGISTER: enum watch_register */
	bool silent;             /* a debugger's: it is told, and there is no record */
	uint32_t msr;            /* WATCH_MSR: its number */
	uint32_t rate;           /* records per second; 0: no limit */
	uint64_t first, last;    /* memory: bytes, inclusive */
	uint64_t cr3;            /* WATCH_LINEAR: the address space; 0: that of the CPU that adds it */
	uint64_t cr0, cr4, efer; /* WATCH_LINEAR: that CPU's paging mode */
	uint64_t mask;           /* WATCH_REGISTER: bits; 0: no bits were named */
	uint32_t excepts;        /* how many of `except` are in use */
	struct watch_range
		except[WATCH_EXCEPT_MAX]; /* code whose accesses are no hits; WATCH_EXEC: outside= */
};

struct watch {
	_Atomic uint32_t generation;
	uint16_t id; /* from 1 */
	struct watch_spec spec;
	_Atomic uint64_t hits;       /* accesses that match */
	_Atomic uint64_t neighbours; /* accesses to other bytes of its pages */
	_Atomic uint64_t
		limited;    /* hits that have no record, because of `rate` or because the table changed */
	_Atomic bool waits; /* `follow`: it cannot reach its pages until their page tables change */
	_Atomic uint64_t excepted;  /* accesses that match, by code of `except` */
	_Atomic uint64_t second;    /* of the rate: when the current second began */
	_Atomic uint32_t in_second; /* and its records */
};

/*
 * Parses the words of one watch.
 *   text  cut into words in place
 *   bad   out: the wrong word, or ""
 * Returns NULL, or what is wrong, with *spec unchanged.
 */
const char *watch_parse(struct watch_spec *spec, char *text, const char **bad);

/* Parses ranges with commas between them, and adds them to the *n ranges that there are; WATCH_EXCEPT_MAX at most. */
bool watch_parse_ranges(struct watch_range *r, uint32_t *n, char *list);

/* Writes the words: watch_parse() of them makes the same watch. */
void watch_format(struct text *t, const struct watch_spec *spec);

/* Writes a register of a watch with its bits: cr0.WP, IA32_LSTAR, msr 0x1234. */
void watch_format_register(struct text *t, const struct watch_spec *spec);

/*
 * Adds a watch. One CPU at a time calls this and watch_delete(): those that hold the commands' lock.
 * Returns it, or NULL if the table is full.
 */
struct watch *watch_add(const struct watch_spec *spec);

/* Deletes the watch with this number. False: there is none. */
bool watch_delete(uint16_t id);

/* Deletes all watches. Returns how many there were. */
unsigned watch_delete_all(void);

/*
 * Deletes a watch that was found, on any CPU at any time, and only if it is still the same one.
 *   generation  as it was found
 * False: another CPU was faster.
 */
bool watch_retire(struct watch *w, uint32_t generation);

/* The next watch after `after` in the table, NULL: the first; returns NULL at the end. */
struct watch *watch_next(const struct watch *after);

/* A loop over all watches; declares `w`. */
#define for_each_watch(w) for (struct watch *w = watch_next(NULL); w; w = watch_next(w))

/* Whether any watch exists, of one space, or of bytes of memory. */
bool watch_any(enum watch_space space);
bool watch_any_memory(void);

/* A consistent copy of a watch that may change meanwhile. False: it is gone. */
bool watch_read(const struct watch *w, uint16_t *id, struct watch_spec *spec, uint32_t *generation);

/* Whether an access to a register is a hit. The values are equal for a read. */
bool watch_register_hits(const struct watch_spec *spec, enum watch_register reg, uint32_t msr,
	unsigned access, uint64_t old, uint64_t new);

/* Whether accesses by the instruction at rip are no hits. */
bool watch_excepts(const struct watch_spec *spec, uint64_t rip);

/* The bits of a register that are watched for these accesses; ~0: all. msr: with WATCH_MSR. */
uint64_t watch_register_mask(enum watch_register reg, uint32_t msr, unsigned access);

/*
 * Counts a hit. Returns whether the rate allows a record of it.
 *   now, per_second  in ticks of one clock
 */
bool watch_hit(struct watch *w, uint64_t now, uint64_t per_second);

/* A debugger's own action: the CPU stops before the access. No grammar has it. */
#define WATCH_BREAK WATCH_ACTION_COUNT

/* The word of an action, "log" and the like; the letters of accesses, "rw". */
const char *watch_action_word(enum watch_action action);
const char *watch_access_letters(unsigned access);

#endif
