// SPDX-License-Identifier: MIT
/* The features of this CPU, read once: CPUID may be slow if Trapline itself runs in a guest. */
#ifndef TRAPLINE_FEATURES_H
#define TRAPLINE_FEATURES_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/asm.h"

/* One bit each: SDM vol. 2A "CPUID", APM vol. 3 appendix E. X(member, leaf, register, bit, meaning) */
/* clang-format off */
#define FEATURE_BITS(X)                                                                                      \
	X(vmx,             0x00000001, ecx, 5,  "VT-x")                                                      \
	X(x2apic,          0x00000001, ecx, 21, "x2APIC")                                                    \
	X(xsave,           0x00000001, ecx, 26, "XSAVE and XSETBV")                                          \
	X(hypervisor,      0x00000001, ecx, 31, "a hypervisor beneath this one")                             \
	X(mce,             0x00000001, edx, 7,  "machine checks (CR4.MCE)")                                  \
	X(mtrr,            0x00000001, edx, 12, "MTRRs")                                                     \
	X(debug_store,     0x00000001, edx, 21, "Intel's debug store")                                       \
	X(processor_trace, 0x00000007, ebx, 25, "Intel's processor trace")                                   \
	X(feedback,        0x00000006, eax, 19, "Intel's hardware feedback")                                 \
	X(physical_pebs,   0x00000023, eax, 4,  "PEBS that writes to physical addresses")                    \
	X(mca,             0x00000001, edx, 14, "machine checks report their abilities (IA32_MCG_CAP)")      \
	X(sgx,             0x00000007, ebx, 2,  "SGX")                                                       \
	X(sgx_launch,      0x00000007, ecx, 30, "SGX's launch control")                                      \
	X(shadow_stacks,   0x00000007, ecx, 7,  "shadow stacks")                                             \
	X(branch_tracking, 0x00000007, edx, 20, "indirect-branch tracking")                                  \
	X(la57,            0x00000007, ecx, 16, "5-level paging")                                            \
	X(svm,             0x80000001, ecx, 2,  "AMD-V")                                                     \
	X(tce,             0x80000001, ecx, 17, "EFER.TCE")                                                  \
	X(syscall,         0x80000001, edx, 11, "EFER.SCE")                                                  \
	X(nx,              0x80000001, edx, 20, "EFER.NXE: pages can forbid execution")                      \
	X(ffxsr,           0x80000001, edx, 25, "EFER.FFXSR")                                                \
	X(huge_pages,      0x80000001, edx, 26, "pages of 1 GiB")                                            \
	X(long_mode,       0x80000001, edx, 29, "EFER.LME")                                                  \
	X(mcommit,         0x80000008, ebx, 8,  "EFER.MCOMMIT")                                              \
	X(intwb,           0x80000008, ebx, 13, "EFER.INTWB")                                                \
	X(encryption,      0x8000001f, eax, 0,  "AMD's memory encryption")                                   \
	X(uaie,            0x80000021, eax, 7,  "EFER.UAIE")                                                 \
	X(aibrse,          0x80000021, eax, 8,  "EFER.AIBRSE")
/* clang-format on */

#define X(member, leaf, reg, bit, meaning) bool member;
struct features {
	uint32_t last_basic, last_extended; /* leaves */
	uint8_t physical_bits; /* width of an address in page tables and registers, 52 at most; higher bits are reserved */
	uint8_t memory_bits; /* width of an address that reaches memory: fewer bits if encryption takes the highest */
	uint8_t linear_bits; /* maximum width */
	bool lam;            /* linear-address masking: CPUID leaf 7, subleaf 1, EAX bit 26 */
	FEATURE_BITS(X)
};
#undef X

extern struct features features;

/* Reads an MSR that may not exist: probe_or(). */
typedef uint64_t features_probe(uint32_t msr, uint64_t otherwise);

/* Fills `features` on the boot CPU. Boot time only. */
void features_init(features_probe *probe);

/*
 * Compares another CPU's features, which must be the same, because all CPUs share one set of tables, controls and rules. Called at boot, by
 * one CPU at a time. Returns NULL, or the first difference in words.
 */
const char *features_compare(features_probe *probe);

typedef struct cpuid features_reader(uint32_t leaf, uint32_t subleaf);

/*
 * The same from given leaves. Pure.
 *   read    returns a leaf; never called for a leaf beyond the last one, whose contents would be undefined
 *   syscfg  AMD's SYSCFG; read only with `encryption`
 */
void features_from(struct features *f, features_reader *read, uint64_t syscfg);

/* The comparison of the two. Pure but for the line that it returns. */
const char *features_differ(const struct features *boot, const struct features *other);

#endif
