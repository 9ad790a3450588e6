// SPDX-License-Identifier: MIT
/*
 * Every service. The dispatch table, the argument checks, the policy, the numbers that guests use and the tables
 * of docs/vmcall.md are generated from these rows. The texts for docs/vmcall.md are in docs/services.def.
 *
 * X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)
 *
 *  - number: never changes and is never used again; also the service's bit in the feature mask
 *  - who: USER, every privilege level, if trapline.conf's user_calls names the service, which it does by
 *    default; KERNEL, levels 0 to 2, and level 3 only if user_calls names it
 *  - rbx to rdi: the kind of each argument, see TRAPLINE_ARGUMENTS
 *  - errors: in addition to NUMBER, DENIED and the errors of its arguments' kinds
 */
#ifndef TRAPLINE_SERVICES_H
#define TRAPLINE_SERVICES_H

#include <trapline/abi.h>

/* A set of errors, as bits. */
#define TL_ERR(name) (1u << -(TRAPLINE_E_##name))
#define TL_MEMORY    (TL_ERR(ADDRESS) | TL_ERR(FAULT) | TL_ERR(MEMORY))

/* X(kind, errors); docs/vmcall.md describes the kinds */
/* clang-format off */
#define TRAPLINE_ARGUMENTS(X)                                                                               \
	X(NONE,     0)                                                                                      \
	X(ANY,      0)                                                                                      \
	X(FLAGS,    TL_ERR(ARGUMENT))                                                                       \
	X(CPU,      TL_ERR(ARGUMENT))                                                                       \
	X(VECTOR,   TL_ERR(ARGUMENT))                                                                       \
	X(FROM,     TL_MEMORY)                                                                              \
	X(INTO,     TL_MEMORY)                                                                              \
	X(LIST,     TL_MEMORY)                                                                              \
	X(PHYSICAL, TL_ERR(ADDRESS) | TL_ERR(MEMORY))                                                       \
	X(BYTES,    0)                                                                                      \
	X(LENGTH,   TL_ERR(ARGUMENT))                                                                       \
	X(OPTIONAL, TL_ERR(ARGUMENT))                                                                       \
	X(NAME,     TL_MEMORY | TL_ERR(ARGUMENT))

#define TL_COPY_BUFFER	     (TL_ERR(DENIED) | TL_ERR(RANGE))

#define TRAPLINE_SERVICES(X)                                                                                \
	X(1,  version,       USER,   NONE,     NONE,     NONE,     NONE,     NONE,     0)                   \
	X(2,  status,        KERNEL, NONE,     NONE,     NONE,     NONE,     NONE,     0)                   \
	X(3,  stats,         KERNEL, CPU,      VECTOR,   NONE,     NONE,     NONE,     0)                   \
	X(4,  exits,         KERNEL, CPU,      ANY,      NONE,     NONE,     NONE,     TL_ERR(RANGE))       \
	X(5,  trace_read,    KERNEL, INTO,     BYTES,    CPU,      FLAGS,    ANY,      0)                   \
	X(6,  trace_map,     KERNEL, CPU,      NONE,     NONE,     NONE,     NONE,     0)                   \
	X(7,  filter_get,    KERNEL, NONE,     NONE,     NONE,     NONE,     NONE,     0)                   \
	X(8,  filter_set,    KERNEL, ANY,      NONE,     NONE,     NONE,     NONE,     TL_ERR(ARGUMENT))    \
	X(9,  mark,          USER,   FROM,     LENGTH,   FLAGS,    NONE,     NONE,     0)                   \
	X(10, say,           KERNEL, FROM,     LENGTH,   FLAGS,    NONE,     NONE,     0)                   \
	X(11, hear,          KERNEL, INTO,     BYTES,    FLAGS,    NONE,     NONE,     TL_ERR(EMPTY) | TL_ERR(RANGE)) \
	X(12, put_registers, USER,   ANY,      ANY,      ANY,      ANY,      ANY,      TL_COPY_BUFFER)             \
	X(13, get_registers, USER,   NONE,     NONE,     NONE,     NONE,     ANY,      TL_COPY_BUFFER)             \
	X(14, put_physical,  KERNEL, PHYSICAL, BYTES,    ANY,      NONE,     NONE,     TL_COPY_BUFFER)             \
	X(15, get_physical,  KERNEL, PHYSICAL, BYTES,    ANY,      NONE,     NONE,     TL_COPY_BUFFER)             \
	X(16, put_pages,     KERNEL, LIST,     BYTES,    ANY,      FLAGS,    NONE,     TL_COPY_BUFFER)             \
	X(17, get_pages,     KERNEL, LIST,     BYTES,    ANY,      FLAGS,    NONE,     TL_COPY_BUFFER)             \
	X(18, put_virtual,   USER,   FROM,     BYTES,    ANY,      FLAGS,    NONE,     TL_COPY_BUFFER)             \
	X(19, get_virtual,   USER,   INTO,     BYTES,    ANY,      FLAGS,    NONE,     TL_COPY_BUFFER)             \
	X(20, share_open,    KERNEL, NAME,     LIST,     BYTES,    FLAGS,    NONE,     TL_ERR(ARGUMENT) | TL_ERR(EXISTS) | TL_ERR(FULL) | TL_ERR(RANGE)) \
	X(21, share_close,   KERNEL, ANY,      NONE,     NONE,     NONE,     NONE,     TL_ERR(MISSING))     \
	X(22, share_list,    KERNEL, INTO,     BYTES,    FLAGS,    NONE,     NONE,     0)                   \
	X(23, null,          USER,   NONE,     NONE,     NONE,     NONE,     NONE,     0)                   \
	X(24, command,       KERNEL, FROM,     LENGTH,   FLAGS,    NONE,     NONE,     0)                   \
	X(25, answer,        KERNEL, INTO,     BYTES,    FLAGS,    ANY,      NONE,     TL_ERR(MISSING) | TL_ERR(RANGE)) \
	X(26, freeze,        KERNEL, ANY,      NONE,     NONE,     NONE,     NONE,     TL_ERR(ARGUMENT))    \
	X(27, frozen,        KERNEL, NONE,     NONE,     NONE,     NONE,     NONE,     0)                   \
	X(28, about,         USER,   INTO,     BYTES,    FLAGS,    NONE,     NONE,     TL_ERR(RANGE))       \
	X(29, dying,         KERNEL, FROM,     OPTIONAL, FLAGS,    NONE,     NONE,     0)                   \
	X(30, core,          KERNEL, INTO,     BYTES,    FLAGS,    ANY,      NONE,     TL_ERR(MISSING) | TL_ERR(RANGE)) \
	X(32, foo,           USER,   ANY,      ANY,      ANY,      NONE,     NONE,     TL_ERR(ARGUMENT) | TL_ERR(ADDRESS) | TL_ERR(MEMORY)) \
	X(33, process,       KERNEL, ANY,      ANY,      ANY,      ANY,      NONE,     TL_ERR(ARGUMENT))    \
	X(34, image,         KERNEL, FROM,     LENGTH,   FLAGS,    ANY,      ANY,      TL_ERR(ARGUMENT) | TL_ERR(FULL)) \
	X(35, process_of,    KERNEL, ANY,      ANY,      NONE,     NONE,     NONE,     TL_ERR(MISSING)) \
	X(38, capture,       KERNEL, NONE,     NONE,     NONE,     NONE,     NONE,     TL_ERR(MISSING))

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors) TRAPLINE_CALL_##name = (number),
enum trapline_call {
	TRAPLINE_SERVICES(X) TRAPLINE_CALL_lookup = 0
};
#undef X

#define TRAPLINE_CALL_LIMIT 64 /* every number is below */

#endif
