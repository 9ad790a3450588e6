// SPDX-License-Identifier: MIT
/*
 * One trap, one line of logfmt: the same text on the serial console, over VMCALL and on the fault screen.
 * Scripts rely on the names below. Pure: no allocation, no state, no floating point.
 */
#ifndef TRAPLINE_FORMAT_H
#define TRAPLINE_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <trapline/record.h>
#include "trace/decode.h"
#include "trace/text.h"

/*
 * Every field, in the order it is printed. A field without a known value is omitted.
 *
 * X(name, kind, meaning)
 *   kind  BARE    one word without blanks
 *         QUOTED  always in double quotes; '"' and '\' inside are escaped with '\'
 */
/* clang-format off */
#define TRAP_FIELDS(X)                                                                                       \
	X(seq,     BARE,   "this CPU's running number of the record, from 1")                                \
	X(cpu,     BARE,   "the CPU, from 0, which is the boot CPU")                                         \
	X(t,       BARE,   "seconds since Trapline became active, to the microsecond")                       \
	X(id,      BARE,   "only in a hit of a watch, whose line starts with the word watch: the watch's number") \
	X(vec,     BARE,   "vector, decimal")                                                                \
	X(name,    BARE,   "the manuals' short name (#PF); for INT n and external interrupts their type; of a watch the register") \
	X(access,  BARE,   "watch: what was done, of r, w and x")                                            \
	X(type,    BARE,   "only for events that are not exceptions of the CPU: extint nmi int int1 softexc") \
	X(err,     BARE,   "error code as pushed")                                                           \
	X(at,      BARE,   "CS:RIP of the instruction; of the next one for traps")                           \
	X(sym,     QUOTED, "the function at that address, or the firmware image, if its name is known")      \
	X(mode,    BARE,   "16, 32 or 64: how the CPU decodes code")                                         \
	X(cpl,     BARE,   "privilege level, 0 to 3")                                                        \
	X(as,      BARE,   "the address space: CR3 without its low 12 bits; for programs, and for kernels in the upper half") \
	X(pid,     BARE,   "the number of the process that owns it, if the guest has reported it")           \
	X(comm,    QUOTED, "the name of that process, likewise")                                             \
	X(text,    QUOTED, "only in a mark, whose line starts with the word mark")                           \
	X(code,    BARE,   "the code bytes from RIP on, as far as they could be read")                                \
	X(insn,    QUOTED, "the instruction; (bad) if the bytes are not an instruction")                                 \
	X(cr2,     BARE,   "#PF: the address")                                                               \
	X(why,     QUOTED, "the cause in words, if record and error code show it")                        \
	X(sel,     QUOTED, "selector error codes: gdt, ldt or idt, the selector without its low 3 bits (idt: " \
	                   "the vector), and ext when the CPU was delivering an event")                      \
	X(dr6,     BARE,   "#DB: DR6, with the names of the conditions that are met: 0xffff4ff0(BS)")              \
	X(addr,    BARE,   "watch: the linear address")                                                      \
	X(phys,    BARE,   "watch: the guest-physical address")                                              \
	X(size,    BARE,   "watch: bytes of the access")                                                     \
	X(old,     BARE,   "watch: the value before; of memory the bytes of the access, up to 8; of GDTR and IDTR the base, of LDTR and TR the selector") \
	X(new,     BARE,   "watch: the value after")                                                         \
	X(how,     BARE,   "watch: page-walk or event-delivery, if the CPU did it by itself; locked; denied, if the access was refused") \
	X(uses,    QUOTED, "the registers that the instruction reads, in the width that it reads: ecx=0x1b0(IA32_...)") \
	X(mem,     BARE,   "linear address of its memory operand; a string move has two: to,from; watch: none with FS and GS") \
	X(during,  QUOTED, "the event that was being delivered: #PF err=0x2, int 0x80, extint 0x20")         \
	X(cause,   BARE,   "the seq of that event's own record, if it has one")                            \
	X(origin,  BARE,   "merge: a #DF that Trapline combined from two events, as the CPU would have")         \
	X(outcome, BARE,   "double-fault or triple-fault, if the event was not delivered itself")
/* clang-format on */

/* No line is longer, its NUL included. */
#define TRAP_LINE_MAX 1024

/* Writes the name of the code at a record's RIP, or nothing. */
typedef void trap_namer(struct text *t, const struct trap_record *r);

/* Sets the source of sym=. NULL, the default: there is none. */
void trap_format_names(trap_namer *namer);

/* Converts a record's TSC to a time. */
struct trap_clock {
	uint64_t tsc_start; /* the guest's TSC at time 0 */
	uint32_t tsc_khz;   /* 0: unknown, t= is omitted */
};

/*
 * Writes "trap seq=... " without a newline. Control and non-ASCII bytes are replaced.
 *   out   NUL-terminated, unless size is 0
 *   size  TRAP_LINE_MAX is enough for any record; with less, the last fields are omitted as a whole
 * Returns the length without the NUL; below size.
 */
size_t trap_format(char *out, size_t size, const struct trap_record *r, const struct trap_clock *clock);

/* The sources of the fields. */
struct trap_view {
	const struct trap_record *r;
	const struct trap_clock *clock;
	enum decode_result decoded;
	struct decoded insn;
};

/*
 * The same in parts: trap_format_begin() decodes the instruction, trap_format_more() writes fields, until about so many bytes more
 * are written. False: the line is complete.
 */
struct trap_formatter {
	struct text line;
	struct trap_view view;
	uint64_t left; /* fields, a bit for each */
};
void trap_format_begin(struct trap_formatter *f, char *out, size_t size, const struct trap_record *r,
	const struct trap_clock *clock);
bool trap_format_more(struct trap_formatter *f, size_t bytes);

#endif
