// SPDX-License-Identifier: MIT
/* VT-x, SDM vol. 3C chapters 24 to 29: shared by the files of this folder. */
#ifndef TRAPLINE_VMX_H
#define TRAPLINE_VMX_H

#include "cpu/cpu.h"
#include "guest/step.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "mem/memory_type.h"
#include "mem/mtrr_shadow.h"
#include "vendor.h"
#include "vmx/vmcs.h"
#include "vmx/vmread.h"
#include "vmx/vmx_caps.h"

/* Guest fields that decide how its code and its memory are read. They are read together, because a caller needs most of them. */
struct vmx_mode {
	struct guest_paging paging;
	uint64_t cs_rights;
};

struct vmx_cpu {
	uint64_t rip, rflags; /* the guest's, read at every exit */
	struct vmx_mode mode; /* read on demand: vmx_mode() */
	uint32_t pin;         /* controls that change, as they are in the VMCS */
	_Atomic uint32_t controls;
	uint32_t reason; /* of this exit */
	union {
		uint32_t fresh; /* all of these at once: 0 at each exit */
		struct {
			bool mode_read;
			bool event_set; /* an event is injected at the next entry */
			bool stepped;   /* skip() has made the single step's #DB pending */
		};
	};
	bool watching; /* the console wants external interrupts to exit */
	struct {       /* the firmware's state, which cpu_undo() restores */
		uint64_t cr0, cr4;
		uint16_t ldtr, tr;
	} before;
	uint64_t cr0_shadow; /* the guest's own CR0.NE */
	struct vmx_step {    /* a step by TF: vmx_step.c */
		struct hidden_step hidden;
		bool on, masks_tf;
		bool configured; /* vmx_set_intercepts() was called meanwhile */
		uint32_t exceptions;
		uint64_t debugctl;
	} step;
	struct mtrr_shadow mtrrs;
	uint64_t refused_at; /* position in the history at the last refused entry: vmx_refused.c */
};

extern struct vmx_caps vmx_caps;

#define PENDING_BP (1ull << 12)

#define ERROR_CODE_BITS 0xffffu /* of an event that is injected, 27.2.1.3: other bits have to be 0 */

/* Bits that the host owns: the guest reads them from the shadow, as they would be without Trapline. */
#define CR0_OWNED CR0_NE
#define CR4_OWNED (CR4_VMXE | CR4_SMXE)

static inline struct vmx_cpu *vmx_of(const struct cpu *cpu)
{
	return cpu->vendor;
}

static inline void vmx_read_mode(struct vmx_mode *m)
{
	m->paging.cr0 = vmread(VMCS_GUEST_CR0);
	m->paging.cr3 = vmread(VMCS_GUEST_CR3);
	m->paging.cr4 = vmread(VMCS_GUEST_CR4);
	m->paging.efer = vmread(VMCS_GUEST_EFER);
	m->cs_rights = vmread(VMCS_GUEST_CS_RIGHTS);
}

static inline const struct vmx_mode *vmx_mode(const struct cpu *cpu)
{
	struct vmx_cpu *vmx = vmx_of(cpu);

	if (!vmx->mode_read) {
		vmx_read_mode(&vmx->mode);
		vmx->mode_read = true;
	}
	return &vmx->mode;
}

/* Reads RIP, RFLAGS and the mode again, after their VMCS fields were written. */
static inline void vmx_reread(struct cpu *cpu)
{
	struct vmx_cpu *vmx = vmx_of(cpu);

	vmx->rip = vmread(VMCS_GUEST_RIP);
	vmx->rflags = vmread(VMCS_GUEST_RFLAGS);
	vmx->mode_read = false;
}

static inline void vmx_set_rip(struct cpu *cpu, uint64_t rip)
{
	vmwrite(VMCS_GUEST_RIP, vmx_of(cpu)->rip = rip);
}

static inline void vmx_set_rflags(struct cpu *cpu, uint64_t rflags)
{
	vmwrite(VMCS_GUEST_RFLAGS, vmx_of(cpu)->rflags = rflags);
}

/* vmx_event.c */
uint64_t vmx_decode_exception(struct cpu *cpu);
void vmx_decode_vectoring(struct cpu *cpu, uint32_t word);
void vmx_restore_nmi_blocking(const struct cpu *cpu);
void vmx_inject(struct cpu *cpu, const struct event *event, uint64_t cr2);
void vmx_settle_debug(struct cpu *cpu);
void vmx_take_interrupt(struct cpu *cpu);

/* Decodes the event whose delivery the exit interrupted; most exits have none. */
static inline void vmx_decode_during(struct cpu *cpu)
{
	uint32_t word = (uint32_t)vmread(VMCS_VECTORING_EVENT);

	if (__builtin_expect(word & EVENT_VALID, 0))
		vmx_decode_vectoring(cpu, word);
}

/* vmx_step.c */
void vmx_watch_step(struct cpu *cpu, bool on);
uint64_t vmx_stepped(struct cpu *cpu, uint64_t why);

/* vmx_watch.c */
void vmx_watch(struct cpu *cpu, enum watched what, bool on);
void vmx_exit_on_interrupts(struct cpu *cpu, bool on);
void vmx_exit_interrupts(struct cpu *cpu, bool always); /* whatever the console wants, or as it wants */
void vmx_set_timer(struct cpu *cpu);
void vmx_timer(struct cpu *cpu);
void vmx_set_control(struct cpu *cpu, uint32_t control, bool on); /* CPU_..., in VMCS_CPU_CONTROLS */

/* vmx_nmi.c */
void vmx_take_nmi(struct cpu *cpu);
bool vmx_inject_nmi(struct cpu *cpu);
void vmx_nmi_unblocked(struct cpu *cpu);

/* vmx_state.c */
uint64_t vmx_get(const struct cpu *cpu, enum guest_register r);
void vmx_set(struct cpu *cpu, enum guest_register r, uint64_t value);
void vmx_segment(const struct cpu *cpu, enum segment s, struct segment_state *out);
void vmx_paging(const struct cpu *cpu, struct guest_paging *out);
unsigned vmx_fetch(struct cpu *cpu, uint8_t *code);
unsigned vmx_cpl(const struct cpu *cpu);
unsigned vmx_code_mode(const struct cpu *cpu);
void vmx_capture(struct cpu *cpu, struct trap_record *record);

/* vmx_skip.c */
void vmx_skip_on(struct cpu *cpu, unsigned length, uint64_t met);
bool vmx_skip_seen(struct cpu *cpu, const struct code_seen *seen, unsigned length);
SLOW_PATH void vmx_end_shadow(struct cpu *cpu);
SLOW_PATH void vmx_end_instruction(struct cpu *cpu, uint64_t rflags);
SLOW_PATH uint64_t vmx_find_next(struct cpu *cpu); /* RIP after the instruction that exited */

/* vmx_refused.c */
__attribute__((noreturn)) void vmx_refused(struct cpu *cpu, uint32_t reason);

/* vmx_init.c */
void vmx_reset(struct cpu *cpu, unsigned sipi);
void vmx_take_init(struct cpu *cpu);
void vmx_let_in(bool on);

/* vmx_count.c */
#ifdef VMX_COUNT
void vmx_count_exit(const struct cpu *cpu);
#else
static inline void vmx_count_exit(const struct cpu *cpu)
{
}
#endif

/* vmx_start.c */
const char *vmx_load_guest(struct cpu *cpu, const struct boot_launch *launch);
void vmx_load_host(struct cpu *cpu);

/* vmx_cr.c */
void vmx_control_register(struct cpu *cpu);
void vmx_x87_error(struct cpu *cpu);
void vmx_set_intercepts(struct cpu *cpu); /* also after the guest's CR0.NE has changed */

/* vmx_watch_registers.c */
void vmx_watch_registers(struct cpu *cpu); /* what this CPU's watches need */
void vmx_watch_tables(bool on);
void vmx_set_masks(struct cpu *cpu); /* after CR0 or CR4 has changed */
void vmx_set_control_register(struct cpu *cpu, enum guest_register r, uint64_t value);

/* vmx_task.c */
void vmx_task_switch(struct cpu *cpu);

/* vmx_msr.c. IA32_FEATURE_CONTROL as the guest reads it: locked, without VMX in and outside of SMX and without SENTER's enables. */
static inline uint64_t vmx_feature_control_shown(void)
{
	return (rdmsr(MSR_FEATURE_CONTROL) & ~0xff06ull) | 1;
}

const char *vmx_msr_init(void);
enum msr_result vmx_msr(struct cpu *cpu, uint32_t msr, bool write, uint64_t *value);
uint64_t vmx_msr_bitmap(void);
void vmx_watch_msrs(void); /* the watches of MSRs have changed */
void vmx_hide_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid *r);

/* vmx_stage2.c */
uint64_t vmx_ept_pointer(void);
uint64_t vmx_ept_pointer_of(uint64_t root);
void vmx_flush_ept(uint64_t pointer);
uint64_t vmx_stage2_bits(uint64_t gpa, uint64_t *size, unsigned rights);
void vmx_stage2_flush(struct cpu *cpu);
void vmx_flush_guest_tlb(void);

/* vmx_dump.c */
const char *vmx_exit_name(uint64_t reason);
const char *vmx_instruction_error(uint64_t number);
void vmx_dump(const struct cpu *cpu);

/* run.asm */
__attribute__((noreturn)) void vmx_run(struct cpu *cpu);
/* Callable from an exit; loads the registers from cpu->gpr. */
__attribute__((noreturn)) void vmx_run_on(struct cpu *cpu);
extern const char vmx_host_entry[], vmx_mitigated_entry[];

/* vmx_usual.c: the whole exit of an exception that may be a usual one. */
void vmx_usual_exception(struct cpu *cpu, struct vmx_cpu *vmx, uint32_t word);

/* vmx_exit.c, called by run.asm */
void vmx_long_exception(struct cpu *cpu, struct vmx_cpu *vmx);
void vmx_end_exit(struct cpu *cpu);
void vmx_exit(struct cpu *cpu);
void vmx_ask_for_exits(uint32_t asked[VMX_CONTROL_WORDS]);
void vmx_own_exit(struct cpu *cpu);
__attribute__((noreturn)) void vmx_entry_failed(struct cpu *cpu);

#endif
