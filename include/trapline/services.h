/*
 * Every service, once: from these rows come the dispatch table, the argument checks, the policy, the numbers
 * that guests use and the tables of docs/vmcall.md.
 *
 * X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors, help, results)
 *   number   never changes and is never used again; also the service's bit in the feature mask
 *   who      USER: any privilege level, as long as trapline.conf's user_calls names it, which it does by
 * default; KERNEL: levels 0 to 2, and 3 only where user_calls was made to name it rbx...   the kind of each
 * argument, see TRAPLINE_ARGUMENTS errors   what it may return besides NUMBER, DENIED and what its arguments'
 * kinds bring along
 */
#ifndef TRAPLINE_SERVICES_H
#define TRAPLINE_SERVICES_H

#include <trapline/abi.h>

/* X(kind, what it is, what is checked) */
/* clang-format off */
#define TRAPLINE_ARGUMENTS(X)                                                                                \
	X(NONE,     "not used",                      "nothing")                                              \
	X(ANY,      "a number",                      "nothing")                                              \
	X(FLAGS,    "TRAPLINE_PAGE_IN or 0",         "no other bit: ARGUMENT")                               \
	X(CPU,      "a CPU's number, from 0",        "the CPU is active: ARGUMENT")                          \
	X(VECTOR,   "an exception vector",           "0 to 31: ARGUMENT")                                    \
	X(LINEAR,   "linear address of the caller's buffer", "canonical with its length, no wrap: ADDRESS; page rights: FAULT; RAM: MEMORY") \
	X(LIST,     "linear address of an array of guest-physical page addresses, 8 bytes each", "aligned to 8, canonical with its length: ADDRESS; page rights: FAULT; each page aligned to 4096: ADDRESS; RAM: MEMORY") \
	X(PHYSICAL, "guest-physical address",        "within the CPU's physical addresses with its length: ADDRESS; RAM: MEMORY") \
	X(BYTES,    "length in bytes of the memory", "nothing by itself")                                    \
	X(LENGTH,   "length of a text, in bytes",    "1 to 120: ARGUMENT")                                   \
	X(NAME,     "linear address of a NUL-terminated name", "1 to 31 of a-z A-Z 0-9 . _ -: ARGUMENT; canonical: ADDRESS; page rights: FAULT; RAM: MEMORY")

#define TRAPLINE_SERVICES(X)                                                                                 \
	X(1,  version,       USER,   NONE, NONE, NONE, NONE, NONE, 0,                                        \
	  "what this Trapline is; the cheapest call there is",                                               \
	  "RAX = TRAPLINE_ABI_VERSION; RBX = feature mask: bit n is set when this caller may call service n") \
	X(32, foo,           USER,   ANY, ANY, ANY, NONE, NONE, 0,                                           \
	  "the example of the articles; off unless trapline.conf says example_foo = registers, physical or virtual", \
	  "registers: prints RBX, RCX, RDX, RAX = 10. physical: RBX = guest-physical address, RCX = length: prints the text, writes \"foo\" over it, RAX = 0, or 1 where that is not RAM. virtual: RBX = linear address, RCX = length up to 64: prints each character, writes \"foo\", RAX = 0, pages come in by #PF")
/* clang-format on */

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors, help, results) TRAPLINE_CALL_##name = (number),
enum trapline_call {
	TRAPLINE_SERVICES(X) TRAPLINE_CALL_lookup = 0
};
#undef X

#define TRAPLINE_CALL_LIMIT 64 /* every number is below */

#endif
