// SPDX-License-Identifier: MIT
/*
 * Which recorded exceptions matter to somebody whose kernel is dying. An exception is judged when it is recorded, by its record
 * alone and not by what a particular system does with it. Pure.
 */
#ifndef TRAPLINE_IMPORTANT_H
#define TRAPLINE_IMPORTANT_H

#include <stdbool.h>
#include <trapline/record.h>
#include "hw/x86.h"
#include "trace/explain.h"
#include "trace/vector.h"

#define IMPORTANT_LOW   0x10000u /* operating systems leave the pages below unmapped, to catch null pointers */
#define IMPORTANT_UPPER (1ull << 63)

/* Exceptions of both lists. Kernel: no system takes them on purpose in its own code. User: the system answers with a signal. */
#define IMPORTANT_KERNEL                                                                                     \
	(1u << VEC_DE | 1u << VEC_OF | 1u << VEC_BR | 1u << VEC_UD | 1u << VEC_DF | 1u << VEC_TS |           \
		1u << VEC_NP | 1u << VEC_SS | 1u << VEC_GP | 1u << VEC_MF | 1u << VEC_AC | 1u << VEC_MC |    \
		1u << VEC_XM | 1u << VEC_CP)
#define IMPORTANT_USER (IMPORTANT_KERNEL & ~(1u << VEC_AC))

/*
 * X(name, condition on `r`, which exceptions, why they matter). A record is important if one condition holds. `r` is an
 * exception of the CPU, not INT3 or INT n.
 */
/* clang-format off */
#define IMPORTANT_RULES(X)                                                                                   \
	X(LOW, r->vector == VEC_PF && r->cr2 < IMPORTANT_LOW && !(r->rflags & RFLAGS_VM) &&               \
			!(r->cpl < 3 && r->cr4 & CR4_SMAP && r->rflags & RFLAGS_AC),                 \
		"#PF below 64 KiB, except a kernel's copy from a program (AC set under SMAP)",                \
		"a null pointer, or a field or element behind one: operating systems leave the first pages unmapped")      \
	X(RESERVED, r->vector == VEC_PF && r->error_code & PF_RSVD,                                          \
		"#PF with a reserved bit set",                                                               \
		"a page table is damaged: no software sets these bits on purpose")                                \
	X(FETCH, r->vector == VEC_PF && r->cpl < 3 && r->error_code & PF_I,                                  \
		"supervisor #PF of an instruction fetch (the CPU reports this only with NX or SMEP on)",                                                    \
		"a call or jump to an address without code")                                                        \
	X(UPPER, r->vector == VEC_PF && r->cr2 & IMPORTANT_UPPER,                                            \
		"#PF in the upper half of the address space",                                                \
		"a wild pointer, freed memory or the end of a stack: a kernel's own memory is present, and programs have no memory there") \
	X(USER_MEMORY, r->vector == VEC_PF && r->cpl < 3 && r->error_code & PF_P &&                          \
			r->cr4 & CR4_SMAP && !(r->rflags & RFLAGS_AC),                              \
		"supervisor #PF by SMAP",                                                                    \
		"the kernel used a user pointer by mistake")                                       \
	X(KERNEL, r->cpl < 3 && IMPORTANT_KERNEL >> (r->vector & 31) & 1,                                    \
		"supervisor #DE #OF #BR #UD #DF #TS #NP #SS #GP #MF #AC #MC #XM #CP",                        \
		"a kernel does not raise these on purpose, except when it probes for an MSR")       \
	X(USER, r->cpl == 3 && IMPORTANT_USER >> (r->vector & 31) & 1 && !(r->rflags & RFLAGS_VM),        \
		"user #DE #OF #BR #UD #DF #TS #NP #SS #GP #MF #MC #XM #CP, except in virtual-8086 mode",        \
		"a kernel answers with a signal")                                                            \
	X(DELIVERY, r->flags & (TRAP_SYNTHESIZED | TRAP_DOUBLED | TRAP_TRIPLED),                             \
		"any exception that became a double or triple fault",                                                      \
		"a fault in the delivery of another")
/* clang-format on */

/* Whether one of the rules holds. Called for records that may be important, off the hot path. */
bool trap_is_important(const struct trap_record *r);

/*
 * Whether an important record may be harmless: a page of the kernel's own is not present, and its handler may map it. Many kernels do
 * so until they run a program, others always. A moment later the page table shows it.
 */
bool trap_may_be_mended(const struct trap_record *r);

/*
 * Whether a page fault may be important, in few instructions for the hot path: false is certain.
 *   error, address  of the fault
 */
static inline bool important_pf(uint32_t error, uint64_t address, unsigned cpl)
{
	static const uint32_t bits[] = {
		PF_P | PF_RSVD | PF_I, PF_P | PF_RSVD | PF_I, PF_P | PF_RSVD | PF_I, PF_RSVD};

	/* below IMPORTANT_LOW or in the upper half */
	return ((int64_t)(address - IMPORTANT_LOW) < 0) | ((error & bits[cpl & 3]) != 0);
}

#endif
