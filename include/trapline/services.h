/*
 * Every service, once: from these rows come the dispatch table, the argument checks, the policy, the numbers
 * that guests use and the tables of docs/vmcall.md.
 *
 * X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors, help, results)
 *
 *  - number: never changes and is never used again; also the service's bit in the feature mask
 *  - who: USER, any privilege level, as long as trapline.conf's user_calls names it, which it does by
 *    default; KERNEL, levels 0 to 2, and 3 only where user_calls was made to name it
 *  - rbx to rdi: the kind of each argument, see TRAPLINE_ARGUMENTS
 *  - errors: what it may return besides NUMBER, DENIED and what its arguments' kinds bring along
 *  - results: registers that are not named keep their values
 */
#ifndef TRAPLINE_SERVICES_H
#define TRAPLINE_SERVICES_H

#include <trapline/abi.h>

/* A set of errors, as bits. */
#define TL_ERR(name) (1u << -(TRAPLINE_E_##name))
#define TL_MEMORY    (TL_ERR(ADDRESS) | TL_ERR(FAULT) | TL_ERR(MEMORY))

/* X(kind, errors, what it is, what is checked) */
/* clang-format off */
#define TRAPLINE_ARGUMENTS(X)                                                                                \
	X(NONE,     0,                          "not used", "nothing")                                       \
	X(ANY,      0,                          "a number", "nothing")                                       \
	X(FLAGS,    TL_ERR(ARGUMENT),              "TRAPLINE_PAGE_IN or 0", "no other bit: ARGUMENT")           \
	X(CPU,      TL_ERR(ARGUMENT),              "a CPU's number, from 0", "the CPU is active: ARGUMENT")     \
	X(VECTOR,   TL_ERR(ARGUMENT),              "an exception vector", "0 to 31: ARGUMENT")                  \
	X(FROM,     TL_MEMORY,                 "linear address of memory that Trapline reads", "canonical with its length, no wrap: ADDRESS; page rights: FAULT; RAM: MEMORY") \
	X(INTO,     TL_MEMORY,                 "linear address of memory that Trapline writes", "the same") \
	X(LIST,     TL_MEMORY,                 "linear address of an array of guest-physical page addresses, 8 bytes each", "aligned to 8, canonical with its length: ADDRESS; page rights: FAULT; each page aligned to 4096: ADDRESS; RAM: MEMORY") \
	X(PHYSICAL, TL_ERR(ADDRESS) | TL_ERR(MEMORY), "guest-physical address", "within the CPU's physical addresses with its length: ADDRESS; RAM: MEMORY") \
	X(BYTES,    0,                          "length in bytes of the memory", "nothing by itself")        \
	X(LENGTH,   TL_ERR(ARGUMENT),              "length of a text, in bytes", "1 to 120: ARGUMENT")          \
	X(NAME,     TL_MEMORY | TL_ERR(ARGUMENT), "linear address of a NUL-terminated name", "1 to 31 of a-z A-Z 0-9 . _ -: ARGUMENT; canonical: ADDRESS; page rights: FAULT; RAM: MEMORY")

#define TL_TRAY	     (TL_ERR(DENIED) | TL_ERR(RANGE))

/* The progress of a copy: what the registers hold when it ends, well or not, and while it is interrupted. */
#define COPY_RESULTS "RAX = 0. RBX, RDX: advanced behind the last byte that was copied; RCX: bytes that are left, 0 with RAX = 0; "
#define LIST_RESULTS "RAX = 0. RBX: advanced by 8 for each page that was copied, RDX by its bytes; RCX: bytes that are left, 0 with RAX = 0; "
#define PUT_HELP     "; RDX = 0 starts new contents, which are then the caller's"
#define GET_HELP     "; user mode gets only what its own address space has put"

#define TRAPLINE_SERVICES(X)                                                                                 \
	X(1,  version,       USER,   NONE, NONE, NONE, NONE, NONE, 0,                                        \
	  "what this Trapline is and which services this caller may call",                                               \
	  "RAX = TRAPLINE_ABI_VERSION; RBX = feature mask: bit n is set when this caller may call service n; RCX = bytes of the tray; RDX = bytes of a trace record in 31:0, TRAP_RECORD_VERSION in 63:32") \
	X(2,  status,        KERNEL, NONE, NONE, NONE, NONE, NONE, 0,                                        \
	  "what it has done",                                                                                \
	  "RAX = CPUs that are active; RBX = records so far, all CPUs; RCX = records that fit a CPU's ring; RDX = things the guest asked for that were refused; RSI = TSC when the log's t was 0; RDI = TSC kHz") \
	X(3,  stats,         KERNEL, CPU,  VECTOR, NONE, NONE, NONE, 0,                                      \
	  "recorded exceptions of one CPU and vector",                                                       \
	  "RAX = 0; RBX = taken at CPL 0 to 2; RCX = taken at CPL 3")                                        \
	X(4,  exits,         KERNEL, CPU,  ANY,  NONE, NONE, NONE, TL_ERR(RANGE),                               \
	  "exits of one CPU and kind, RCX = 0, 1, ... until RANGE",                                          \
	  "RAX = 0; RBX = how many; RCX, RDX, RSI = the kind's name in ASCII, padded with zeros")            \
	X(5,  trace_read,    KERNEL, INTO, BYTES, CPU, FLAGS, ANY, 0,                                      \
	  "copies up to 16 records of one CPU, from the one numbered RDI on, into the buffer; whole records only", \
	  "RAX = how many, 0: nothing new yet; RDX = records that were overwritten before they were read; RDI = number of the next record") \
	X(6,  trace_map,     KERNEL, CPU,  NONE, NONE, NONE, NONE, 0,                                        \
	  "lets the guest read one CPU's ring in place, without exits; it cannot write there. record.h says how a ring is read", \
	  "RAX = 0; RBX = guest-physical address of the ring; RCX = its bytes")                              \
	X(7,  filter_get,    KERNEL, NONE, NONE, NONE, NONE, NONE, 0,                                        \
	  "which exceptions are printed and which are recorded",                                             \
	  "RAX = 0; RBX = mask of vectors that are printed; RCX = of those that are recorded")               \
	X(8,  filter_set,    KERNEL, ANY,  NONE, NONE, NONE, NONE, TL_ERR(ARGUMENT),                            \
	  "which exceptions are printed: RBX = mask of vectors, below 2^32",                                 \
	  "RAX = 0")                                                                                         \
	X(9,  mark,          USER,   FROM, LENGTH, FLAGS, NONE, NONE, 0,                                   \
	  "puts a line of the caller's own into the trace and on the console",                               \
	  "RAX = 0; RBX = number of the record; RCX = CPU")                                                  \
	X(10, say,           KERNEL, FROM, LENGTH, FLAGS, NONE, NONE, 0,                                   \
	  "a message to the operator, on the console",                                                       \
	  "RAX = 0")                                                                                         \
	X(11, hear,          KERNEL, INTO, BYTES, FLAGS, NONE, NONE, TL_ERR(EMPTY) | TL_ERR(RANGE),              \
	  "the operator's next message; RANGE: it is longer than the buffer, and still waits",               \
	  "RAX = its length")                                                                                \
	X(12, put_registers, USER,   ANY,  ANY,  ANY,  ANY,  ANY, TL_TRAY,                                   \
	  "RBX, RCX, RDX, RSI into the tray, at offset RDI: 32 bytes, 16 outside of 64-bit mode; RDI = 0 starts new contents, which are then the caller's", \
	  "RAX = 0")                                                                                         \
	X(13, get_registers, USER,   NONE, NONE, NONE, NONE, ANY, TL_TRAY,                                   \
	  "as many bytes of the tray, from offset RDI on, into registers" GET_HELP,                           \
	  "RAX = 0; RBX, RCX, RDX, RSI = the bytes")                                                         \
	X(14, put_physical,  KERNEL, PHYSICAL, BYTES, ANY, NONE, NONE, TL_TRAY,                              \
	  "a guest-physical range into the tray, at offset RDX" PUT_HELP,                                     \
	  COPY_RESULTS "MEMORY: RBX leads to no RAM")                                                        \
	X(15, get_physical,  KERNEL, PHYSICAL, BYTES, ANY, NONE, NONE, TL_TRAY,                              \
	  "the tray, from offset RDX on, into a guest-physical range",                                        \
	  COPY_RESULTS "MEMORY: RBX leads to no RAM")                                                        \
	X(16, put_pages,     KERNEL, LIST, BYTES, ANY, FLAGS, NONE, TL_TRAY,                                 \
	  "a list of guest-physical pages, RCX bytes in all, into the tray, at offset RDX" PUT_HELP,          \
	  LIST_RESULTS "ADDRESS, MEMORY: the entry at RBX is at fault, FAULT: the list itself is, at RBX")   \
	X(17, get_pages,     KERNEL, LIST, BYTES, ANY, FLAGS, NONE, TL_TRAY,                                 \
	  "the tray, from offset RDX on, into a list of guest-physical pages, RCX bytes in all",              \
	  LIST_RESULTS "ADDRESS, MEMORY: the entry at RBX is at fault, FAULT: the list itself is, at RBX")   \
	X(18, put_virtual,   USER,   FROM, BYTES, ANY, FLAGS, NONE, TL_TRAY,                               \
	  "the caller's memory into the tray, at offset RDX" PUT_HELP,                                        \
	  COPY_RESULTS "FAULT, MEMORY: RBX is the address at fault")                                         \
	X(19, get_virtual,   USER,   INTO, BYTES, ANY, FLAGS, NONE, TL_TRAY,                               \
	  "the tray, from offset RDX on, into the caller's memory" GET_HELP,                                  \
	  COPY_RESULTS "FAULT, MEMORY: RBX is the address at fault")                                         \
	X(20, share_open,    KERNEL, NAME, LIST, BYTES, FLAGS, NONE, TL_ERR(ARGUMENT) | TL_ERR(EXISTS) | TL_ERR(FULL) | TL_ERR(RANGE), \
	  "gives a list of guest-physical pages a name, by which Trapline and its operator reach them until share_close; 1 to 16 MiB; the pages must stay where they are", \
	  "RAX = the share's number, 1 to 16")                                                               \
	X(21, share_close,   KERNEL, ANY,  NONE, NONE, NONE, NONE, TL_ERR(MISSING),                             \
	  "takes share RBX back: once this returns, Trapline does not touch its pages again; RBX = 0: all shares", \
	  "RAX = 0")                                                                                         \
	X(22, share_list,    KERNEL, INTO, BYTES, FLAGS, NONE, NONE, 0,                                    \
	  "the shares that are open, as struct trapline_share, as many as fit",                              \
	  "RAX = how many were written")                                                                     \
	X(23, null,          USER,   NONE, NONE, NONE, NONE, NONE, 0,                                        \
	  "nothing: for what a call costs",                                                                  \
	  "RAX = 0")                                                                                         \
	X(24, command,       KERNEL, FROM, LENGTH, FLAGS, NONE, NONE, 0,                                     \
	  "carries out a command of the console, docs/console.md; what was left of the answer before it is gone", \
	  "RAX = the answer's number, for answer")                                                           \
	X(25, answer,        KERNEL, INTO, BYTES, FLAGS, ANY, NONE, TL_ERR(MISSING) | TL_ERR(RANGE),             \
	  "the next bytes of answer RSI, 4096 at most: lines, the last of which is done command= status=ok, or status=error why=. MISSING: another command came; RANGE: no room for a byte", \
	  "RAX = how many, 0: that was all of it")                                                           \
	X(26, freeze,        KERNEL, ANY,  NONE, NONE, NONE, NONE, TL_ERR(ARGUMENT),                            \
	  "the rings stand still for RBX seconds, 3600 at most, and then go on; 0: now. What comes meanwhile is numbered as ever: the newest 256 records of each CPU are in its ring afterwards, older ones are counted", \
	  "RAX = 0")                                                                                         \
	X(27, frozen,        KERNEL, NONE, NONE, NONE, NONE, NONE, 0,                                        \
	  "whether the rings stand still",                                                                   \
	  "RAX = seconds that are left, 0: they do not; RBX = records that no ring has kept because of that, ever, all CPUs") \
	X(28, about,         USER,   INTO, BYTES, FLAGS, NONE, NONE, TL_ERR(RANGE),                             \
	  "which Trapline this is: version=VERSION backend=svm or vmx; RANGE: no room for it, 120 bytes have",                \
	  "RAX = how many bytes")                                                                            \
	X(32, foo,           USER,   ANY, ANY, ANY, NONE, NONE, TL_ERR(ARGUMENT) | TL_ERR(ADDRESS) | TL_ERR(MEMORY),  \
	  "the example of the articles; off unless trapline.conf says example_foo = registers, physical or virtual", \
	  "registers: prints RBX, RCX, RDX; RAX = 10. physical: RBX = guest-physical address, RCX = length; prints the text there and writes \"foo\" over it; RAX = 0, or 1 where that is not RAM. virtual: RBX = linear address, RCX = length up to 64; prints each character and writes \"foo\" with its NUL; RAX = 0; pages come in by #PF")
/* clang-format on */

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors, help, results) TRAPLINE_CALL_##name = (number),
enum trapline_call {
	TRAPLINE_SERVICES(X) TRAPLINE_CALL_lookup = 0
};
#undef X

#define TRAPLINE_CALL_LIMIT 64 /* every number is below */

#endif
