// SPDX-License-Identifier: MIT
/*
 * The interface for guests: how to find Trapline and how to call it. Plain C for kernel and user space.
 * docs/vmcall.md says the same for people.
 */
#ifndef TRAPLINE_ABI_H
#define TRAPLINE_ABI_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdint.h>
#endif

#define TRAPLINE_ABI_VERSION 1

/*
 * CPUID leaf 0x40000000: EAX = highest leaf of this range, EBX ECX EDX = "TraplineVMM\0".
 * CPUID leaf 0x40000001: EAX = TRAPLINE_ABI_VERSION, EBX ECX EDX = 0.
 * Both exist unless trapline.conf says `hypervisor = off`; VMCALL works in any case.
 */
#define TRAPLINE_CPUID_SIGNATURE 0x40000000u
#define TRAPLINE_CPUID_VERSION   0x40000001u
#define TRAPLINE_SIGNATURE_EBX   0x70617254u /* "Trap" */
#define TRAPLINE_SIGNATURE_ECX   0x656e696cu /* "line" */
#define TRAPLINE_SIGNATURE_EDX   0x004d4d56u /* "VMM" */

/*
 * VMCALL or VMMCALL; both work on both vendors.
 *   by name    RAX = 0, RBX = guest-linear address of a NUL-terminated name: RAX = the service's number, 0 if
 *              no service has it
 *   by number  RAX = number, arguments in RBX, RCX, RDX, RSI, RDI: results in the same registers, RAX first
 *
 * RAX is 0 or more on success. On failure it is a negative TRAPLINE_E_..., and nothing was changed except for
 * the progress of a copy. Registers that the service's row does not name keep their values.
 *
 * Outside of 64-bit mode registers are 32 bits wide: the upper halves of the arguments are ignored and those of
 * the results are 0. An address is linear: if its segments do not start at 0 the caller adds their base.
 */
#define TRAPLINE_NAME_MAX 64 /* with its NUL */

/* X(name, number, meaning): RAX = -number, as wide as the caller's registers */
/* clang-format off */
#define TRAPLINE_ERRORS(X)                                                                                   \
	X(TRAPLINE_E_NUMBER,   1,  "no service has this number, or it is off")                               \
	X(TRAPLINE_E_DENIED,   2,  "user mode may not call this, or the data belongs to another address space") \
	X(TRAPLINE_E_ARGUMENT, 3,  "an argument has an undocumented value: an unknown flag, a CPU or a vector that does not exist, a text that is too long") \
	X(TRAPLINE_E_ADDRESS,  4,  "an address is not canonical, not aligned as required, or the range wraps around") \
	X(TRAPLINE_E_FAULT,    5,  "the page is not present or its rights refuse the access; registers show how far the call came, and RDI holds the error code that a #PF would have had") \
	X(TRAPLINE_E_MEMORY,   6,  "the address is not RAM of the guest: a device, Trapline's own memory or nothing; registers show how far the call came") \
	X(TRAPLINE_E_RANGE,    7,  "an offset or length is beyond the end")                                        \
	X(TRAPLINE_E_EXISTS,   8,  "the name is taken")                                                      \
	X(TRAPLINE_E_MISSING,  9,  "nothing has this name or number")                                        \
	X(TRAPLINE_E_FULL,     10, "no room for one more")                                                   \
	X(TRAPLINE_E_EMPTY,    11, "nothing is waiting")
/* clang-format on */

#define X(name, number, meaning) name = -(number),
enum trapline_error {
	TRAPLINE_ERRORS(X) TRAPLINE_E_LAST = -11
};
#undef X

/* One entry of share_list. */
#define TRAPLINE_SHARE_NAME 32 /* with its NUL: 1 to 31 of a-z A-Z 0-9 . _ - */
#define TRAPLINE_SHARES     16
struct trapline_share {
	uint32_t number; /* from 1 */
	uint32_t pages;
	uint64_t bytes;
	char name[TRAPLINE_SHARE_NAME];
};

/*
 * Flag of the calls that read or write the caller's linear memory: a missing page raises #PF at the VMCALL, and
 * the call continues when the page is present.
 */
#define TRAPLINE_PAGE_IN 0x1

/* RSI of service `core`: an earlier run than the last one has made it. */
#define TRAPLINE_CORE_EARLIER 0xffffffff

#define TRAPLINE_TEXT_MAX 120 /* bytes of a mark or a message, without a NUL */

#endif
