/*
 * What exits, and what of it can be changed while the guest runs: boot_info.config says which exceptions are
 * wanted, each CPU does it for itself when it comes by; the permission map of ports is one for all.
 */
#ifndef TRAPLINE_INTERCEPT_H
#define TRAPLINE_INTERCEPT_H

#include "cpu/cpu.h"

/* X(kind of exit, what `intercept` switches of it or "", why the rest of it stays) */
/* clang-format off */
#define INTERCEPTIONS(X)                                                                                     \
	X(EXIT_UNKNOWN,          "", "nothing is asked for")                                                 \
	X(EXIT_EXCEPTION,        "VECTORS, int", "some the vendor needs itself while it does something of its own") \
	X(EXIT_INTERRUPT,        "", "keys are noticed by it, and text goes out; trapline.conf: console_input") \
	X(EXIT_NMI,              "", "CPUs fetch each other by NMI")                                         \
	X(EXIT_IRET,             "", "on only while an NMI is being handled")                                \
	X(EXIT_NMI_WINDOW,       "", "on only while an NMI waits")                                           \
	X(EXIT_INTERRUPT_WINDOW, "", "on only while an interrupt waits")                                     \
	X(EXIT_CPUID,            "", "the guest must not see the virtualization extension, and VT-x has no choice") \
	X(EXIT_RDMSR,            "", "only registers of the virtualization extension, and those that hold bits of it") \
	X(EXIT_WRMSR,            "", "the same, and what Trapline follows: memory types, the APIC's base and switch")   \
	X(EXIT_XSETBV,           "", "VT-x has no choice; off on AMD-V")                                  \
	X(EXIT_INVD,             "", "it would throw away what others have written")                        \
	X(EXIT_IO,               "power, console", "a serial card's configuration space: trapline.conf: hide_console") \
	X(EXIT_VMCALL,           "", "it is the interface; who may call what: trapline.conf: user_calls")    \
	X(EXIT_VIRTUALIZATION,   "", "the guest does not have it")                                           \
	X(EXIT_CONTROL_REGISTER, "", "bits that the CPU wants set beneath a guest, or values that it takes and does not enter")                     \
	X(EXIT_X87,              "", "VT-x has no FERR#; off on AMD-V")                                      \
	X(EXIT_TASK_SWITCH,      "", "VT-x has no choice; off on AMD-V")                                  \
	X(EXIT_STAGE2,           "", "it keeps the guest out of Trapline's memory")                         \
	X(EXIT_INIT,             "", "an INIT would take the CPU away from Trapline")                        \
	X(EXIT_SIPI,             "", "it belongs to INIT")                                                   \
	X(EXIT_SHUTDOWN,         "", "the machine would die without a word")                                 \
	X(EXIT_TIMER,            "", "the console's turn where a CPU takes no interrupts")    \
	X(EXIT_HLT,              "", "with interrupts off nothing else would let the console have its turn; off on VT-x") \
	X(EXIT_UNREAD,           "", "INT n in code that cannot be read; with `int` off it does not come")
/* clang-format on */

/*
 *   vectors   a bit each
 *   software  AMD-V: INT n, INT3 and INTO as instructions
 */
void intercept_set(struct cpu *cpu, uint32_t vectors, bool software);

/* Carries out on this CPU what was ordered last. */
void intercept_serve(struct cpu *cpu);

#endif
