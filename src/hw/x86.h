// SPDX-License-Identifier: MIT
/*
 * The architecture's bits: the constants, the names that are printed and their meanings are generated from these
 * lists. Plain C without other headers: the loader, the VMM, the host's tests and the test guests include it.
 */
#ifndef TRAPLINE_X86_H
#define TRAPLINE_X86_H

/* All lists: X(register, constant, bit, printed name, meaning). The constant, such as CR0_PE, is the mask of that bit. */
/* clang-format off */

/* SDM vol. 3A 2.5, APM vol. 2 3.1.1 */
#define CR0_BITS(X)                                                                                          \
	X(CR0, PE, 0,  "PE", "protected mode")                                                               \
	X(CR0, MP, 1,  "MP", "WAIT looks at TS")                                                             \
	X(CR0, EM, 2,  "EM", "no x87: its instructions raise #NM")                                           \
	X(CR0, TS, 3,  "TS", "a task was switched: vector instructions raise #NM")                           \
	X(CR0, ET, 4,  "ET", "always 1")                                                                     \
	X(CR0, NE, 5,  "NE", "x87 errors raise #MF, not an interrupt")                                       \
	X(CR0, WP, 16, "WP", "supervisor mode keeps to read-only pages as well")                             \
	X(CR0, AM, 18, "AM", "RFLAGS.AC has accesses checked for alignment")                                 \
	X(CR0, NW, 29, "NW", "no write-through; only together with CD")                                      \
	X(CR0, CD, 30, "CD", "no caching")                                                                   \
	X(CR0, PG, 31, "PG", "paging")

/* SDM vol. 3A 2.5, APM vol. 2 3.1.3 */
#define CR4_BITS(X)                                                                                          \
	X(CR4, VME,        0,  "VME",        "virtual-8086 mode's extensions")                               \
	X(CR4, PVI,        1,  "PVI",        "protected mode's virtual interrupts")                          \
	X(CR4, TSD,        2,  "TSD",        "RDTSC in ring 0 only")                                         \
	X(CR4, DE,         3,  "DE",         "breakpoints on I/O; DR4 and DR5 raise #UD")                    \
	X(CR4, PSE,        4,  "PSE",        "4 MiB pages in 32-bit paging")                                 \
	X(CR4, PAE,        5,  "PAE",        "entries of 8 bytes")                                           \
	X(CR4, MCE,        6,  "MCE",        "machine checks")                                               \
	X(CR4, PGE,        7,  "PGE",        "global pages")                                                 \
	X(CR4, PCE,        8,  "PCE",        "RDPMC in every ring")                                          \
	X(CR4, OSFXSR,     9,  "OSFXSR",     "the OS saves SSE state")                                       \
	X(CR4, OSXMMEXCPT, 10, "OSXMMEXCPT", "the OS handles #XM")                                           \
	X(CR4, UMIP,       11, "UMIP",       "SGDT and its like in ring 0 only")                             \
	X(CR4, LA57,       12, "LA57",       "5-level paging")                                               \
	X(CR4, VMXE,       13, "VMXE",       "VMX")                                                          \
	X(CR4, SMXE,       14, "SMXE",       "SMX")                                                          \
	X(CR4, FSGSBASE,   16, "FSGSBASE",   "RDFSBASE and its like")                                        \
	X(CR4, PCIDE,      17, "PCIDE",      "process-context identifiers")                                  \
	X(CR4, OSXSAVE,    18, "OSXSAVE",    "XSAVE and XSETBV")                                             \
	X(CR4, KL,         19, "KL",         "Key Locker")                                                   \
	X(CR4, SMEP,       20, "SMEP",       "supervisor mode executes no user pages")                       \
	X(CR4, SMAP,       21, "SMAP",       "supervisor mode reaches user pages under RFLAGS.AC only")      \
	X(CR4, PKE,        22, "PKE",        "protection keys of user pages")                                \
	X(CR4, CET,        23, "CET",        "shadow stacks and indirect-branch tracking")                   \
	X(CR4, PKS,        24, "PKS",        "protection keys of supervisor pages")                          \
	X(CR4, UINTR,      25, "UINTR",      "user interrupts")

/* SDM vol. 3A 2.2.1, APM vol. 2 3.1.7 */
#define EFER_BITS(X)                                                                                         \
	X(EFER, SCE,     0,  "SCE",     "SYSCALL")                                                           \
	X(EFER, LME,     8,  "LME",     "long mode once paging is on")                                       \
	X(EFER, LMA,     10, "LMA",     "long mode")                                                         \
	X(EFER, NXE,     11, "NXE",     "pages can forbid execution")                                        \
	X(EFER, SVME,    12, "SVME",    "AMD-V")                                                             \
	X(EFER, LMSLE,   13, "LMSLE",   "segment limits in 64-bit mode")                                     \
	X(EFER, FFXSR,   14, "FFXSR",   "FXSAVE without XMM registers in ring 0")                            \
	X(EFER, TCE,     15, "TCE",     "INVLPG leaves the upper levels' translations")                      \
	X(EFER, MCOMMIT, 17, "MCOMMIT", "MCOMMIT, the instruction")                                          \
	X(EFER, INTWB,   18, "INTWB",   "WBINVD can be interrupted")                                         \
	X(EFER, UAIE,    20, "UAIE",    "upper bits of addresses are ignored")                               \
	X(EFER, AIBRSE,  21, "AIBRSE",  "automatic IBRS")

/* SDM vol. 3A 2.3, APM vol. 2 3.1.6 */
#define RFLAGS_BITS(X)                                                                                       \
	X(RFLAGS, CF,    0,  "CF",    "carry")                                                               \
	X(RFLAGS, PF,    2,  "PF",    "parity")                                                              \
	X(RFLAGS, AF,    4,  "AF",    "auxiliary carry")                                                     \
	X(RFLAGS, ZF,    6,  "ZF",    "zero")                                                                \
	X(RFLAGS, SF,    7,  "SF",    "sign")                                                                \
	X(RFLAGS, TF,    8,  "TF",    "single step: #DB behind each instruction")                            \
	X(RFLAGS, IF,    9,  "IF",    "interrupts")                                                          \
	X(RFLAGS, DF,    10, "DF",    "strings downwards")                                                   \
	X(RFLAGS, OF,    11, "OF",    "overflow")                                                            \
	X(RFLAGS, IOPL0, 12, "IOPL0", "which rings may do I/O: bit 0")                                       \
	X(RFLAGS, IOPL1, 13, "IOPL1", "and bit 1")                                                           \
	X(RFLAGS, NT,    14, "NT",    "nested task")                                                         \
	X(RFLAGS, RF,    16, "RF",    "no instruction breakpoint at the next instruction")                   \
	X(RFLAGS, VM,    17, "VM",    "virtual-8086 mode")                                                   \
	X(RFLAGS, AC,    18, "AC",    "alignment check; under SMAP: user pages are meant")                   \
	X(RFLAGS, VIF,   19, "VIF",   "virtual IF")                                                          \
	X(RFLAGS, VIP,   20, "VIP",   "virtual interrupt pending")                                           \
	X(RFLAGS, ID,    21, "ID",    "can be changed: there is CPUID")

/* SDM vol. 3B 18.2.3, APM vol. 2 13.1.1.3: 1 means that the condition was met. */
#define DR6_BITS(X)                                                                                          \
	X(DR6, B0, 0,  "B0", "breakpoint 0")                                                                 \
	X(DR6, B1, 1,  "B1", "breakpoint 1")                                                                 \
	X(DR6, B2, 2,  "B2", "breakpoint 2")                                                                 \
	X(DR6, B3, 3,  "B3", "breakpoint 3")                                                                 \
	X(DR6, BD, 13, "BD", "debug registers were used under DR7.GD")                                       \
	X(DR6, BS, 14, "BS", "single step")                                                                  \
	X(DR6, BT, 15, "BT", "task switch, T set in the TSS")

/* Inverted: 0 means that the condition was met. CPUs without it always read 1. */
#define DR6_INVERTED_BITS(X)                                                                                 \
	X(DR6, BLD, 11, "BLD", "bus lock")                                                                   \
	X(DR6, RTM, 16, "RTM", "inside a transaction")

/* SDM vol. 3B 18.2.4, APM vol. 2 13.1.1.4 */
#define DR7_BITS(X)                                                                                          \
	X(DR7, L0, 0,  "L0", "breakpoint 0, until the task is switched")                                     \
	X(DR7, G0, 1,  "G0", "breakpoint 0")                                                                 \
	X(DR7, L1, 2,  "L1", "breakpoint 1, until the task is switched")                                     \
	X(DR7, G1, 3,  "G1", "breakpoint 1")                                                                 \
	X(DR7, L2, 4,  "L2", "breakpoint 2, until the task is switched")                                     \
	X(DR7, G2, 5,  "G2", "breakpoint 2")                                                                 \
	X(DR7, L3, 6,  "L3", "breakpoint 3, until the task is switched")                                     \
	X(DR7, G3, 7,  "G3", "breakpoint 3")                                                                 \
	X(DR7, LE, 8,  "LE", "exact breakpoints, until the task is switched")                                \
	X(DR7, GE, 9,  "GE", "exact breakpoints")                                                            \
	X(DR7, GD, 13, "GD", "MOV of a debug register raises #DB")

/* SDM vol. 3B 18.4.1, APM vol. 2 13.1.1.6 */
#define DEBUGCTL_BITS(X)                                                                                     \
	X(DEBUGCTL, LBR, 0, "LBR", "last branches are recorded")                                             \
	X(DEBUGCTL, BTF, 1, "BTF", "TF steps from branch to branch")

/* SDM vol. 3A tables 4-15 to 4-20, APM vol. 2 5.4 */
#define PTE_BITS(X)                                                                                          \
	X(PTE, PRESENT,  0,  "P",   "present")                                                               \
	X(PTE, WRITE,    1,  "W",   "writable")                                                              \
	X(PTE, USER,     2,  "U",   "for user mode")                                                         \
	X(PTE, PWT,      3,  "PWT", "write-through")                                                         \
	X(PTE, PCD,      4,  "PCD", "not cached")                                                            \
	X(PTE, ACCESSED, 5,  "A",   "accessed")                                                              \
	X(PTE, DIRTY,    6,  "D",   "written to")                                                            \
	X(PTE, LARGE,    7,  "PS",  "a page, where a smaller table could be")                                \
	X(PTE, NX,       63, "XD",  "no execution")

/* The error code of #PF, SDM vol. 3A 4.7 figure 4-12, APM vol. 2 8.4.2 */
#define PF_BITS(X)                                                                                           \
	X(PF, P,    0,  "P",    "the page was present: a right was missing")                                 \
	X(PF, W,    1,  "W",    "write")                                                                     \
	X(PF, U,    2,  "U",    "user-mode access")                                                          \
	X(PF, RSVD, 3,  "RSVD", "a reserved bit is set in an entry")                                         \
	X(PF, I,    4,  "I",    "instruction fetch")                                                         \
	X(PF, PK,   5,  "PK",   "refused by the protection key")                                             \
	X(PF, SS,   6,  "SS",   "shadow-stack access")                                                       \
	X(PF, HLAT, 7,  "HLAT", "met while walking the HLAT tables")                                         \
	X(PF, SGX,  15, "SGX",  "refused by SGX")                                                            \
	X(PF, RMP,  31, "RMP",  "AMD: refused by the reverse map table")

/* The error code of #TS, #NP, #SS and #GP, SDM vol. 3A 6.13, APM vol. 2 8.4.1. The index is above them. */
#define ERROR_BITS(X)                                                                                        \
	X(ERROR, EXT, 0, "ext", "the event came from outside the program, or INT1")                          \
	X(ERROR, IDT, 1, "idt", "the index is a vector")                                                     \
	X(ERROR, TI,  2, "ldt", "of the LDT, otherwise of the GDT; meaningless with IDT")

/* clang-format on */

/*
 * A constant that fits into an int has type int, and `~` sign-extends it; the others have 64 bits because PTE_NX has. So a mask
 * and its complement are right in 64 bits and in fewer.
 */
#define X(reg, constant, bit, name, meaning) reg##_##constant = 1ull << (bit),
enum x86_bits {
	CR0_BITS(X)
	CR4_BITS(X) EFER_BITS(X) RFLAGS_BITS(X) DR6_BITS(X) DR6_INVERTED_BITS(X) DR7_BITS(X) DEBUGCTL_BITS(X)
		PTE_BITS(X) PF_BITS(X) ERROR_BITS(X)
};
#undef X

#define CR3_PCID    0xfffull              /* with CR4.PCIDE: SDM vol. 3A 4.5 */
#define CR3_LAM     (3ull << 61)          /* LAM_U48 and LAM_U57: SDM vol. 3A 4.4 */
#define PTE_ADDRESS 0x000ffffffffff000ull /* of the page or of the next table; the same bits of CR3 */

#define RFLAGS_FIXED 0x2ull /* always 1 */
#define RFLAGS_IOPL  (RFLAGS_IOPL0 | RFLAGS_IOPL1)
/* of arithmetic */
#define RFLAGS_STATUS (RFLAGS_CF | RFLAGS_PF | RFLAGS_AF | RFLAGS_ZF | RFLAGS_SF | RFLAGS_OF)

#define DR6_BREAKPOINTS 0xfull
#define DR6_ALWAYS_1    0x7f0ull /* bits that read 1 on every CPU; BLD and RTM read 1 on CPUs without them */
#define DR7_LOCAL       (DR7_L0 | DR7_L1 | DR7_L2 | DR7_L3 | DR7_LE)
#define DR7_ENABLED     0xffull  /* any breakpoint */
#define DR7_FIXED       0x400ull /* always 1 */

/* SDM vol. 3A 3.4.2, APM vol. 2 4.5.1. In an error code EXT and IDT are in the place of RPL. */
#define SELECTOR_RPL   0x3u
#define SELECTOR_TI    0x4u
#define SELECTOR_INDEX 0xfff8u

#endif
