// SPDX-License-Identifier: MIT
/*
 * The model-specific registers: number, enumerator, and the manuals' name, which a
 * trap's `uses=` shows. A number that both vendors have has Intel's name.
 *
 * SDM vol. 4 chapter 2; APM vol. 2 appendix A and the processor programming references.
 */
#ifndef TRAPLINE_MSR_H
#define TRAPLINE_MSR_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
/* X(number, enumerator, name) */
#define MSR_LIST(X)                                                                                         \
	/* SDM vol. 4 table 2-2: architectural, and what AMD took over */                                   \
	X(0x00000000, MSR_P5_MC_ADDR,                      "IA32_P5_MC_ADDR")                               \
	X(0x00000001, MSR_P5_MC_TYPE,                      "IA32_P5_MC_TYPE")                               \
	X(0x00000006, MSR_MONITOR_FILTER_SIZE,             "IA32_MONITOR_FILTER_SIZE")                      \
	X(0x00000010, MSR_TIME_STAMP_COUNTER,              "IA32_TIME_STAMP_COUNTER")                       \
	X(0x00000017, MSR_PLATFORM_ID,                     "IA32_PLATFORM_ID")                              \
	X(0x0000001b, MSR_APIC_BASE,                       "IA32_APIC_BASE")                                \
	X(0x0000002f, MSR_BARRIER,                         "IA32_BARRIER")                                  \
	X(0x00000034, MSR_SMI_COUNT,                       "MSR_SMI_COUNT")                                 \
	X(0x0000003a, MSR_FEATURE_CONTROL,                 "IA32_FEATURE_CONTROL")                          \
	X(0x0000003b, MSR_TSC_ADJUST,                      "IA32_TSC_ADJUST")                               \
	X(0x00000048, MSR_SPEC_CTRL,                       "IA32_SPEC_CTRL")                                \
	X(0x00000049, MSR_PRED_CMD,                        "IA32_PRED_CMD")                                 \
	X(0x0000004e, MSR_PPIN_CTL,                        "IA32_PPIN_CTL")                                 \
	X(0x0000004f, MSR_PPIN,                            "IA32_PPIN")                                     \
	X(0x00000079, MSR_BIOS_UPDT_TRIG,                  "IA32_BIOS_UPDT_TRIG")                           \
	X(0x0000008b, MSR_BIOS_SIGN_ID,                    "IA32_BIOS_SIGN_ID")                             \
	X(0x0000009b, MSR_SMM_MONITOR_CTL,                 "IA32_SMM_MONITOR_CTL")                          \
	X(0x0000009e, MSR_SMBASE,                          "IA32_SMBASE")                                   \
	X(0x000000bc, MSR_MISC_PACKAGE_CTLS,               "IA32_MISC_PACKAGE_CTLS")                        \
	X(0x000000bd, MSR_XAPIC_DISABLE_STATUS,            "IA32_XAPIC_DISABLE_STATUS")                     \
	X(0x0000008c, MSR_SGXLEPUBKEYHASH0,                "IA32_SGXLEPUBKEYHASH0")                         \
	X(0x0000008d, MSR_SGXLEPUBKEYHASH1,                "IA32_SGXLEPUBKEYHASH1")                         \
	X(0x0000008e, MSR_SGXLEPUBKEYHASH2,                "IA32_SGXLEPUBKEYHASH2")                         \
	X(0x0000008f, MSR_SGXLEPUBKEYHASH3,                "IA32_SGXLEPUBKEYHASH3")                         \
	X(0x000000c1, MSR_PMC0,                            "IA32_PMC0")                                     \
	X(0x000000c2, MSR_PMC1,                            "IA32_PMC1")                                     \
	X(0x000000c3, MSR_PMC2,                            "IA32_PMC2")                                     \
	X(0x000000c4, MSR_PMC3,                            "IA32_PMC3")                                     \
	X(0x000000c5, MSR_PMC4,                            "IA32_PMC4")                                     \
	X(0x000000c6, MSR_PMC5,                            "IA32_PMC5")                                     \
	X(0x000000c7, MSR_PMC6,                            "IA32_PMC6")                                     \
	X(0x000000c8, MSR_PMC7,                            "IA32_PMC7")                                     \
	X(0x000000cd, MSR_FSB_FREQ,                        "MSR_FSB_FREQ")                                  \
	X(0x000000ce, MSR_PLATFORM_INFO,                   "MSR_PLATFORM_INFO")                             \
	X(0x000000cf, MSR_CORE_CAPABILITIES,               "IA32_CORE_CAPABILITIES")                        \
	X(0x000000e1, MSR_UMWAIT_CONTROL,                  "IA32_UMWAIT_CONTROL")                           \
	X(0x000000e2, MSR_PKG_CST_CONFIG_CONTROL,          "MSR_PKG_CST_CONFIG_CONTROL")                    \
	X(0x000000e4, MSR_PMG_IO_CAPTURE_BASE,             "MSR_PMG_IO_CAPTURE_BASE")                       \
	X(0x000000e7, MSR_MPERF,                           "IA32_MPERF")                                    \
	X(0x000000e8, MSR_APERF,                           "IA32_APERF")                                    \
	X(0x000000fe, MSR_MTRRCAP,                         "IA32_MTRRCAP")                                  \
	X(0x0000010a, MSR_ARCH_CAPABILITIES,               "IA32_ARCH_CAPABILITIES")                        \
	X(0x0000010b, MSR_FLUSH_CMD,                       "IA32_FLUSH_CMD")                                \
	X(0x0000010f, MSR_TSX_FORCE_ABORT,                 "MSR_TSX_FORCE_ABORT")                           \
	X(0x00000122, MSR_TSX_CTRL,                        "IA32_TSX_CTRL")                                 \
	X(0x00000123, MSR_MCU_OPT_CTRL,                    "IA32_MCU_OPT_CTRL")                             \
	X(0x0000013c, MSR_FEATURE_CONFIG,                  "MSR_FEATURE_CONFIG")                            \
	X(0x00000140, MSR_MISC_FEATURES_ENABLES,           "MSR_MISC_FEATURES_ENABLES")                     \
	X(0x00000174, MSR_SYSENTER_CS,                     "IA32_SYSENTER_CS")                              \
	X(0x00000175, MSR_SYSENTER_ESP,                    "IA32_SYSENTER_ESP")                             \
	X(0x00000176, MSR_SYSENTER_EIP,                    "IA32_SYSENTER_EIP")                             \
	X(0x00000179, MSR_MCG_CAP,                         "IA32_MCG_CAP")                                  \
	X(0x0000017a, MSR_MCG_STATUS,                      "IA32_MCG_STATUS")                               \
	X(0x0000017b, MSR_MCG_CTL,                         "IA32_MCG_CTL")                                  \
	X(0x00000186, MSR_PERFEVTSEL0,                     "IA32_PERFEVTSEL0")                              \
	X(0x00000187, MSR_PERFEVTSEL1,                     "IA32_PERFEVTSEL1")                              \
	X(0x00000188, MSR_PERFEVTSEL2,                     "IA32_PERFEVTSEL2")                              \
	X(0x00000189, MSR_PERFEVTSEL3,                     "IA32_PERFEVTSEL3")                              \
	X(0x0000018a, MSR_PERFEVTSEL4,                     "IA32_PERFEVTSEL4")                              \
	X(0x0000018b, MSR_PERFEVTSEL5,                     "IA32_PERFEVTSEL5")                              \
	X(0x0000018c, MSR_PERFEVTSEL6,                     "IA32_PERFEVTSEL6")                              \
	X(0x0000018d, MSR_PERFEVTSEL7,                     "IA32_PERFEVTSEL7")                              \
	X(0x00000198, MSR_PERF_STATUS,                     "IA32_PERF_STATUS")                              \
	X(0x00000199, MSR_PERF_CTL,                        "IA32_PERF_CTL")                                 \
	X(0x0000019a, MSR_CLOCK_MODULATION,                "IA32_CLOCK_MODULATION")                         \
	X(0x0000019b, MSR_THERM_INTERRUPT,                 "IA32_THERM_INTERRUPT")                          \
	X(0x0000019c, MSR_THERM_STATUS,                    "IA32_THERM_STATUS")                             \
	X(0x0000019d, MSR_THERM2_CTL,                      "MSR_THERM2_CTL")                                \
	X(0x000001a0, MSR_MISC_ENABLE,                     "IA32_MISC_ENABLE")                              \
	X(0x000001a2, MSR_TEMPERATURE_TARGET,              "MSR_TEMPERATURE_TARGET")                        \
	X(0x000001a4, MSR_MISC_FEATURE_CONTROL,            "MSR_MISC_FEATURE_CONTROL")                      \
	X(0x000001a6, MSR_OFFCORE_RSP_0,                   "MSR_OFFCORE_RSP_0")                             \
	X(0x000001a7, MSR_OFFCORE_RSP_1,                   "MSR_OFFCORE_RSP_1")                             \
	X(0x000001aa, MSR_MISC_PWR_MGMT,                   "MSR_MISC_PWR_MGMT")                             \
	X(0x000001ad, MSR_TURBO_RATIO_LIMIT,               "MSR_TURBO_RATIO_LIMIT")                         \
	X(0x000001b0, MSR_ENERGY_PERF_BIAS,                "IA32_ENERGY_PERF_BIAS")                         \
	X(0x000001b1, MSR_PACKAGE_THERM_STATUS,            "IA32_PACKAGE_THERM_STATUS")                     \
	X(0x000001b2, MSR_PACKAGE_THERM_INTERRUPT,         "IA32_PACKAGE_THERM_INTERRUPT")                  \
	X(0x000001c4, MSR_XFD,                             "IA32_XFD")                                      \
	X(0x000001c5, MSR_XFD_ERR,                         "IA32_XFD_ERR")                                  \
	X(0x000001c8, MSR_LBR_SELECT,                      "MSR_LBR_SELECT")                                \
	X(0x000001c9, MSR_LASTBRANCH_TOS,                  "MSR_LASTBRANCH_TOS")                            \
	X(0x000001d9, MSR_DEBUGCTL,                        "IA32_DEBUGCTL")                                 \
	X(0x000001db, MSR_LASTBRANCH_FROM,                 "LASTBRANCH_FROM_IP")                            \
	X(0x000001dc, MSR_LASTBRANCH_TO,                   "LASTBRANCH_TO_IP")                              \
	X(0x000001dd, MSR_LASTINT_FROM,                    "LASTINT_FROM_IP")                               \
	X(0x000001de, MSR_LASTINT_TO,                      "LASTINT_TO_IP")                                 \
	X(0x000001f2, MSR_SMRR_PHYSBASE,                   "IA32_SMRR_PHYSBASE")                            \
	X(0x000001f3, MSR_SMRR_PHYSMASK,                   "IA32_SMRR_PHYSMASK")                            \
	X(0x000001f8, MSR_PLATFORM_DCA_CAP,                "IA32_PLATFORM_DCA_CAP")                         \
	X(0x000001f9, MSR_CPU_DCA_CAP,                     "IA32_CPU_DCA_CAP")                              \
	X(0x000001fa, MSR_DCA_0_CAP,                       "IA32_DCA_0_CAP")                                \
	X(0x000001fc, MSR_POWER_CTL,                       "MSR_POWER_CTL")                                 \
	/* MTRRs and PAT: SDM vol. 3A 12.11, APM vol. 2 7.7 */                                              \
	X(0x00000200, MSR_MTRR_PHYSBASE0,                  "IA32_MTRR_PHYSBASE0")                           \
	X(0x00000201, MSR_MTRR_PHYSMASK0,                  "IA32_MTRR_PHYSMASK0")                           \
	X(0x00000202, MSR_MTRR_PHYSBASE1,                  "IA32_MTRR_PHYSBASE1")                           \
	X(0x00000203, MSR_MTRR_PHYSMASK1,                  "IA32_MTRR_PHYSMASK1")                           \
	X(0x00000204, MSR_MTRR_PHYSBASE2,                  "IA32_MTRR_PHYSBASE2")                           \
	X(0x00000205, MSR_MTRR_PHYSMASK2,                  "IA32_MTRR_PHYSMASK2")                           \
	X(0x00000206, MSR_MTRR_PHYSBASE3,                  "IA32_MTRR_PHYSBASE3")                           \
	X(0x00000207, MSR_MTRR_PHYSMASK3,                  "IA32_MTRR_PHYSMASK3")                           \
	X(0x00000208, MSR_MTRR_PHYSBASE4,                  "IA32_MTRR_PHYSBASE4")                           \
	X(0x00000209, MSR_MTRR_PHYSMASK4,                  "IA32_MTRR_PHYSMASK4")                           \
	X(0x0000020a, MSR_MTRR_PHYSBASE5,                  "IA32_MTRR_PHYSBASE5")                           \
	X(0x0000020b, MSR_MTRR_PHYSMASK5,                  "IA32_MTRR_PHYSMASK5")                           \
	X(0x0000020c, MSR_MTRR_PHYSBASE6,                  "IA32_MTRR_PHYSBASE6")                           \
	X(0x0000020d, MSR_MTRR_PHYSMASK6,                  "IA32_MTRR_PHYSMASK6")                           \
	X(0x0000020e, MSR_MTRR_PHYSBASE7,                  "IA32_MTRR_PHYSBASE7")                           \
	X(0x0000020f, MSR_MTRR_PHYSMASK7,                  "IA32_MTRR_PHYSMASK7")                           \
	X(0x00000210, MSR_MTRR_PHYSBASE8,                  "IA32_MTRR_PHYSBASE8")                           \
	X(0x00000211, MSR_MTRR_PHYSMASK8,                  "IA32_MTRR_PHYSMASK8")                           \
	X(0x00000212, MSR_MTRR_PHYSBASE9,                  "IA32_MTRR_PHYSBASE9")                           \
	X(0x00000213, MSR_MTRR_PHYSMASK9,                  "IA32_MTRR_PHYSMASK9")                           \
	X(0x00000250, MSR_MTRR_FIX64K_00000,               "IA32_MTRR_FIX64K_00000")                        \
	X(0x00000258, MSR_MTRR_FIX16K_80000,               "IA32_MTRR_FIX16K_80000")                        \
	X(0x00000259, MSR_MTRR_FIX16K_A0000,               "IA32_MTRR_FIX16K_A0000")                        \
	X(0x00000268, MSR_MTRR_FIX4K_C0000,                "IA32_MTRR_FIX4K_C0000")                         \
	X(0x00000269, MSR_MTRR_FIX4K_C8000,                "IA32_MTRR_FIX4K_C8000")                         \
	X(0x0000026a, MSR_MTRR_FIX4K_D0000,                "IA32_MTRR_FIX4K_D0000")                         \
	X(0x0000026b, MSR_MTRR_FIX4K_D8000,                "IA32_MTRR_FIX4K_D8000")                         \
	X(0x0000026c, MSR_MTRR_FIX4K_E0000,                "IA32_MTRR_FIX4K_E0000")                         \
	X(0x0000026d, MSR_MTRR_FIX4K_E8000,                "IA32_MTRR_FIX4K_E8000")                         \
	X(0x0000026e, MSR_MTRR_FIX4K_F0000,                "IA32_MTRR_FIX4K_F0000")                         \
	X(0x0000026f, MSR_MTRR_FIX4K_F8000,                "IA32_MTRR_FIX4K_F8000")                         \
	X(0x00000277, MSR_PAT,                             "IA32_PAT")                                      \
	X(0x000002ff, MSR_MTRR_DEF_TYPE,                   "IA32_MTRR_DEF_TYPE")                            \
	/* Performance counters, tracing */                                                                 \
	X(0x00000309, MSR_FIXED_CTR0,                      "IA32_FIXED_CTR0")                               \
	X(0x0000030a, MSR_FIXED_CTR1,                      "IA32_FIXED_CTR1")                               \
	X(0x0000030b, MSR_FIXED_CTR2,                      "IA32_FIXED_CTR2")                               \
	X(0x0000030c, MSR_FIXED_CTR3,                      "IA32_FIXED_CTR3")                               \
	X(0x00000329, MSR_PERF_METRICS,                    "MSR_PERF_METRICS")                              \
	X(0x00000345, MSR_PERF_CAPABILITIES,               "IA32_PERF_CAPABILITIES")                        \
	X(0x0000038d, MSR_FIXED_CTR_CTRL,                  "IA32_FIXED_CTR_CTRL")                           \
	X(0x0000038e, MSR_PERF_GLOBAL_STATUS,              "IA32_PERF_GLOBAL_STATUS")                       \
	X(0x0000038f, MSR_PERF_GLOBAL_CTRL,                "IA32_PERF_GLOBAL_CTRL")                         \
	X(0x00000390, MSR_PERF_GLOBAL_STATUS_RESET,        "IA32_PERF_GLOBAL_STATUS_RESET")                 \
	X(0x00000391, MSR_PERF_GLOBAL_STATUS_SET,          "IA32_PERF_GLOBAL_STATUS_SET")                   \
	X(0x00000392, MSR_PERF_GLOBAL_INUSE,               "IA32_PERF_GLOBAL_INUSE")                        \
	X(0x000003f1, MSR_PEBS_ENABLE,                     "IA32_PEBS_ENABLE")                              \
	X(0x000003f2, MSR_PEBS_DATA_CFG,                   "MSR_PEBS_DATA_CFG")                             \
	X(0x000003f4, MSR_PEBS_BASE,                       "IA32_PEBS_BASE")                                \
	X(0x000003f5, MSR_PEBS_INDEX,                      "IA32_PEBS_INDEX")                               \
	X(0x000003f6, MSR_PEBS_LD_LAT,                     "MSR_PEBS_LD_LAT")                               \
	X(0x000003f7, MSR_PEBS_FRONTEND,                   "MSR_PEBS_FRONTEND")                             \
	/* VMX capabilities: SDM vol. 3D appendix A */                                                      \
	X(0x00000480, MSR_VMX_BASIC,                       "IA32_VMX_BASIC")                                \
	X(0x00000481, MSR_VMX_PINBASED_CTLS,               "IA32_VMX_PINBASED_CTLS")                        \
	X(0x00000482, MSR_VMX_PROCBASED_CTLS,              "IA32_VMX_PROCBASED_CTLS")                       \
	X(0x00000483, MSR_VMX_EXIT_CTLS,                   "IA32_VMX_EXIT_CTLS")                            \
	X(0x00000484, MSR_VMX_ENTRY_CTLS,                  "IA32_VMX_ENTRY_CTLS")                           \
	X(0x00000485, MSR_VMX_MISC,                        "IA32_VMX_MISC")                                 \
	X(0x00000486, MSR_VMX_CR0_FIXED0,                  "IA32_VMX_CR0_FIXED0")                           \
	X(0x00000487, MSR_VMX_CR0_FIXED1,                  "IA32_VMX_CR0_FIXED1")                           \
	X(0x00000488, MSR_VMX_CR4_FIXED0,                  "IA32_VMX_CR4_FIXED0")                           \
	X(0x00000489, MSR_VMX_CR4_FIXED1,                  "IA32_VMX_CR4_FIXED1")                           \
	X(0x0000048a, MSR_VMX_VMCS_ENUM,                   "IA32_VMX_VMCS_ENUM")                            \
	X(0x0000048b, MSR_VMX_PROCBASED_CTLS2,             "IA32_VMX_PROCBASED_CTLS2")                      \
	X(0x0000048c, MSR_VMX_EPT_VPID_CAP,                "IA32_VMX_EPT_VPID_CAP")                         \
	X(0x0000048d, MSR_VMX_TRUE_PINBASED_CTLS,          "IA32_VMX_TRUE_PINBASED_CTLS")                   \
	X(0x0000048e, MSR_VMX_TRUE_PROCBASED_CTLS,         "IA32_VMX_TRUE_PROCBASED_CTLS")                  \
	X(0x0000048f, MSR_VMX_TRUE_EXIT_CTLS,              "IA32_VMX_TRUE_EXIT_CTLS")                       \
	X(0x00000490, MSR_VMX_TRUE_ENTRY_CTLS,             "IA32_VMX_TRUE_ENTRY_CTLS")                      \
	X(0x00000491, MSR_VMX_VMFUNC,                      "IA32_VMX_VMFUNC")                               \
	X(0x00000492, MSR_VMX_PROCBASED_CTLS3,             "IA32_VMX_PROCBASED_CTLS3")                      \
	X(0x00000493, MSR_VMX_EXIT_CTLS2,                  "IA32_VMX_EXIT_CTLS2")                           \
	X(0x000004c1, MSR_A_PMC0,                          "IA32_A_PMC0")                                   \
	X(0x000004c2, MSR_A_PMC1,                          "IA32_A_PMC1")                                   \
	X(0x000004c3, MSR_A_PMC2,                          "IA32_A_PMC2")                                   \
	X(0x000004c4, MSR_A_PMC3,                          "IA32_A_PMC3")                                   \
	X(0x000004c5, MSR_A_PMC4,                          "IA32_A_PMC4")                                   \
	X(0x000004c6, MSR_A_PMC5,                          "IA32_A_PMC5")                                   \
	X(0x000004c7, MSR_A_PMC6,                          "IA32_A_PMC6")                                   \
	X(0x000004c8, MSR_A_PMC7,                          "IA32_A_PMC7")                                   \
	X(0x000004d0, MSR_MCG_EXT_CTL,                     "IA32_MCG_EXT_CTL")                              \
	X(0x00000500, MSR_SGX_SVN_STATUS,                  "IA32_SGX_SVN_STATUS")                           \
	X(0x00000560, MSR_RTIT_OUTPUT_BASE,                "IA32_RTIT_OUTPUT_BASE")                         \
	X(0x00000561, MSR_RTIT_OUTPUT_MASK_PTRS,           "IA32_RTIT_OUTPUT_MASK_PTRS")                    \
	X(0x00000570, MSR_RTIT_CTL,                        "IA32_RTIT_CTL")                                 \
	X(0x00000571, MSR_RTIT_STATUS,                     "IA32_RTIT_STATUS")                              \
	X(0x00000572, MSR_RTIT_CR3_MATCH,                  "IA32_RTIT_CR3_MATCH")                           \
	X(0x00000580, MSR_RTIT_ADDR0_A,                    "IA32_RTIT_ADDR0_A")                             \
	X(0x00000581, MSR_RTIT_ADDR0_B,                    "IA32_RTIT_ADDR0_B")                             \
	X(0x00000582, MSR_RTIT_ADDR1_A,                    "IA32_RTIT_ADDR1_A")                             \
	X(0x00000583, MSR_RTIT_ADDR1_B,                    "IA32_RTIT_ADDR1_B")                             \
	X(0x00000584, MSR_RTIT_ADDR2_A,                    "IA32_RTIT_ADDR2_A")                             \
	X(0x00000585, MSR_RTIT_ADDR2_B,                    "IA32_RTIT_ADDR2_B")                             \
	X(0x00000586, MSR_RTIT_ADDR3_A,                    "IA32_RTIT_ADDR3_A")                             \
	X(0x00000587, MSR_RTIT_ADDR3_B,                    "IA32_RTIT_ADDR3_B")                             \
	X(0x00000600, MSR_DS_AREA,                         "IA32_DS_AREA")                                  \
	X(0x00000606, MSR_RAPL_POWER_UNIT,                 "MSR_RAPL_POWER_UNIT")                           \
	X(0x0000060a, MSR_PKGC3_IRTL,                      "MSR_PKGC3_IRTL")                                \
	X(0x0000060d, MSR_PKG_C2_RESIDENCY,                "MSR_PKG_C2_RESIDENCY")                          \
	X(0x00000610, MSR_PKG_POWER_LIMIT,                 "MSR_PKG_POWER_LIMIT")                           \
	X(0x00000611, MSR_PKG_ENERGY_STATUS,               "MSR_PKG_ENERGY_STATUS")                         \
	X(0x00000613, MSR_PKG_PERF_STATUS,                 "MSR_PKG_PERF_STATUS")                           \
	X(0x00000614, MSR_PKG_POWER_INFO,                  "MSR_PKG_POWER_INFO")                            \
	X(0x00000618, MSR_DRAM_POWER_LIMIT,                "MSR_DRAM_POWER_LIMIT")                          \
	X(0x00000619, MSR_DRAM_ENERGY_STATUS,              "MSR_DRAM_ENERGY_STATUS")                        \
	X(0x0000061b, MSR_DRAM_PERF_STATUS,                "MSR_DRAM_PERF_STATUS")                          \
	X(0x0000061c, MSR_DRAM_POWER_INFO,                 "MSR_DRAM_POWER_INFO")                           \
	X(0x00000638, MSR_PP0_POWER_LIMIT,                 "MSR_PP0_POWER_LIMIT")                           \
	X(0x00000639, MSR_PP0_ENERGY_STATUS,               "MSR_PP0_ENERGY_STATUS")                         \
	X(0x00000640, MSR_PP1_POWER_LIMIT,                 "MSR_PP1_POWER_LIMIT")                           \
	X(0x00000641, MSR_PP1_ENERGY_STATUS,               "MSR_PP1_ENERGY_STATUS")                         \
	X(0x00000648, MSR_CONFIG_TDP_NOMINAL,              "MSR_CONFIG_TDP_NOMINAL")                        \
	X(0x0000064b, MSR_CONFIG_TDP_CONTROL,              "MSR_CONFIG_TDP_CONTROL")                        \
	X(0x0000064c, MSR_TURBO_ACTIVATION_RATIO,          "MSR_TURBO_ACTIVATION_RATIO")                    \
	X(0x0000064d, MSR_PLATFORM_ENERGY_COUNTER,         "MSR_PLATFORM_ENERGY_COUNTER")                   \
	X(0x0000064f, MSR_CORE_PERF_LIMIT_REASONS,         "MSR_CORE_PERF_LIMIT_REASONS")                   \
	X(0x000006a0, MSR_U_CET,                           "IA32_U_CET")                                    \
	X(0x000006a2, MSR_S_CET,                           "IA32_S_CET")                                    \
	X(0x000006a4, MSR_PL0_SSP,                         "IA32_PL0_SSP")                                  \
	X(0x000006a5, MSR_PL1_SSP,                         "IA32_PL1_SSP")                                  \
	X(0x000006a6, MSR_PL2_SSP,                         "IA32_PL2_SSP")                                  \
	X(0x000006a7, MSR_PL3_SSP,                         "IA32_PL3_SSP")                                  \
	X(0x000006a8, MSR_INTERRUPT_SSP_TABLE_ADDR,        "IA32_INTERRUPT_SSP_TABLE_ADDR")                 \
	X(0x000006e0, MSR_TSC_DEADLINE,                    "IA32_TSC_DEADLINE")                             \
	X(0x000006e1, MSR_PKRS,                            "IA32_PKRS")                                     \
	X(0x00000770, MSR_PM_ENABLE,                       "IA32_PM_ENABLE")                                \
	X(0x00000771, MSR_HWP_CAPABILITIES,                "IA32_HWP_CAPABILITIES")                         \
	X(0x00000772, MSR_HWP_REQUEST_PKG,                 "IA32_HWP_REQUEST_PKG")                          \
	X(0x00000773, MSR_HWP_INTERRUPT,                   "IA32_HWP_INTERRUPT")                            \
	X(0x00000774, MSR_HWP_REQUEST,                     "IA32_HWP_REQUEST")                              \
	X(0x00000775, MSR_PECI_HWP_REQUEST_INFO,           "IA32_PECI_HWP_REQUEST_INFO")                    \
	X(0x00000776, MSR_HWP_CTL,                         "IA32_HWP_CTL")                                  \
	X(0x00000777, MSR_HWP_STATUS,                      "IA32_HWP_STATUS")                               \
	/* x2APIC: SDM vol. 3A table 11-6, APM vol. 2 16.11 */                                              \
	X(0x00000802, MSR_X2APIC_APICID,                   "IA32_X2APIC_APICID")                            \
	X(0x00000803, MSR_X2APIC_VERSION,                  "IA32_X2APIC_VERSION")                           \
	X(0x00000808, MSR_X2APIC_TPR,                      "IA32_X2APIC_TPR")                               \
	X(0x0000080a, MSR_X2APIC_PPR,                      "IA32_X2APIC_PPR")                               \
	X(0x0000080b, MSR_X2APIC_EOI,                      "IA32_X2APIC_EOI")                               \
	X(0x0000080d, MSR_X2APIC_LDR,                      "IA32_X2APIC_LDR")                               \
	X(0x0000080f, MSR_X2APIC_SIVR,                     "IA32_X2APIC_SIVR")                              \
	X(0x00000810, MSR_X2APIC_ISR0,                     "IA32_X2APIC_ISR0")                              \
	X(0x00000811, MSR_X2APIC_ISR1,                     "IA32_X2APIC_ISR1")                              \
	X(0x00000812, MSR_X2APIC_ISR2,                     "IA32_X2APIC_ISR2")                              \
	X(0x00000813, MSR_X2APIC_ISR3,                     "IA32_X2APIC_ISR3")                              \
	X(0x00000814, MSR_X2APIC_ISR4,                     "IA32_X2APIC_ISR4")                              \
	X(0x00000815, MSR_X2APIC_ISR5,                     "IA32_X2APIC_ISR5")                              \
	X(0x00000816, MSR_X2APIC_ISR6,                     "IA32_X2APIC_ISR6")                              \
	X(0x00000817, MSR_X2APIC_ISR7,                     "IA32_X2APIC_ISR7")                              \
	X(0x00000818, MSR_X2APIC_TMR0,                     "IA32_X2APIC_TMR0")                              \
	X(0x00000819, MSR_X2APIC_TMR1,                     "IA32_X2APIC_TMR1")                              \
	X(0x0000081a, MSR_X2APIC_TMR2,                     "IA32_X2APIC_TMR2")                              \
	X(0x0000081b, MSR_X2APIC_TMR3,                     "IA32_X2APIC_TMR3")                              \
	X(0x0000081c, MSR_X2APIC_TMR4,                     "IA32_X2APIC_TMR4")                              \
	X(0x0000081d, MSR_X2APIC_TMR5,                     "IA32_X2APIC_TMR5")                              \
	X(0x0000081e, MSR_X2APIC_TMR6,                     "IA32_X2APIC_TMR6")                              \
	X(0x0000081f, MSR_X2APIC_TMR7,                     "IA32_X2APIC_TMR7")                              \
	X(0x00000820, MSR_X2APIC_IRR0,                     "IA32_X2APIC_IRR0")                              \
	X(0x00000821, MSR_X2APIC_IRR1,                     "IA32_X2APIC_IRR1")                              \
	X(0x00000822, MSR_X2APIC_IRR2,                     "IA32_X2APIC_IRR2")                              \
	X(0x00000823, MSR_X2APIC_IRR3,                     "IA32_X2APIC_IRR3")                              \
	X(0x00000824, MSR_X2APIC_IRR4,                     "IA32_X2APIC_IRR4")                              \
	X(0x00000825, MSR_X2APIC_IRR5,                     "IA32_X2APIC_IRR5")                              \
	X(0x00000826, MSR_X2APIC_IRR6,                     "IA32_X2APIC_IRR6")                              \
	X(0x00000827, MSR_X2APIC_IRR7,                     "IA32_X2APIC_IRR7")                              \
	X(0x00000828, MSR_X2APIC_ESR,                      "IA32_X2APIC_ESR")                               \
	X(0x0000082f, MSR_X2APIC_LVT_CMCI,                 "IA32_X2APIC_LVT_CMCI")                          \
	X(0x00000830, MSR_X2APIC_ICR,                      "IA32_X2APIC_ICR")                               \
	X(0x00000832, MSR_X2APIC_LVT_TIMER,                "IA32_X2APIC_LVT_TIMER")                         \
	X(0x00000833, MSR_X2APIC_LVT_THERMAL,              "IA32_X2APIC_LVT_THERMAL")                       \
	X(0x00000834, MSR_X2APIC_LVT_PMI,                  "IA32_X2APIC_LVT_PMI")                           \
	X(0x00000835, MSR_X2APIC_LVT_LINT0,                "IA32_X2APIC_LVT_LINT0")                         \
	X(0x00000836, MSR_X2APIC_LVT_LINT1,                "IA32_X2APIC_LVT_LINT1")                         \
	X(0x00000837, MSR_X2APIC_LVT_ERROR,                "IA32_X2APIC_LVT_ERROR")                         \
	X(0x00000838, MSR_X2APIC_INIT_COUNT,               "IA32_X2APIC_INIT_COUNT")                        \
	X(0x00000839, MSR_X2APIC_CUR_COUNT,                "IA32_X2APIC_CUR_COUNT")                         \
	X(0x0000083e, MSR_X2APIC_DIV_CONF,                 "IA32_X2APIC_DIV_CONF")                          \
	X(0x0000083f, MSR_X2APIC_SELF_IPI,                 "IA32_X2APIC_SELF_IPI")                          \
	/* Later additions */                                                                               \
	X(0x00000981, MSR_TME_CAPABILITY,                  "IA32_TME_CAPABILITY")                           \
	X(0x00000982, MSR_TME_ACTIVATE,                    "IA32_TME_ACTIVATE")                             \
	X(0x00000983, MSR_TME_EXCLUDE_MASK,                "IA32_TME_EXCLUDE_MASK")                         \
	X(0x00000984, MSR_TME_EXCLUDE_BASE,                "IA32_TME_EXCLUDE_BASE")                         \
	X(0x00000c80, MSR_DEBUG_INTERFACE,                 "IA32_DEBUG_INTERFACE")                          \
	X(0x00000c81, MSR_L3_QOS_CFG,                      "IA32_L3_QOS_CFG")                               \
	X(0x00000c82, MSR_L2_QOS_CFG,                      "IA32_L2_QOS_CFG")                               \
	X(0x00000c8d, MSR_QM_EVTSEL,                       "IA32_QM_EVTSEL")                                \
	X(0x00000c8e, MSR_QM_CTR,                          "IA32_QM_CTR")                                   \
	X(0x00000c8f, MSR_PQR_ASSOC,                       "IA32_PQR_ASSOC")                                \
	X(0x00000d90, MSR_BNDCFGS,                         "IA32_BNDCFGS")                                  \
	X(0x00000d93, MSR_PASID,                           "IA32_PASID")                                    \
	X(0x00000da0, MSR_XSS,                             "IA32_XSS")                                      \
	X(0x00000db0, MSR_PKG_HDC_CTL,                     "IA32_PKG_HDC_CTL")                              \
	X(0x00000db1, MSR_PM_CTL1,                         "IA32_PM_CTL1")                                  \
	X(0x00000db2, MSR_THREAD_STALL,                    "IA32_THREAD_STALL")                             \
	X(0x000014ce, MSR_LBR_CTL,                         "IA32_LBR_CTL")                                  \
	X(0x000014cf, MSR_LBR_DEPTH,                       "IA32_LBR_DEPTH")                                \
	X(0x000017d0, MSR_HW_FEEDBACK_PTR,                 "IA32_HW_FEEDBACK_PTR")                          \
	X(0x000017d1, MSR_HW_FEEDBACK_CONFIG,              "IA32_HW_FEEDBACK_CONFIG")                       \
	X(0x000017d2, MSR_THREAD_FEEDBACK_CHAR,            "IA32_THREAD_FEEDBACK_CHAR")                     \
	X(0x000017d4, MSR_HW_FEEDBACK_THREAD_CONFIG,       "IA32_HW_FEEDBACK_THREAD_CONFIG")                \
	X(0x00001b01, MSR_UARCH_MISC_CTL,                  "IA32_UARCH_MISC_CTL")                           \
	/* Both vendors: SDM vol. 4 table 2-2, APM vol. 2 appendix A */                                     \
	X(0xc0000080, MSR_EFER,                            "IA32_EFER")                                     \
	X(0xc0000081, MSR_STAR,                            "IA32_STAR")                                     \
	X(0xc0000082, MSR_LSTAR,                           "IA32_LSTAR")                                    \
	X(0xc0000083, MSR_CSTAR,                           "IA32_CSTAR")                                    \
	X(0xc0000084, MSR_FMASK,                           "IA32_FMASK")                                    \
	X(0xc00000e7, MSR_MPERF_RO,                        "MPERF_RO")                                      \
	X(0xc00000e8, MSR_APERF_RO,                        "APERF_RO")                                      \
	X(0xc00000e9, MSR_IRPERF_COUNT,                    "IRPERF_COUNT")                                  \
	X(0xc0000100, MSR_FS_BASE,                         "IA32_FS_BASE")                                  \
	X(0xc0000101, MSR_GS_BASE,                         "IA32_GS_BASE")                                  \
	X(0xc0000102, MSR_KERNEL_GS_BASE,                  "IA32_KERNEL_GS_BASE")                           \
	X(0xc0000103, MSR_TSC_AUX,                         "IA32_TSC_AUX")                                  \
	/* AMD's own: APM vol. 2 appendix A, and the processor references */                                \
	X(0xc0000104, MSR_TSC_RATIO,                       "TSC_RATIO")                                     \
	X(0xc0000105, MSR_LWP_CFG,                         "LWP_CFG")                                       \
	X(0xc0000106, MSR_LWP_CBADDR,                      "LWP_CBADDR")                                    \
	X(0xc0000300, MSR_PERF_CNTR_GLOBAL_STATUS,         "PERF_CNTR_GLOBAL_STATUS")                       \
	X(0xc0000301, MSR_PERF_CNTR_GLOBAL_CTL,            "PERF_CNTR_GLOBAL_CTL")                          \
	X(0xc0000302, MSR_PERF_CNTR_GLOBAL_STATUS_CLR,     "PERF_CNTR_GLOBAL_STATUS_CLR")                   \
	X(0xc0010000, MSR_PERF_EVT_SEL0,                   "PERF_EVT_SEL0")                                 \
	X(0xc0010001, MSR_PERF_EVT_SEL1,                   "PERF_EVT_SEL1")                                 \
	X(0xc0010002, MSR_PERF_EVT_SEL2,                   "PERF_EVT_SEL2")                                 \
	X(0xc0010003, MSR_PERF_EVT_SEL3,                   "PERF_EVT_SEL3")                                 \
	X(0xc0010004, MSR_PERF_CTR_LEGACY0,                "PERF_CTR_LEGACY0")                              \
	X(0xc0010005, MSR_PERF_CTR_LEGACY1,                "PERF_CTR_LEGACY1")                              \
	X(0xc0010006, MSR_PERF_CTR_LEGACY2,                "PERF_CTR_LEGACY2")                              \
	X(0xc0010007, MSR_PERF_CTR_LEGACY3,                "PERF_CTR_LEGACY3")                              \
	X(0xc0010010, MSR_SYSCFG,                          "SYSCFG")                                        \
	X(0xc0010015, MSR_HWCR,                            "HWCR")                                          \
	X(0xc0010016, MSR_IORR_BASE0,                      "IORR_BASE0")                                    \
	X(0xc0010017, MSR_IORR_MASK0,                      "IORR_MASK0")                                    \
	X(0xc0010018, MSR_IORR_BASE1,                      "IORR_BASE1")                                    \
	X(0xc0010019, MSR_IORR_MASK1,                      "IORR_MASK1")                                    \
	X(0xc001001a, MSR_TOP_MEM,                         "TOP_MEM")                                       \
	X(0xc001001d, MSR_TOP_MEM2,                        "TOP_MEM2")                                      \
	X(0xc001001f, MSR_NB_CFG,                          "NB_CFG")                                        \
	X(0xc0010020, MSR_PATCH_LOADER,                    "PATCH_LOADER")                                  \
	X(0xc0010022, MSR_MC_EXCEPTION_REDIRECT,           "MC_EXCEPTION_REDIRECT")                         \
	X(0xc0010030, MSR_PROCESSOR_NAME_STRING0,          "PROCESSOR_NAME_STRING0")                        \
	X(0xc0010031, MSR_PROCESSOR_NAME_STRING1,          "PROCESSOR_NAME_STRING1")                        \
	X(0xc0010032, MSR_PROCESSOR_NAME_STRING2,          "PROCESSOR_NAME_STRING2")                        \
	X(0xc0010033, MSR_PROCESSOR_NAME_STRING3,          "PROCESSOR_NAME_STRING3")                        \
	X(0xc0010034, MSR_PROCESSOR_NAME_STRING4,          "PROCESSOR_NAME_STRING4")                        \
	X(0xc0010035, MSR_PROCESSOR_NAME_STRING5,          "PROCESSOR_NAME_STRING5")                        \
	X(0xc001003e, MSR_HTC,                             "HTC")                                           \
	X(0xc0010050, MSR_SMI_ON_IO_TRAP_0,                "SMI_ON_IO_TRAP_0")                              \
	X(0xc0010051, MSR_SMI_ON_IO_TRAP_1,                "SMI_ON_IO_TRAP_1")                              \
	X(0xc0010052, MSR_SMI_ON_IO_TRAP_2,                "SMI_ON_IO_TRAP_2")                              \
	X(0xc0010053, MSR_SMI_ON_IO_TRAP_3,                "SMI_ON_IO_TRAP_3")                              \
	X(0xc0010054, MSR_SMI_ON_IO_TRAP_CTL_STS,          "SMI_ON_IO_TRAP_CTL_STS")                        \
	X(0xc0010055, MSR_INTERRUPT_PENDING,               "INTERRUPT_PENDING")                             \
	X(0xc0010056, MSR_SMI_TRIGGER_IO_CYCLE,            "SMI_TRIGGER_IO_CYCLE")                          \
	X(0xc0010058, MSR_MMIO_CFG_BASE_ADDR,              "MMIO_CFG_BASE_ADDR")                            \
	X(0xc0010061, MSR_PSTATE_CURRENT_LIMIT,            "PSTATE_CURRENT_LIMIT")                          \
	X(0xc0010062, MSR_PSTATE_CONTROL,                  "PSTATE_CONTROL")                                \
	X(0xc0010063, MSR_PSTATE_STATUS,                   "PSTATE_STATUS")                                 \
	X(0xc0010064, MSR_PSTATE_0,                        "PSTATE_0")                                      \
	X(0xc0010065, MSR_PSTATE_1,                        "PSTATE_1")                                      \
	X(0xc0010066, MSR_PSTATE_2,                        "PSTATE_2")                                      \
	X(0xc0010067, MSR_PSTATE_3,                        "PSTATE_3")                                      \
	X(0xc0010068, MSR_PSTATE_4,                        "PSTATE_4")                                      \
	X(0xc0010069, MSR_PSTATE_5,                        "PSTATE_5")                                      \
	X(0xc001006a, MSR_PSTATE_6,                        "PSTATE_6")                                      \
	X(0xc001006b, MSR_PSTATE_7,                        "PSTATE_7")                                      \
	X(0xc0010070, MSR_COFVID_CONTROL,                  "COFVID_CONTROL")                                \
	X(0xc0010071, MSR_COFVID_STATUS,                   "COFVID_STATUS")                                 \
	X(0xc0010073, MSR_CSTATE_BASE_ADDR,                "CSTATE_BASE_ADDR")                              \
	X(0xc0010074, MSR_CPU_WATCHDOG_TIMER,              "CPU_WATCHDOG_TIMER")                            \
	X(0xc0010111, MSR_SMM_BASE,                        "SMM_BASE")                                      \
	X(0xc0010112, MSR_SMM_ADDR,                        "SMM_ADDR")                                      \
	X(0xc0010113, MSR_SMM_MASK,                        "SMM_MASK")                                      \
	X(0xc0010114, MSR_VM_CR,                           "VM_CR")                                         \
	X(0xc0010115, MSR_IGNNE,                           "IGNNE")                                         \
	X(0xc0010116, MSR_SMM_CTL,                         "SMM_CTL")                                       \
	X(0xc0010117, MSR_VM_HSAVE_PA,                     "VM_HSAVE_PA")                                   \
	X(0xc0010118, MSR_SVM_KEY,                         "SVM_KEY")                                       \
	X(0xc0010119, MSR_SMM_KEY,                         "SMM_KEY")                                       \
	X(0xc001011a, MSR_LOCAL_SMI_STATUS,                "LOCAL_SMI_STATUS")                              \
	X(0xc001011b, MSR_AVIC_DOORBELL,                   "AVIC_DOORBELL")                                 \
	X(0xc001011e, MSR_VMPAGE_FLUSH,                    "VMPAGE_FLUSH")                                  \
	X(0xc001011f, MSR_VIRT_SPEC_CTRL,                  "VIRT_SPEC_CTRL")                                \
	X(0xc0010130, MSR_GHCB,                            "GHCB")                                          \
	X(0xc0010131, MSR_SEV_STATUS,                      "SEV_STATUS")                                    \
	X(0xc0010132, MSR_RMP_BASE,                        "RMP_BASE")                                      \
	X(0xc0010133, MSR_RMP_END,                         "RMP_END")                                       \
	X(0xc0010140, MSR_OSVW_ID_LENGTH,                  "OSVW_ID_LENGTH")                                \
	X(0xc0010141, MSR_OSVW_STATUS,                     "OSVW_STATUS")                                   \
	X(0xc0010200, MSR_PERF_CTL0,                       "PERF_CTL0")                                     \
	X(0xc0010201, MSR_PERF_CTR0,                       "PERF_CTR0")                                     \
	X(0xc0010202, MSR_PERF_CTL1,                       "PERF_CTL1")                                     \
	X(0xc0010203, MSR_PERF_CTR1,                       "PERF_CTR1")                                     \
	X(0xc0010204, MSR_PERF_CTL2,                       "PERF_CTL2")                                     \
	X(0xc0010205, MSR_PERF_CTR2,                       "PERF_CTR2")                                     \
	X(0xc0010206, MSR_PERF_CTL3,                       "PERF_CTL3")                                     \
	X(0xc0010207, MSR_PERF_CTR3,                       "PERF_CTR3")                                     \
	X(0xc0010208, MSR_PERF_CTL4,                       "PERF_CTL4")                                     \
	X(0xc0010209, MSR_PERF_CTR4,                       "PERF_CTR4")                                     \
	X(0xc001020a, MSR_PERF_CTL5,                       "PERF_CTL5")                                     \
	X(0xc001020b, MSR_PERF_CTR5,                       "PERF_CTR5")                                     \
	X(0xc0010240, MSR_NB_PERF_CTL0,                    "NB_PERF_CTL0")                                  \
	X(0xc0010241, MSR_NB_PERF_CTR0,                    "NB_PERF_CTR0")                                  \
	X(0xc0010242, MSR_NB_PERF_CTL1,                    "NB_PERF_CTL1")                                  \
	X(0xc0010243, MSR_NB_PERF_CTR1,                    "NB_PERF_CTR1")                                  \
	X(0xc0010244, MSR_NB_PERF_CTL2,                    "NB_PERF_CTL2")                                  \
	X(0xc0010245, MSR_NB_PERF_CTR2,                    "NB_PERF_CTR2")                                  \
	X(0xc0010246, MSR_NB_PERF_CTL3,                    "NB_PERF_CTL3")                                  \
	X(0xc0010247, MSR_NB_PERF_CTR3,                    "NB_PERF_CTR3")                                  \
	X(0xc0010299, MSR_RAPL_PWR_UNIT,                   "RAPL_PWR_UNIT")                                 \
	X(0xc001029a, MSR_CORE_ENERGY_STAT,                "CORE_ENERGY_STAT")                              \
	X(0xc001029b, MSR_PKG_ENERGY_STAT,                 "PKG_ENERGY_STAT")                               \
	X(0xc00102b0, MSR_CPPC_CAPABILITY_1,               "CPPC_CAPABILITY_1")                             \
	X(0xc00102b1, MSR_CPPC_ENABLE,                     "CPPC_ENABLE")                                   \
	X(0xc00102b2, MSR_CPPC_CAPABILITY_2,               "CPPC_CAPABILITY_2")                             \
	X(0xc00102b3, MSR_CPPC_REQUEST,                    "CPPC_REQUEST")                                  \
	X(0xc00102b4, MSR_CPPC_STATUS,                     "CPPC_STATUS")                                   \
	X(0xc0011002, MSR_CPUID_7_FEATURES,                "CPUID_7_FEATURES")                              \
	X(0xc0011003, MSR_CPUID_6_FEATURES,                "CPUID_6_FEATURES")                              \
	X(0xc0011004, MSR_CPUID_FEATURES,                  "CPUID_FEATURES")                                \
	X(0xc0011005, MSR_CPUID_EXT_FEATURES,              "CPUID_EXT_FEATURES")                            \
	X(0xc0011019, MSR_DR1_ADDR_MASK,                   "DR1_ADDR_MASK")                                 \
	X(0xc001101a, MSR_DR2_ADDR_MASK,                   "DR2_ADDR_MASK")                                 \
	X(0xc001101b, MSR_DR3_ADDR_MASK,                   "DR3_ADDR_MASK")                                 \
	X(0xc0011020, MSR_LS_CFG,                          "LS_CFG")                                        \
	X(0xc0011021, MSR_IC_CFG,                          "IC_CFG")                                        \
	X(0xc0011022, MSR_DC_CFG,                          "DC_CFG")                                        \
	X(0xc0011023, MSR_BU_CFG,                          "BU_CFG")                                        \
	X(0xc0011027, MSR_DR0_ADDR_MASK,                   "DR0_ADDR_MASK")                                 \
	X(0xc0011028, MSR_FP_CFG,                          "FP_CFG")                                        \
	X(0xc0011029, MSR_DE_CFG,                          "DE_CFG")                                        \
	X(0xc001102a, MSR_BU_CFG2,                         "BU_CFG2")                                       \
	X(0xc0011030, MSR_IBS_FETCH_CTL,                   "IBS_FETCH_CTL")                                 \
	X(0xc0011031, MSR_IBS_FETCH_LINADDR,               "IBS_FETCH_LINADDR")                             \
	X(0xc0011032, MSR_IBS_FETCH_PHYSADDR,              "IBS_FETCH_PHYSADDR")                            \
	X(0xc0011033, MSR_IBS_OP_CTL,                      "IBS_OP_CTL")                                    \
	X(0xc0011034, MSR_IBS_OP_RIP,                      "IBS_OP_RIP")                                    \
	X(0xc0011035, MSR_IBS_OP_DATA,                     "IBS_OP_DATA")                                   \
	X(0xc0011036, MSR_IBS_OP_DATA2,                    "IBS_OP_DATA2")                                  \
	X(0xc0011037, MSR_IBS_OP_DATA3,                    "IBS_OP_DATA3")                                  \
	X(0xc0011038, MSR_IBS_DC_LINADDR,                  "IBS_DC_LINADDR")                                \
	X(0xc0011039, MSR_IBS_DC_PHYSADDR,                 "IBS_DC_PHYSADDR")                               \
	X(0xc001103a, MSR_IBS_CTL,                         "IBS_CTL")                                       \
	X(0xc001103b, MSR_BP_IBSTGT_RIP,                   "BP_IBSTGT_RIP")

/* Machine check banks (SDM vol. 3B 16.3.2). X as above: four registers a bank, and the CMCI threshold register. */
#define MSR_BANK(X, n)                                                                                      \
	X(0x00000400 + 4 * n, MSR_MC##n##_CTL,    "IA32_MC" #n "_CTL")                                      \
	X(0x00000401 + 4 * n, MSR_MC##n##_STATUS, "IA32_MC" #n "_STATUS")                                   \
	X(0x00000402 + 4 * n, MSR_MC##n##_ADDR,   "IA32_MC" #n "_ADDR")                                     \
	X(0x00000403 + 4 * n, MSR_MC##n##_MISC,   "IA32_MC" #n "_MISC")                                     \
	X(0x00000280 + n,     MSR_MC##n##_CTL2,   "IA32_MC" #n "_CTL2")
#define MSR_BANKS(X)                                                                                        \
	MSR_BANK(X, 0)  MSR_BANK(X, 1)  MSR_BANK(X, 2)  MSR_BANK(X, 3)  MSR_BANK(X, 4)  MSR_BANK(X, 5)      \
	MSR_BANK(X, 6)  MSR_BANK(X, 7)  MSR_BANK(X, 8)  MSR_BANK(X, 9)  MSR_BANK(X, 10) MSR_BANK(X, 11)     \
	MSR_BANK(X, 12) MSR_BANK(X, 13) MSR_BANK(X, 14) MSR_BANK(X, 15) MSR_BANK(X, 16) MSR_BANK(X, 17)     \
	MSR_BANK(X, 18) MSR_BANK(X, 19) MSR_BANK(X, 20) MSR_BANK(X, 21) MSR_BANK(X, 22) MSR_BANK(X, 23)     \
	MSR_BANK(X, 24) MSR_BANK(X, 25) MSR_BANK(X, 26) MSR_BANK(X, 27) MSR_BANK(X, 28)

/*
 * AMD's scalable machine check (APM vol. 2 9.3.3): 16 registers a bank from MSR_SMCA_FIRST on.
 * X(number within the bank, name)
 */
#define MSR_SMCA_FIRST 0xc0002000
#define MSR_SMCA_LAST  0xc00023ff
#define MSR_SMCA_REGS(X)                                                                                    \
	X(0x0, "MCA_CTL")     X(0x1, "MCA_STATUS") X(0x2, "MCA_ADDR")   X(0x3, "MCA_MISC0")                 \
	X(0x4, "MCA_CONFIG")  X(0x5, "MCA_IPID")   X(0x6, "MCA_SYND")   X(0x8, "MCA_DESTAT")                \
	X(0x9, "MCA_DEADDR")  X(0xa, "MCA_MISC1")  X(0xb, "MCA_MISC2")  X(0xc, "MCA_MISC3")                 \
	X(0xd, "MCA_MISC4")   X(0xe, "MCA_SYND1")  X(0xf, "MCA_SYND2")

#define X(number, enumerator, name) enumerator = number,
enum msr { MSR_LIST(X) MSR_BANKS(X) };
#undef X
/* clang-format on */

/*
 * The manuals' name of an MSR.
 *   msr  the number, as RDMSR and WRMSR take it in ECX
 * Returns NULL if it is not in the list.
 */
const char *msr_name(uint32_t msr);

/*
 * The number of a name, in letters of any case, and with or without its IA32_ or MSR_. A name that stands for several registers has the
 * number of the first. False: the list does not have it.
 */
bool msr_number(const char *name, uint32_t *msr);

#endif
