// SPDX-License-Identifier: MIT
/* INIT and SIPI: APM vol. 2 14.1.3 and table 14-1. */
#include "svm/svm.h"
#include "hw/cet.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "log/log.h"
#include "hw/asm.h"
#include "cpu/idt.h"
#include "hw/msr.h"
#include "hw/reset_state.h"

#define VM_CR_R_INIT (1ull << 1)
#define HWCR_SMMLOCK (1ull << 0)

static const struct vmcb_segment data = {.attrib = RESET_DATA, .limit = RESET_LIMIT};

static void init_segments(struct vmcb_save *s, unsigned sipi)
{
	s->es = s->ss = s->ds = s->fs = s->gs = data;
	s->cs = (struct vmcb_segment){RESET_SELECTOR, RESET_CODE, RESET_LIMIT, RESET_BASE};
	if (sipi != NO_SIPI) {
		s->cs.selector = (uint16_t)(sipi << 8);
		s->cs.base = sipi << 12;
	}
	s->gdtr = s->idtr = (struct vmcb_segment){.limit = RESET_LIMIT};
	s->ldtr = (struct vmcb_segment){.attrib = RESET_LDT, .limit = RESET_LIMIT};
	s->tr = (struct vmcb_segment){.attrib = RESET_TSS, .limit = RESET_LIMIT};
}

static void init_registers(struct vmcb_save *s, unsigned sipi)
{
	s->cr0 = (s->cr0 & (CR0_CD | CR0_NW)) | RESET_CR0; /* INIT does not change CD and NW */
	s->cr2 = s->cr3 = s->cr4 = 0;
	s->efer = EFER_SVME;
	s->rflags = RFLAGS_FIXED;
	s->rip = sipi == NO_SIPI ? RESET_RIP : 0;
	s->rsp = s->rax = 0;
	s->s_cet = s->ssp = s->isst_addr = 0;
	s->dr6 = RESET_DR6;
	s->dr7 = RESET_DR7;
	s->cpl = 0;
}

static bool write_msr(uint32_t msr, uint64_t value)
{
	return wrmsr_safe(msr, value);
}

/* Events that were pending before the INIT are dropped. The other MSRs do not change. */
void svm_reset(struct cpu *cpu, unsigned sipi)
{
	struct vmcb *v = vmcb_of(cpu);

	init_segments(&v->save, sipi);
	init_registers(&v->save, sipi);
	if (features.shadow_stacks)
		cet_clear(write_msr);
	v->control.interrupt_shadow = 0;
	vmcb_intercept(&v->control, SVM_EXIT_IRET, false);
	v->control.eventinj = 0;
	svm_watch_halt(cpu);
	svm_of(cpu)->pending &= ~(SVM_SOFT_PENDING | SVM_POLLS_HALT | SVM_POLLED);
	svm_of(cpu)->iret.noted = false;
	vendor->stage2.flush(cpu);
}

/*
 * VM_CR.R_INIT turns an INIT into #SX, which the host takes after the exit (APM vol. 2 15.13.4, 15.28,
 * 15.30.1). An INIT that does not come from a command register, from an I/O APIC or a device's message, then does not
 * reset the CPU. AMD-V has no exit for SIPI, so the command register is watched all the same.
 * Bochs 2.7 and QEMU 7.2 have no VM_CR; Bochs 3.0 has it. Under a hypervisor without it RDMSR and WRMSR may fault.
 */
void svm_redirect_init(struct cpu *cpu, bool on)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;
	uint64_t vm_cr;

	vmcb_intercept(c, SVM_EXIT_INIT, false);
	if (!rdmsr_safe(MSR_VM_CR, &vm_cr))
		return;
	wrmsr_safe(MSR_VM_CR, (vm_cr & ~VM_CR_R_INIT) | (on ? VM_CR_R_INIT : 0));
	if (rdmsr_safe(MSR_VM_CR, &vm_cr) && vm_cr & VM_CR_R_INIT)
		vmcb_intercept(c, SVM_EXIT_INIT, true);
}

/*
 * KVM stores R_INIT without effect, up to 6.1 at least: the INIT exits, then resets the CPU as soon as the global
 * interrupt flag is set. That cannot be prevented, so R_INIT counts as ineffective under any hypervisor until the first #SX.
 */
static void warn_of_init(const struct cpu *cpu)
{
	log_print("trapline: INIT to cpu=%u past its APIC's command register: the hypervisor beneath may "
		  "reset the CPU, which Trapline and the guest have lost then",
		cpu->number);
}

/* After the window a redirected INIT has arrived as #SX: host_trap(). */
void svm_take_init(struct cpu *cpu)
{
	static _Atomic bool seen;

	if (!atomic_load(&seen) && features.hypervisor)
		warn_of_init(cpu);
	svm_open_nmi_window();
	atomic_store(&seen, true);
}

/*
 * The CPU takes the guest's state away before SMM and puts it back afterwards (APM vol. 2 15.22), so SMIs need no exit. QEMU 7.2 does not:
 * its SMM runs with the guest's intercepts and nested page tables. There the SMI exits, and comes when the global interrupt flag is
 * set again. A firmware for real CPUs locks SMM, and CPUs ignore the intercept then; a handler that reads the guest's
 * registers would find the VMM's, so the exit is used only beneath an emulator or a hypervisor.
 */
void svm_watch_smi(struct cpu *cpu)
{
	uint64_t hwcr;
	bool locked = !rdmsr_safe(MSR_HWCR, &hwcr) || hwcr & HWCR_SMMLOCK;

	vmcb_intercept(&vmcb_of(cpu)->control, SVM_EXIT_SMI, features.hypervisor && !locked);
}

/* The SMI stays pending while the global interrupt flag is clear (15.17). */
void svm_take_smi(struct cpu *cpu)
{
	svm_open_nmi_window();
}

/* SMIs, NMIs and machine checks are held back while the global interrupt flag is clear (15.17). */
void svm_let_in(bool on)
{
	if (on)
		__asm__ volatile("stgi" : : : "memory");
	else
		__asm__ volatile("clgi" : : : "memory");
}
