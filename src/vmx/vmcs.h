// SPDX-License-Identifier: MIT
/*
 * The virtual-machine control structure: its fields, controls, exit reasons and event words. SDM vol. 3C
 * chapter 25.
 */
#ifndef TRAPLINE_VMCS_H
#define TRAPLINE_VMCS_H

#include <stdint.h>

/* Bits of a field's encoding (table 25-21) */
#define VMCS_WIDTH(field)    ((field) >> 13 & 3) /* 0 16 bits, 1 64, 2 32, 3 natural */
#define VMCS_READONLY(field) (((field) >> 10 & 3) == 1)

/*
 * Every field that Trapline writes, reads or dumps, by the manual's name: appendix B. X(encoding, name).
 * Fields that some CPUs do not have are only accessed if their control is on; a dump skips fields that
 * VMREAD refuses.
 */
/* clang-format off */
#define VMCS_FIELDS(X)                                                                                      \
	X(0x0000, VPID)                                                                                     \
	X(0x0800, GUEST_ES_SELECTOR)                                                                        \
	X(0x0802, GUEST_CS_SELECTOR)                                                                        \
	X(0x0804, GUEST_SS_SELECTOR)                                                                        \
	X(0x0806, GUEST_DS_SELECTOR)                                                                        \
	X(0x0808, GUEST_FS_SELECTOR)                                                                        \
	X(0x080a, GUEST_GS_SELECTOR)                                                                        \
	X(0x080c, GUEST_LDTR_SELECTOR)                                                                      \
	X(0x080e, GUEST_TR_SELECTOR)                                                                        \
	X(0x0c00, HOST_ES_SELECTOR)                                                                         \
	X(0x0c02, HOST_CS_SELECTOR)                                                                         \
	X(0x0c04, HOST_SS_SELECTOR)                                                                         \
	X(0x0c06, HOST_DS_SELECTOR)                                                                         \
	X(0x0c08, HOST_FS_SELECTOR)                                                                         \
	X(0x0c0a, HOST_GS_SELECTOR)                                                                         \
	X(0x0c0c, HOST_TR_SELECTOR)                                                                         \
	X(0x2000, IO_BITMAP_A)                                                                              \
	X(0x2002, IO_BITMAP_B)                                                                              \
	X(0x2004, MSR_BITMAP)                                                                               \
	X(0x2006, EXIT_MSR_STORE)                                                                           \
	X(0x2008, EXIT_MSR_LOAD)                                                                            \
	X(0x200a, ENTRY_MSR_LOAD)                                                                           \
	X(0x2010, TSC_OFFSET)                                                                               \
	X(0x201a, EPT_POINTER)                                                                              \
	X(0x202c, XSS_EXITING_BITMAP)                                                                       \
	X(0x203e, PCONFIG_EXITING_BITMAP)                                                                   \
	X(0x2400, GUEST_PHYSICAL_ADDRESS)                                                                   \
	X(0x2800, LINK_POINTER)                                                                             \
	X(0x2802, GUEST_DEBUGCTL)                                                                           \
	X(0x2804, GUEST_PAT)                                                                                \
	X(0x2806, GUEST_EFER)                                                                               \
	X(0x280a, GUEST_PDPTE0)                                                                             \
	X(0x280c, GUEST_PDPTE1)                                                                             \
	X(0x280e, GUEST_PDPTE2)                                                                             \
	X(0x2810, GUEST_PDPTE3)                                                                             \
	X(0x2c00, HOST_PAT)                                                                                 \
	X(0x2c02, HOST_EFER)                                                                                \
	X(0x4000, PIN_CONTROLS)                                                                             \
	X(0x4002, CPU_CONTROLS)                                                                             \
	X(0x4004, EXCEPTION_BITMAP)                                                                         \
	X(0x4006, PF_ERROR_MASK)                                                                            \
	X(0x4008, PF_ERROR_MATCH)                                                                           \
	X(0x400a, CR3_TARGETS)                                                                              \
	X(0x400c, EXIT_CONTROLS)                                                                            \
	X(0x400e, EXIT_MSR_STORES)                                                                          \
	X(0x4010, EXIT_MSR_LOADS)                                                                           \
	X(0x4012, ENTRY_CONTROLS)                                                                           \
	X(0x4014, ENTRY_MSR_LOADS)                                                                          \
	X(0x4016, ENTRY_EVENT)                                                                              \
	X(0x4018, ENTRY_ERROR_CODE)                                                                         \
	X(0x401a, ENTRY_LENGTH)                                                                             \
	X(0x401e, CPU_CONTROLS2)                                                                            \
	X(0x4400, INSTRUCTION_ERROR)                                                                        \
	X(0x4402, EXIT_REASON)                                                                              \
	X(0x4404, EXIT_EVENT)                                                                               \
	X(0x4406, EXIT_ERROR_CODE)                                                                          \
	X(0x4408, VECTORING_EVENT)                                                                          \
	X(0x440a, VECTORING_ERROR_CODE)                                                                     \
	X(0x440c, EXIT_LENGTH)                                                                              \
	X(0x440e, EXIT_INSTRUCTION_INFO)                                                                    \
	X(0x4800, GUEST_ES_LIMIT)                                                                           \
	X(0x4802, GUEST_CS_LIMIT)                                                                           \
	X(0x4804, GUEST_SS_LIMIT)                                                                           \
	X(0x4806, GUEST_DS_LIMIT)                                                                           \
	X(0x4808, GUEST_FS_LIMIT)                                                                           \
	X(0x480a, GUEST_GS_LIMIT)                                                                           \
	X(0x480c, GUEST_LDTR_LIMIT)                                                                         \
	X(0x480e, GUEST_TR_LIMIT)                                                                           \
	X(0x4810, GUEST_GDTR_LIMIT)                                                                         \
	X(0x4812, GUEST_IDTR_LIMIT)                                                                         \
	X(0x4814, GUEST_ES_RIGHTS)                                                                          \
	X(0x4816, GUEST_CS_RIGHTS)                                                                          \
	X(0x4818, GUEST_SS_RIGHTS)                                                                          \
	X(0x481a, GUEST_DS_RIGHTS)                                                                          \
	X(0x481c, GUEST_FS_RIGHTS)                                                                          \
	X(0x481e, GUEST_GS_RIGHTS)                                                                          \
	X(0x4820, GUEST_LDTR_RIGHTS)                                                                        \
	X(0x4822, GUEST_TR_RIGHTS)                                                                          \
	X(0x4824, GUEST_INTERRUPTIBILITY)                                                                   \
	X(0x4826, GUEST_ACTIVITY)                                                                           \
	X(0x482a, GUEST_SYSENTER_CS)                                                                        \
	X(0x482e, PREEMPTION_TIMER)                                                                         \
	X(0x4c00, HOST_SYSENTER_CS)                                                                         \
	X(0x6000, CR0_MASK)                                                                                 \
	X(0x6002, CR4_MASK)                                                                                 \
	X(0x6004, CR0_SHADOW)                                                                               \
	X(0x6006, CR4_SHADOW)                                                                               \
	X(0x6400, EXIT_QUALIFICATION)                                                                       \
	X(0x640a, GUEST_LINEAR_ADDRESS)                                                                     \
	X(0x6800, GUEST_CR0)                                                                                \
	X(0x6802, GUEST_CR3)                                                                                \
	X(0x6804, GUEST_CR4)                                                                                \
	X(0x6806, GUEST_ES_BASE)                                                                            \
	X(0x6808, GUEST_CS_BASE)                                                                            \
	X(0x680a, GUEST_SS_BASE)                                                                            \
	X(0x680c, GUEST_DS_BASE)                                                                            \
	X(0x680e, GUEST_FS_BASE)                                                                            \
	X(0x6810, GUEST_GS_BASE)                                                                            \
	X(0x6812, GUEST_LDTR_BASE)                                                                          \
	X(0x6814, GUEST_TR_BASE)                                                                            \
	X(0x6816, GUEST_GDTR_BASE)                                                                          \
	X(0x6818, GUEST_IDTR_BASE)                                                                          \
	X(0x681a, GUEST_DR7)                                                                                \
	X(0x681c, GUEST_RSP)                                                                                \
	X(0x681e, GUEST_RIP)                                                                                \
	X(0x6820, GUEST_RFLAGS)                                                                             \
	X(0x6822, GUEST_PENDING_DEBUG)                                                                      \
	X(0x6824, GUEST_SYSENTER_ESP)                                                                       \
	X(0x6826, GUEST_SYSENTER_EIP)                                                                       \
	X(0x6828, GUEST_S_CET)                                                                              \
	X(0x682a, GUEST_SSP)                                                                                \
	X(0x682c, GUEST_SSP_TABLE)                                                                          \
	X(0x6c00, HOST_CR0)                                                                                 \
	X(0x6c02, HOST_CR3)                                                                                 \
	X(0x6c04, HOST_CR4)                                                                                 \
	X(0x6c06, HOST_FS_BASE)                                                                             \
	X(0x6c08, HOST_GS_BASE)                                                                             \
	X(0x6c0a, HOST_TR_BASE)                                                                             \
	X(0x6c0c, HOST_GDTR_BASE)                                                                           \
	X(0x6c0e, HOST_IDTR_BASE)                                                                           \
	X(0x6c10, HOST_SYSENTER_ESP)                                                                        \
	X(0x6c12, HOST_SYSENTER_EIP)                                                                        \
	X(0x6c14, HOST_RSP)                                                                                 \
	X(0x6c16, HOST_RIP)
/* clang-format on */

#define X(encoding, name) VMCS_##name = (encoding),
enum vmcs_field {
	VMCS_FIELDS(X)
};
#undef X

/* The fields of segment n: SEG_ES to SEG_TR have the order of the VMCS. */
#define VMCS_SELECTOR(n) (VMCS_GUEST_ES_SELECTOR + 2 * (n))
#define VMCS_LIMIT(n)    (VMCS_GUEST_ES_LIMIT + 2 * (n))
#define VMCS_RIGHTS(n)   (VMCS_GUEST_ES_RIGHTS + 2 * (n))
#define VMCS_BASE(n)     (VMCS_GUEST_ES_BASE + 2 * (n))

/*
 * The controls: tables 25-5 to 25-7, 25-13, 25-15. X(word, bit, name, rule, what it is called in a message)
 *   rule  REQUIRED   always on
 *         BY_EXIT    on where an exit of vmx_exit.c names it; most are not named
 *         WANTED     on where the CPU has it: without the secondary ones instructions raise #UD in the guest, whatever CPUID
 *                    says (26.3)
 *         SOMETIMES  comes and goes, but the CPU has to have it
 *         OPTIONAL   comes and goes where the CPU has it
 *         FORBIDDEN  off, and the CPU has to allow that; a watch may switch it on (vmx_watch_registers.c)
 */
/* clang-format off */
#define VMX_CONTROLS(X)                                                                                     \
	X(PIN, 0, INTERRUPT_EXITING, SOMETIMES, "external-interrupt exiting")                               \
	X(PIN, 3, NMI_EXITING, BY_EXIT, "NMI exiting")                                                      \
	X(PIN, 5, VIRTUAL_NMIS, REQUIRED, "virtual NMIs")                                                   \
	X(PIN, 6, PREEMPTION_TIMER, WANTED, "activate VMX-preemption timer")                                \
	X(CPU, 2, INTERRUPT_WINDOW, SOMETIMES, "interrupt-window exiting")                                  \
	X(CPU, 7, HLT_EXITING, BY_EXIT, "HLT exiting")                                                      \
	X(CPU, 9, INVLPG_EXITING, BY_EXIT, "INVLPG exiting")                                                \
	X(CPU, 10, MWAIT_EXITING, BY_EXIT, "MWAIT exiting")                                                 \
	X(CPU, 11, RDPMC_EXITING, BY_EXIT, "RDPMC exiting")                                                 \
	X(CPU, 12, RDTSC_EXITING, BY_EXIT, "RDTSC exiting")                                                 \
	X(CPU, 15, CR3_LOAD_EXITING, FORBIDDEN, "CR3-load exiting")                                         \
	X(CPU, 16, CR3_STORE_EXITING, FORBIDDEN, "CR3-store exiting")                                       \
	X(CPU, 19, CR8_LOAD_EXITING, BY_EXIT, "CR8-load exiting")                                           \
	X(CPU, 20, CR8_STORE_EXITING, BY_EXIT, "CR8-store exiting")                                         \
	X(CPU, 22, NMI_WINDOW, SOMETIMES, "NMI-window exiting")                                             \
	X(CPU, 23, MOV_DR_EXITING, OPTIONAL, "MOV-DR exiting")                                               \
	X(CPU, 25, IO_BITMAPS, BY_EXIT, "use I/O bitmaps")                                                  \
	X(CPU, 27, MONITOR_TRAP_FLAG, OPTIONAL, "monitor trap flag")                                        \
	X(CPU, 28, MSR_BITMAPS, BY_EXIT, "use MSR bitmaps")                                                 \
	X(CPU, 29, MONITOR_EXITING, BY_EXIT, "MONITOR exiting")                                             \
	X(CPU, 30, PAUSE_EXITING, BY_EXIT, "PAUSE exiting")                                                 \
	X(CPU, 31, SECONDARY, REQUIRED, "activate secondary controls")                                      \
	X(CPU2, 1, EPT, REQUIRED, "enable EPT")                                                             \
	X(CPU2, 2, TABLE_EXITING, OPTIONAL, "descriptor-table exiting")                                      \
	X(CPU2, 3, RDTSCP, WANTED, "enable RDTSCP")                                                         \
	X(CPU2, 5, VPID, WANTED, "enable VPID")                                                             \
	X(CPU2, 6, WBINVD_EXITING, BY_EXIT, "WBINVD exiting")                                               \
	X(CPU2, 7, UNRESTRICTED, REQUIRED, "unrestricted guest")                                            \
	X(CPU2, 10, PAUSE_LOOP_EXITING, BY_EXIT, "PAUSE-loop exiting")                                      \
	X(CPU2, 11, RDRAND_EXITING, BY_EXIT, "RDRAND exiting")                                              \
	X(CPU2, 12, INVPCID, WANTED, "enable INVPCID")                                                      \
	X(CPU2, 16, RDSEED_EXITING, BY_EXIT, "RDSEED exiting")                                              \
	X(CPU2, 20, XSAVES, WANTED, "enable XSAVES/XRSTORS")                                                \
	X(CPU2, 22, MODE_EXECUTE, WANTED, "mode-based execute control for EPT")                              \
	X(CPU2, 26, USER_WAIT, WANTED, "enable user wait and pause")                                        \
	X(CPU2, 27, PCONFIG, WANTED, "enable PCONFIG")                                                      \
	X(EXIT, 2, SAVE_DEBUG, REQUIRED, "save debug controls")                                             \
	X(EXIT, 9, HOST_64, REQUIRED, "host address-space size")                                            \
	X(EXIT, 18, SAVE_PAT, REQUIRED, "save IA32_PAT")                                                    \
	X(EXIT, 19, LOAD_PAT, REQUIRED, "load IA32_PAT")                                                    \
	X(EXIT, 20, SAVE_EFER, REQUIRED, "save IA32_EFER")                                                  \
	X(EXIT, 21, LOAD_EFER, REQUIRED, "load IA32_EFER")                                                  \
	X(EXIT, 22, SAVE_TIMER, WANTED, "save VMX-preemption timer value")                                  \
	X(ENTRY, 2, LOAD_DEBUG, REQUIRED, "load debug controls")                                            \
	X(ENTRY, 9, GUEST_64, REQUIRED, "IA-32e mode guest")                                                \
	X(ENTRY, 14, LOAD_PAT, REQUIRED, "load IA32_PAT")                                                   \
	X(ENTRY, 15, LOAD_EFER, REQUIRED, "load IA32_EFER")                                                 \
	X(ENTRY, 20, LOAD_CET, OPTIONAL, "load CET state")
/* clang-format on */

enum vmx_rule {
	VMX_REQUIRED,
	VMX_BY_EXIT,
	VMX_WANTED,
	VMX_SOMETIMES,
	VMX_OPTIONAL,
	VMX_FORBIDDEN
};

enum vmx_control_word {
	VMX_WORD_PIN,
	VMX_WORD_CPU,
	VMX_WORD_CPU2,
	VMX_WORD_EXIT,
	VMX_WORD_ENTRY,
	VMX_CONTROL_WORDS
};

#define X(word, bit, name, rule, text)                                                                       \
	word##_##name = (int)(1u << (bit)), RULE_##word##_##name = VMX_##rule,                               \
	WORD_##word##_##name = VMX_WORD_##word,
enum vmx_control {
	VMX_CONTROLS(X)
};
#undef X

/* Basic exit reasons, appendix C. X(number, name). What becomes of them is in vmx_exit.c. */
/* clang-format off */
#define VMX_EXITS(X)	                                                                                \
	X(0, EXCEPTION_OR_NMI)                                                                              \
	X(1, EXTERNAL_INTERRUPT)                                                                            \
	X(2, TRIPLE_FAULT)                                                                                  \
	X(3, INIT)                                                                                          \
	X(4, SIPI)                                                                                          \
	X(5, IO_SMI)                                                                                        \
	X(6, OTHER_SMI)                                                                                     \
	X(7, INTERRUPT_WINDOW)                                                                              \
	X(8, NMI_WINDOW)                                                                                    \
	X(9, TASK_SWITCH)                                                                                   \
	X(10, CPUID)                                                                                        \
	X(11, GETSEC)                                                                                       \
	X(12, HLT)                                                                                          \
	X(13, INVD)                                                                                         \
	X(14, INVLPG)                                                                                       \
	X(15, RDPMC)                                                                                        \
	X(16, RDTSC)                                                                                        \
	X(17, RSM)                                                                                          \
	X(18, VMCALL)                                                                                       \
	X(19, VMCLEAR)                                                                                      \
	X(20, VMLAUNCH)                                                                                     \
	X(21, VMPTRLD)                                                                                      \
	X(22, VMPTRST)                                                                                      \
	X(23, VMREAD)                                                                                       \
	X(24, VMRESUME)                                                                                     \
	X(25, VMWRITE)                                                                                      \
	X(26, VMXOFF)                                                                                       \
	X(27, VMXON)                                                                                        \
	X(28, CR_ACCESS)                                                                                    \
	X(29, MOV_DR)                                                                                       \
	X(30, IO)                                                                                           \
	X(31, RDMSR)                                                                                        \
	X(32, WRMSR)                                                                                        \
	X(33, INVALID_GUEST_STATE)                                                                          \
	X(34, MSR_LOADING)                                                                                  \
	X(36, MWAIT)                                                                                        \
	X(37, MONITOR_TRAP_FLAG)                                                                            \
	X(39, MONITOR)                                                                                      \
	X(40, PAUSE)                                                                                        \
	X(41, MACHINE_CHECK)                                                                                \
	X(43, TPR_BELOW_THRESHOLD)                                                                          \
	X(44, APIC_ACCESS)                                                                                  \
	X(45, VIRTUALIZED_EOI)                                                                              \
	X(46, GDTR_OR_IDTR)                                                                                 \
	X(47, LDTR_OR_TR)                                                                                   \
	X(48, EPT_VIOLATION)                                                                                \
	X(49, EPT_MISCONFIGURATION)                                                                         \
	X(50, INVEPT)                                                                                       \
	X(51, RDTSCP)                                                                                       \
	X(52, PREEMPTION_TIMER)                                                                             \
	X(53, INVVPID)                                                                                      \
	X(54, WBINVD)                                                                                       \
	X(55, XSETBV)                                                                                       \
	X(56, APIC_WRITE)                                                                                   \
	X(57, RDRAND)                                                                                       \
	X(58, INVPCID)                                                                                      \
	X(59, VMFUNC)                                                                                       \
	X(60, ENCLS)                                                                                        \
	X(61, RDSEED)                                                                                       \
	X(62, PML_FULL)                                                                                     \
	X(63, XSAVES)                                                                                       \
	X(64, XRSTORS)                                                                                      \
	X(65, PCONFIG)                                                                                      \
	X(66, SPP)                                                                                          \
	X(67, UMWAIT)                                                                                       \
	X(68, TPAUSE)                                                                                       \
	X(69, LOADIWKEY)                                                                                    \
	X(72, ENQCMD_PASID)                                                                                 \
	X(73, ENQCMDS_PASID)                                                                                \
	X(74, BUS_LOCK)                                                                                     \
	X(75, NOTIFY_WINDOW)
/* clang-format on */

#define X(number, name) VMX_EXIT_##name = (number),
enum vmx_exit_reason {
	VMX_EXITS(X)
};
#undef X

#define EXIT_REASON_BASIC  0xffffu
#define EXIT_ENTRY_FAILURE (1u << 31) /* the guest did not run: table 25-18 */

/*
 * The event words have one layout: VM-entry, VM-exit and IDT-vectoring information, tables 25-16, 25-19,
 * 25-20.
 */
#define EVENT_VECTOR(e)      ((e)&0xff)
#define EVENT_TYPE(e)        ((e) >> 8 & 7) /* enum trap_type */
#define EVENT_ERROR_CODE     (1u << 11)
#define EVENT_NMI_UNBLOCKING (1u << 12) /* VM-exit information: IRET had already ended the blocking of NMIs */
#define EVENT_VALID          (1u << 31)

/* Interruptibility state, table 25-3 */
#define BLOCKING_STI    1u
#define BLOCKING_MOV_SS 2u
#define BLOCKING_NMI    8u

/* Activity state, 25.4.2 */
#define ACTIVITY_ACTIVE        0
#define ACTIVITY_HLT           1
#define ACTIVITY_WAIT_FOR_SIPI 3

/* Access rights, table 25-2: bits 15:0 are those of the descriptor. */
#define RIGHTS_TYPE(r)  ((r)&0xf)
#define RIGHTS_CODE     0x0008u
#define RIGHTS_S        0x0010u
#define RIGHTS_DPL(r)   ((r) >> 5 & 3)
#define RIGHTS_PRESENT  0x0080u
#define RIGHTS_LONG     0x2000u
#define RIGHTS_BIG      0x4000u
#define RIGHTS_GRANULAR 0x8000u
#define RIGHTS_UNUSABLE 0x10000u

/* EPT: entries of 29.3.2, the pointer of table 25-9 */
#define EPT_READ         0x1u
#define EPT_WRITE        0x2u
#define EPT_EXECUTE      0x4u
#define EPT_TYPE(type)   ((uint64_t)(type) << 3)
#define EPT_EXECUTE_USER 0x400u /* with mode-based execute control; EPT_EXECUTE is supervisor mode's then */
#define EPT_WALK_4       (3u << 3)

/* IA32_VMX_EPT_VPID_CAP, appendix A.10 */
#define EPT_CAP_EXECUTE_ONLY    (1ull << 0)
#define EPT_CAP_WALK_4          (1ull << 6)
#define EPT_CAP_WB              (1ull << 14)
#define EPT_CAP_2M              (1ull << 16)
#define EPT_CAP_1G              (1ull << 17)
#define EPT_CAP_INVEPT          (1ull << 20)
#define EPT_CAP_INVEPT_SINGLE   (1ull << 25)
#define EPT_CAP_INVEPT_ALL      (1ull << 26)
#define VPID_CAP_INVVPID        (1ull << 32)
#define VPID_CAP_INVVPID_SINGLE (1ull << 41)
#define VPID_CAP_INVVPID_ALL    (1ull << 42)

#endif
