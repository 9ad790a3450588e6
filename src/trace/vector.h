// SPDX-License-Identifier: MIT
/*
 * The exception vectors: number, names, whether an error code is pushed, and the class that decides
 * what happens when one is raised during the delivery of another.
 *
 * SDM vol. 3A tables 6-1 (vectors), 6-4 (classes); APM vol. 2 8.2 and 8.2.9. Where they differ, both are
 * here: #VE is Intel's, #HV, #VC and #SX are AMD's. #VC is contributory (15.35.5), #HV benign (15.36.16).
 * 8.2.9 does not classify #SX; no guest of Trapline's can get it, because INIT is not redirected for a guest.
 */
#ifndef TRAPLINE_VECTOR_H
#define TRAPLINE_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VECTOR_COUNT 32

enum vector_class {
	CLASS_BENIGN,
	CLASS_CONTRIBUTORY,
	CLASS_PAGE_FAULT,
	CLASS_DOUBLE_FAULT,
};

/* clang-format off */
/* X(number, enumerator, mnemonic, name, pushes an error code, class) */
#define VECTORS(X)                                                                                           \
	X( 0, VEC_DE,  "#DE",  "divide error",                    false, CLASS_CONTRIBUTORY)                 \
	X( 1, VEC_DB,  "#DB",  "debug",                           false, CLASS_BENIGN)                       \
	X( 2, VEC_NMI, "NMI",  "non-maskable interrupt",          false, CLASS_BENIGN)                       \
	X( 3, VEC_BP,  "#BP",  "breakpoint",                      false, CLASS_BENIGN)                       \
	X( 4, VEC_OF,  "#OF",  "overflow",                        false, CLASS_BENIGN)                       \
	X( 5, VEC_BR,  "#BR",  "bound range exceeded",            false, CLASS_BENIGN)                       \
	X( 6, VEC_UD,  "#UD",  "invalid opcode",                  false, CLASS_BENIGN)                       \
	X( 7, VEC_NM,  "#NM",  "device not available",            false, CLASS_BENIGN)                       \
	X( 8, VEC_DF,  "#DF",  "double fault",                    true,  CLASS_DOUBLE_FAULT)                 \
	X( 9, VEC_CSO, "#9",   "coprocessor segment overrun",     false, CLASS_BENIGN)                       \
	X(10, VEC_TS,  "#TS",  "invalid TSS",                     true,  CLASS_CONTRIBUTORY)                 \
	X(11, VEC_NP,  "#NP",  "segment not present",             true,  CLASS_CONTRIBUTORY)                 \
	X(12, VEC_SS,  "#SS",  "stack-segment fault",             true,  CLASS_CONTRIBUTORY)                 \
	X(13, VEC_GP,  "#GP",  "general protection",              true,  CLASS_CONTRIBUTORY)                 \
	X(14, VEC_PF,  "#PF",  "page fault",                      true,  CLASS_PAGE_FAULT)                   \
	X(15, VEC_15,  "#15",  "reserved",                        false, CLASS_BENIGN)                       \
	X(16, VEC_MF,  "#MF",  "x87 floating-point error",        false, CLASS_BENIGN)                       \
	X(17, VEC_AC,  "#AC",  "alignment check",                 true,  CLASS_BENIGN)                       \
	X(18, VEC_MC,  "#MC",  "machine check",                   false, CLASS_BENIGN)                       \
	X(19, VEC_XM,  "#XM",  "SIMD floating-point",             false, CLASS_BENIGN)                       \
	X(20, VEC_VE,  "#VE",  "virtualization exception",        false, CLASS_PAGE_FAULT)                   \
	X(21, VEC_CP,  "#CP",  "control protection",              true,  CLASS_CONTRIBUTORY)                 \
	X(22, VEC_22,  "#22",  "reserved",                        false, CLASS_BENIGN)                       \
	X(23, VEC_23,  "#23",  "reserved",                        false, CLASS_BENIGN)                       \
	X(24, VEC_24,  "#24",  "reserved",                        false, CLASS_BENIGN)                       \
	X(25, VEC_25,  "#25",  "reserved",                        false, CLASS_BENIGN)                       \
	X(26, VEC_26,  "#26",  "reserved",                        false, CLASS_BENIGN)                       \
	X(27, VEC_27,  "#27",  "reserved",                        false, CLASS_BENIGN)                       \
	X(28, VEC_HV,  "#HV",  "hypervisor injection",            false, CLASS_BENIGN)                       \
	X(29, VEC_VC,  "#VC",  "VMM communication",               true,  CLASS_CONTRIBUTORY)                 \
	X(30, VEC_SX,  "#SX",  "security exception",              true,  CLASS_BENIGN)                       \
	X(31, VEC_31,  "#31",  "reserved",                        false, CLASS_BENIGN)
/* clang-format on */

#define X(number, enumerator, mnemonic, name, has_error, class) enumerator = number,
enum vector {
	VECTORS(X)
};
#undef X

/* The vectors that push an error code, as a bit mask: for the exit path. */
#define X(number, enumerator, mnemonic, name, has_error, class) | (uint32_t)(has_error) << (number)
static const uint32_t vectors_with_error = 0 VECTORS(X);
#undef X

/* One row of the list. */
struct vector_info {
	const char *mnemonic;
	const char *name;
	bool has_error;
	enum vector_class class;
};

extern const struct vector_info vector_table[VECTOR_COUNT];

/*
 * The manuals' short name.
 *   vector  0 to 31
 * Returns "#PF" and the like; NULL for 32 and up, which are interrupts without a name.
 */
const char *vector_name(unsigned vector);

/*
 * Whether an exception of this vector pushes an error code in protected and long mode (SDM vol. 3A table
 * 6-1). False for 32 and up.
 */
bool vector_has_error(unsigned vector);

#endif
