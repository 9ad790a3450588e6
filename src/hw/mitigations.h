// SPDX-License-Identifier: MIT
/*
 * The mitigations against a guest that steers the VMM's speculation or reads what the VMM left in the CPU's buffers. CPUID and
 * IA32_ARCH_CAPABILITIES decide, for each CPU. Pure: tested on the host. The entry and exit stubs carry them out (run.asm of
 * src/svm and src/vmx); a CPU that needs none uses stubs without them.
 *
 * Intel: "Speculative Execution Side Channel Mitigations" (336996) and SDM vol. 4, table 2-2; AMD: "Software techniques for
 * managing speculation on AMD processors", "Technical update regarding speculative return stack overflow" and APM vol. 3 E.4.
 */
#ifndef TRAPLINE_HW_MITIGATIONS_H
#define TRAPLINE_HW_MITIGATIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(bit, enumerator, word, meaning); the line at start and trapline.conf use the word */
#define MITIGATIONS(X)                                                                                       \
	X(0, MITIGATE_IBRS, "ibrs",                                                                          \
		"VT-x: IA32_SPEC_CTRL.IBRS is set from the exit to the entry, and the guest's value put "    \
		"back")                                                                                      \
	X(1, MITIGATE_AUTO_IBRS, "auto-ibrs", "AMD-V: EFER.AIBRSE is set in the VMM")                        \
	X(2, MITIGATE_IBPB, "ibpb", "an indirect branch prediction barrier at each exit")                    \
	X(3, MITIGATE_RSB, "rsb", "the return stack is filled at each exit")                                 \
	X(4, MITIGATE_CALL, "call", "one CALL and LFENCE at each exit: the return stack after a barrier")    \
	X(5, MITIGATE_BHI_DIS_S, "bhi-dis-s", "VT-x: IA32_SPEC_CTRL.BHI_DIS_S is set along with IBRS")       \
	X(6, MITIGATE_BHB, "bhb", "the branch history is overwritten at each exit")                          \
	X(7, MITIGATE_VERW, "verw", "VERW in front of each entry overwrites the CPU's buffers")              \
	X(8, MITIGATE_L1D, "l1d", "the level 1 data cache is flushed in front of each entry")

#define X(bit, enumerator, word, meaning) enumerator = 1 << (bit),
enum mitigation {
	MITIGATIONS(X)
};
#undef X

#define MITIGATE_BY_STUB (~(uint32_t)MITIGATE_AUTO_IBRS) /* carried out at each exit or entry */
#define MITIGATIONS_AUTO (1u << 31)                      /* in the configuration: choose what the CPU needs */

/* What one CPU reports; 0 for a leaf or register that it does not have. */
struct mitigation_facts {
	bool amd; /* or Hygon */
	uint32_t leaf7_ebx, leaf7_edx, leaf7_2_edx;
	uint32_t ext8_ebx;             /* Fn8000_0008 */
	uint32_t ext21_eax, ext21_ecx; /* Fn8000_0021 */
	uint64_t arch_capabilities;    /* IA32_ARCH_CAPABILITIES */
};

struct mitigations {
	uint32_t used;    /* MITIGATE_... */
	uint32_t missing; /* MITIGATE_...: needed, but this CPU or its microcode does not offer it */
};

/* The facts of the current CPU. */
struct mitigation_facts mitigation_facts(void);

/*
 * Chooses the mitigations for a CPU.
 *   configured  MITIGATIONS_AUTO; or MITIGATE_... by name, those that the CPU does not offer become missing; 0: none
 */
struct mitigations mitigations_choose(const struct mitigation_facts *f, uint32_t configured);

/*
 * Writes the words of `bits`, separated by commas; "none" for 0. Returns `out`.
 *   size  MITIGATION_NAMES_MAX is enough
 */
#define MITIGATION_NAMES_MAX 80
const char *mitigation_names(char *out, size_t size, uint32_t bits);

#endif
