// SPDX-License-Identifier: MIT
/* The virtual machine control block, APM vol. 2 appendix B. */
#ifndef TRAPLINE_VMCB_H
#define TRAPLINE_VMCB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vmcb_segment {
	uint16_t selector;
	uint16_t attrib; /* bits 55:52 and 47:40 of the descriptor, packed: 15.5.1 */
	uint32_t limit;
	uint64_t base;
};

#define ATTRIB_TYPE(a) ((a)&0xf)
#define ATTRIB_DPL(a)  (((a) >> 5) & 3)
#define ATTRIB_PRESENT 0x080
#define ATTRIB_LONG    0x200
#define ATTRIB_BIG     0x400

/* APM vol. 2 table B-1 */
struct vmcb_control {
	union {
		struct {
			uint16_t cr_read, cr_write;
			uint16_t dr_read, dr_write;
			uint32_t exceptions;
			uint32_t intercept1, intercept2, intercept3;
		};
		uint32_t intercepts[6]; /* all of these: a bit for each exit code, vmcb_intercept() */
	};
	uint8_t reserved1[0x3c - 0x18];
	uint16_t pause_threshold, pause_count;
	uint64_t iopm_base, msrpm_base;
	uint64_t tsc_offset;
	uint32_t asid;
	uint32_t tlb_control;
	uint64_t interrupt; /* V_TPR, V_IRQ, V_INTR_MASKING and so on */
	uint64_t interrupt_shadow;
	uint64_t exitcode, exitinfo1, exitinfo2, exitintinfo;
	uint64_t np_enable;
	uint64_t avic_bar, ghcb;
	uint64_t eventinj;
	uint64_t n_cr3;
	uint64_t lbr_virtualization;
	uint64_t clean; /* VMCB clean bits, 15.15.3: always 0 here, so every field is loaded */
	uint64_t nrip;
	uint8_t fetched; /* decode assists: FETCHED_COUNT has the bytes in code[] */
	uint8_t code[15];
	uint8_t reserved2[0x400 - 0xe0];
};

#define FETCHED_COUNT 0xf

/* APM vol. 2 table B-2 */
struct vmcb_save {
	struct vmcb_segment es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	uint8_t reserved1[0xcb - 0xa0];
	uint8_t cpl;
	uint32_t reserved2;
	uint64_t efer;
	uint8_t reserved3[0x148 - 0xd8];
	uint64_t cr4, cr3, cr0, dr7, dr6, rflags, rip;
	uint8_t reserved4[0x1d8 - 0x180];
	uint64_t rsp, s_cet, ssp, isst_addr, rax;
	uint64_t star, lstar, cstar, sfmask, kernel_gs_base;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t cr2;
	uint8_t reserved5[0x268 - 0x248];
	uint64_t g_pat;
	uint64_t dbgctl;
	uint8_t reserved6[0x2e0 - 0x278];
	uint64_t spec_ctrl; /* with SVM_FEATURE_SPEC_CTRL */
	uint8_t reserved7[0xc00 - 0x2e8];
};

struct vmcb {
	struct vmcb_control control;
	struct vmcb_save save;
};

_Static_assert(offsetof(struct vmcb_control, intercept2) == 0x10, "table B-1");
_Static_assert(offsetof(struct vmcb_control, iopm_base) == 0x40, "table B-1");
_Static_assert(offsetof(struct vmcb_control, exitcode) == 0x70, "table B-1");
_Static_assert(offsetof(struct vmcb_control, eventinj) == 0xa8, "table B-1");
_Static_assert(offsetof(struct vmcb_control, nrip) == 0xc8, "table B-1");
_Static_assert(offsetof(struct vmcb, save) == 0x400, "table B-2");
_Static_assert(offsetof(struct vmcb_save, cpl) == 0xcb, "table B-2");
_Static_assert(offsetof(struct vmcb_save, efer) == 0xd0, "table B-2");
_Static_assert(offsetof(struct vmcb_save, cr4) == 0x148, "table B-2");
_Static_assert(offsetof(struct vmcb_save, rip) == 0x178, "table B-2");
_Static_assert(offsetof(struct vmcb_save, rsp) == 0x1d8, "table B-2");
_Static_assert(offsetof(struct vmcb_save, rax) == 0x1f8, "table B-2");
_Static_assert(offsetof(struct vmcb_save, cr2) == 0x240, "table B-2");
_Static_assert(offsetof(struct vmcb_save, g_pat) == 0x268, "table B-2");
_Static_assert(offsetof(struct vmcb_save, spec_ctrl) == 0x2e0, "table B-2");
_Static_assert(sizeof(struct vmcb) == 4096, "one page");

/* The vectors to intercept: bits 2 and 9 are undefined (15.12), and nothing raises a reserved vector (table 8-1). */
#define INTERCEPT_EXCEPTIONS (~(1u << 2 | 1u << 9 | 1u << 15 | 1u << 20 | 0x3fu << 22 | 1u << 31))

/*
 * Exit codes, APM vol. 2 appendix C. X(code, name). What of them exits, and what becomes of it, is in svm_exit.c. Exceptions are a
 * range, CR and DR two each.
 */
#define SVM_EXITS(X)                                                                                         \
	X(0x010, CR0_WRITE)                                                                                  \
	X(0x013, CR3_WRITE)                                                                                  \
	X(0x014, CR4_WRITE)                                                                                  \
	X(0x035, DR5_WRITE)                                                                                  \
	X(0x037, DR7_WRITE)                                                                                  \
	X(0x060, INTR)                                                                                       \
	X(0x061, NMI)                                                                                        \
	X(0x062, SMI)                                                                                        \
	X(0x063, INIT)                                                                                       \
	X(0x064, VINTR)                                                                                      \
	X(0x065, CR0_SEL_WRITE)                                                                              \
	X(0x066, IDTR_READ)                                                                                  \
	X(0x067, GDTR_READ)                                                                                  \
	X(0x068, LDTR_READ)                                                                                  \
	X(0x069, TR_READ)                                                                                    \
	X(0x06a, IDTR_WRITE)                                                                                 \
	X(0x06b, GDTR_WRITE)                                                                                 \
	X(0x06c, LDTR_WRITE)                                                                                 \
	X(0x06d, TR_WRITE)                                                                                   \
	X(0x06e, RDTSC)                                                                                      \
	X(0x06f, RDPMC)                                                                                      \
	X(0x070, PUSHF)                                                                                      \
	X(0x071, POPF)                                                                                       \
	X(0x072, CPUID)                                                                                      \
	X(0x073, RSM)                                                                                        \
	X(0x074, IRET)                                                                                       \
	X(0x075, SWINT)                                                                                      \
	X(0x076, INVD)                                                                                       \
	X(0x077, PAUSE)                                                                                      \
	X(0x078, HLT)                                                                                        \
	X(0x079, INVLPG)                                                                                     \
	X(0x07a, INVLPGA)                                                                                    \
	X(0x07b, IOIO)                                                                                       \
	X(0x07c, MSR)                                                                                        \
	X(0x07d, TASK_SWITCH)                                                                                \
	X(0x07e, FERR_FREEZE)                                                                                \
	X(0x07f, SHUTDOWN)                                                                                   \
	X(0x080, VMRUN)                                                                                      \
	X(0x081, VMMCALL)                                                                                    \
	X(0x082, VMLOAD)                                                                                     \
	X(0x083, VMSAVE)                                                                                     \
	X(0x084, STGI)                                                                                       \
	X(0x085, CLGI)                                                                                       \
	X(0x086, SKINIT)                                                                                     \
	X(0x087, RDTSCP)                                                                                     \
	X(0x088, ICEBP)                                                                                      \
	X(0x089, WBINVD)                                                                                     \
	X(0x08a, MONITOR)                                                                                    \
	X(0x08b, MWAIT)                                                                                      \
	X(0x08c, MWAIT_CONDITIONAL)                                                                          \
	X(0x08d, XSETBV)                                                                                     \
	X(0x08e, RDPRU)                                                                                      \
	X(0x08f, EFER_WRITE_TRAP)

#define X(code, name) SVM_EXIT_##name = (code),
enum svm_exit_code {
	SVM_EXIT_EXCEPTION = 0x40,
	SVM_EXITS(X) SVM_EXIT_NPF = 0x400
};
#define SVM_EXIT_STEPPED 0xfffffffeu /* no code of the CPU's: the #DB of a hidden step, svm_step.c */
#define SVM_EXIT_INVALID 0xffffffffu /* QEMU zero-extends it */
#undef X

/* An exit's code is the number of the bit that requests it, counted from the beginning of the VMCB: table B-1. */
static inline bool vmcb_has_intercept(const struct vmcb_control *c, unsigned code)
{
	return c->intercepts[code / 32] >> code % 32 & 1;
}

static inline void vmcb_intercept(struct vmcb_control *c, unsigned code, bool on)
{
	uint32_t *word = &c->intercepts[code / 32], bit = 1u << code % 32;

	*word = on ? *word | bit : *word & ~bit;
}

/* The CPU's SVM features, CPUID Fn8000_000A EDX */
#define SVM_FEATURE_NP        (1u << 0)
#define SVM_FEATURE_NRIPS     (1u << 3)
#define SVM_FEATURE_FLUSHASID (1u << 6)
#define SVM_FEATURE_ASSISTS   (1u << 7)  /* decode assists */
#define SVM_FEATURE_PAUSE     (1u << 10) /* the pause filter */
#define SVM_FEATURE_SPEC_CTRL (1u << 20) /* the guest has a SPEC_CTRL of its own */

/* EVENTINJ and EXITINTINFO, 15.20 and 15.7.2 */
#define SVM_EVENT_VECTOR(e) ((e)&0xff)
#define SVM_EVENT_TYPE(e)   (((e) >> 8) & 7)
#define SVM_EVENT_EV        (1ull << 11)
#define SVM_EVENT_V         (1ull << 31)

#endif
