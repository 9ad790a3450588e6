// SPDX-License-Identifier: MIT
/* AMD-V, APM vol. 2 chapter 15: shared by the files of this folder. */
#ifndef TRAPLINE_SVM_H
#define TRAPLINE_SVM_H

#include "cpu/cpu.h"
#include "guest/opcode.h"
#include "guest/step.h"
#include "mem/paging.h"
#include "hw/x86.h"
#include "svm/vmcb.h"
#include "vendor.h"

struct svm_cpu {
	uint32_t pending;  /* SVM_... bits: rare work of the next exit or entry; mostly 0 */
	uint64_t soft_rip; /* with SVM_SOFT_PENDING: RIP of the event's instruction */
	uint8_t soft_vector;
	uint8_t soft_length;  /* of the INT n, INT3 or INTO that has just exited; 0: not known */
	bool watches_waits;   /* WATCH_WAITS */
	uint64_t polled_halt; /* with SVM_POLLS_HALT and SVM_POLLED: RIP of the HLT */
	uint64_t behind_halt; /* RIP for when an interrupt or an NMI has ended it */
	uint64_t first_cr2;   /* with SVM_PROBE_CR2: the firmware's CR2 */
	struct {              /* with SVM_STEP_IRET: the state that the step has replaced */
		uint32_t exceptions;
		uint64_t dr6;
		bool own_tf; /* Trapline has set TF, not the guest */
	} step;
	struct { /* with SVM_STEP_WATCH: what the step over a watched access has replaced */
		struct hidden_step hidden;
		uint64_t dr6, sfmask, debugctl;
		uint32_t intercepts[6];
		bool configured; /* svm_set_intercepts() was called meanwhile */
	} watched;
	struct { /* the IRET of an NMI handler that was executed without a step */
		bool noted;
		uint64_t rip, rsp;
	} iret;
};

#define SVM_TLB_REQUEST  0x01 /* TLB_CONTROL was set for one entry */
#define SVM_SOFT_PENDING 0x02 /* a software event was injected with a changed RIP: svm_event.c */
#define SVM_PROBE_CR2    0x04 /* the next exit shows whether VMRUN loads CR2 */
#define SVM_STEP_IRET    0x20 /* the guest executes the IRET of its NMI handler as a single step: svm_nmi.c */
#define SVM_STEP_WATCH   0x1000 /* the guest executes one instruction, or gets one event: svm_step.c */
#define SVM_HALTS        0x40   /* HLT does not exit until the next exit: svm_halt.c */
#define SVM_DELAYS       0x80   /* MWAIT and MWAITX do not exit until the next exit */
#define SVM_PASSES_INT   0x100  /* INT n does not exit until the next exit: svm_event.c */
#define SVM_CR_OPEN      0x200  /* MOV to CR0 and CR4 does not exit until the next exit: svm_cr.c */
#define SVM_POLLS_HALT   0x400  /* a HLT exits repeatedly until an interrupt comes: svm_halt.c */
#define SVM_POLLED       0x800  /* this exit came at such a HLT */
#define SVM_KEEPS_CR2    0x08   /* VMRUN does not load CR2 (Bochs 2.7): the guest has the host's */

struct svm_caps {
	uint32_t features; /* SVM_FEATURE_... */
	uint32_t asids;
	bool nrips;         /* the CPU writes nRIP, and uses it for software events */
	bool assists;       /* decode assists: EXITINFO1 has the vector of INT n, 15.33 */
	uint32_t pushes_rf; /* vectors whose faults push RFLAGS with RF set: svm_probe_rf() */
	bool stale_dr6;     /* at a #DB exit DR6 is that of the entry: seen at an exit without a reason */
	bool strict_efer;   /* WRMSR EFER with a reserved bit raises #GP, as in the manual */
	bool strict_cr;     /* MOV to CR0 with NW and without CD raises #GP as well */
};

extern struct svm_caps svm_caps;

static inline struct svm_cpu *svm_of(const struct cpu *cpu)
{
	return cpu->vendor;
}

/* Makes the next exit, and the entry after it, handle `pending`. */
static inline void svm_set_pending(struct cpu *cpu, uint32_t bits)
{
	struct svm_cpu *svm = cpu->vendor;

	svm->pending |= bits;
	cpu_add_work(cpu, CPU_WORK_VENDOR);
}

static inline struct vmcb *vmcb_of(const struct cpu *cpu)
{
	return (struct vmcb *)cpu->vendor_asm[2];
}

/* svm_event.c */
void svm_probe_rf(void);
void svm_inject(struct cpu *cpu, const struct event *event, uint64_t cr2);
bool svm_says_why(uint64_t dr6); /* whether DR6 of a #DB exit contains a reason */
void svm_soft_event_done(struct cpu *cpu);
void svm_decode_exception(struct cpu *cpu, struct vmcb *v);
void svm_decode_swint(struct cpu *cpu, struct vmcb *v);
void svm_pass_int(struct cpu *cpu);
void svm_end_pass(struct cpu *cpu);
void svm_decode_during(struct cpu *cpu, const struct vmcb *v);
void svm_take_interrupt(struct cpu *cpu);
/* svm_nmi.c */
bool svm_inject_nmi(struct cpu *cpu);
void svm_end_step(struct cpu *cpu);
void svm_nmi_unblocked(struct cpu *cpu);
void svm_take_nmi(struct cpu *cpu);

/* svm_step.c */
void svm_watch_step(struct cpu *cpu, bool on);
void svm_end_watch_step(struct cpu *cpu);
bool svm_begins_step(const struct cpu *cpu);

/* svm_state.c */
uint64_t svm_get(const struct cpu *cpu, enum guest_register r);
void svm_set(struct cpu *cpu, enum guest_register r, uint64_t value);
void svm_segment(const struct cpu *cpu, enum segment s, struct segment_state *out);
void svm_paging(const struct cpu *cpu, struct guest_paging *out);
unsigned svm_fetch(struct cpu *cpu, uint8_t *code);
unsigned svm_code_mode(const struct cpu *cpu);
void svm_capture(struct cpu *cpu, struct trap_record *record);

/* svm_start.c */
const char *svm_load_guest(struct cpu *cpu, const struct boot_launch *launch);

/* svm_dump.c */
const char *svm_exit_name(uint64_t reason);
void svm_dump(const struct cpu *cpu);

/* svm_init.c */
void svm_reset(struct cpu *cpu, unsigned sipi);
void svm_redirect_init(struct cpu *cpu, bool on);
void svm_take_init(struct cpu *cpu);
void svm_watch_smi(struct cpu *cpu);
void svm_take_smi(struct cpu *cpu);
void svm_let_in(bool on);

/*
 * The host's CR4: the firmware's, without features whose rules the VMM does not follow, such as shadow stacks. With MCE
 * clear a machine check shuts the CPU down (8.2.17), and firmware may have left it clear. OSXSAVE is for a watch of XCR0.
 */
static inline uint64_t svm_host_cr4(uint64_t firmware, bool mce, bool xsave)
{
	return (firmware & ~(CR4_PCIDE | CR4_PKE | CR4_CET | CR4_PKS)) | (mce ? CR4_MCE : 0) |
	       (xsave ? CR4_OSXSAVE : 0);
}

/* svm_msr.c */
const char *svm_msr_init(void);
void svm_msr_probe(void);
enum msr_result svm_msr(struct cpu *cpu, uint32_t msr, bool write, uint64_t *value);
uint64_t svm_msrpm(void);
void svm_watch_msrs(void); /* the watches of MSRs have changed */
void svm_hide_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid *r);

/* svm_cr.c */
void svm_cr_probe(void);
void svm_watch_cr(struct cpu *cpu);
void svm_close_cr(struct cpu *cpu);
void svm_control_register(struct cpu *cpu);
bool svm_is_cr_move(struct cpu *cpu); /* the instruction at RIP is MOV to a control register */

/* svm_refused.c */
enum exit_kind svm_refused(
	struct cpu *cpu); /* the kind of an exit with SVM_EXIT_INVALID; mostly does not return */

/* svm.c */
void svm_set_intercepts(struct cpu *cpu);
uint64_t svm_nested_root(void);
uint64_t svm_own_nested_root(const struct stage2_private *p);
uint64_t svm_stop_btf(void); /* returns DebugCtl, 0 if BTF was clear */
void svm_restore_btf(uint64_t stopped);

/* svm_watch_registers.c */
void svm_watch_registers(struct cpu *cpu); /* what this CPU's watches need */
void svm_watch_tables(struct cpu *cpu, bool on);
uint64_t svm_cr4_bits(void); /* those that the CPU has */

/* svm_watch.c */
void svm_watch(struct cpu *cpu, enum watched what, bool on);
void svm_watch_interrupts(struct cpu *cpu, bool on);
void svm_pause(struct cpu *cpu);
void svm_poll(struct cpu *cpu); /* polls for keys, in an exit for guests without other exits */

/* svm_stage2.c */
uint64_t svm_stage2_bits(uint64_t gpa, uint64_t *size, unsigned rights);
void svm_stage2_flush(struct cpu *cpu);

/* svm_halt.c */
void svm_halt(struct cpu *cpu);
void svm_watch_halt(struct cpu *cpu);
void svm_end_halt(struct cpu *cpu);
void svm_end_poll(struct cpu *cpu);
void svm_leave_poll(struct cpu *cpu);  /* the guest gets an NMI, which ends such a HLT */
void svm_keep_shadow(struct cpu *cpu); /* before an instruction that has exited runs again */

/* run.asm */
__attribute__((noreturn)) void svm_run(struct cpu *cpu);
/* Callable from anywhere on the CPU's stack; loads all registers. */
__attribute__((noreturn)) void svm_run_on(struct cpu *cpu);
void svm_open_nmi_window(void); /* STGI, CLGI */

/* svm_skip.c */
void svm_skip_on(struct cpu *cpu, unsigned length, uint64_t met);
bool svm_skip_seen(struct cpu *cpu, const struct code_seen *seen, unsigned length);
void svm_skip_to(struct cpu *cpu, uint64_t rip);
void svm_end_instruction(struct cpu *cpu);
uint64_t svm_find_next(struct cpu *cpu);

/* svm_usual.c: the whole exit of an exception that may be a usual one. */
void svm_usual_exception(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc);

/* svm_exit.c: an exit of a code in the list, by its handler (tsc: its time, which is not used); the work at the end of an exit */
void svm_long_exit(struct cpu *cpu, struct vmcb *v, uint64_t code, uint64_t tsc);
void svm_end_exit(struct cpu *cpu);
void svm_ask_for_exits(struct vmcb_control *c);
enum opcode svm_exited_opcode(uint64_t code); /* OPCODE_NONE: no instruction that is stepped over */
void svm_own_exit(struct cpu *cpu);
void svm_probe_cr2(struct cpu *cpu);
void svm_exit(struct cpu *cpu); /* called by run.asm */

#endif
