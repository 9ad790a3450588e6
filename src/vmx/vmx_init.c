// SPDX-License-Identifier: MIT
/*
 * INIT and SIPI. SDM vol. 3A table 10-1 has the state of a CPU after INIT. On a CPU that reports both
 * (26.2, 25.4.2), INIT exits, the guest waits in the activity state wait-for-SIPI, and SIPI exits with its vector.
 *
 * Bochs 2.7 drops an INIT in VMX root operation, and an INIT that has exited exits again before each
 * instruction of the guest; 2.8 and later follow the manual. Entering wait-for-SIPI sets blocking by NMI
 * and by SMI, which must be cleared for the next entry into the active state. 3.0 keeps an INIT that comes while
 * the guest waits for a SIPI, and lets it exit after the SIPI.
 */
#include "vmx/vmx.h"
#include "lib/array.h"
#include "hw/features.h"
#include "vmx/vmx_cet.h"
#include "hw/x86.h"
#include "exit/init_sipi.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/reset_state.h"

static void init_segment(enum segment n, uint32_t rights)
{
	vmwrite(VMCS_SELECTOR(n), 0);
	vmwrite(VMCS_BASE(n), 0);
	vmwrite(VMCS_LIMIT(n), RESET_LIMIT);
	vmwrite(VMCS_RIGHTS(n), rights);
}

static void init_segments(unsigned sipi)
{
	static const enum segment data[] = {SEG_ES, SEG_SS, SEG_DS, SEG_FS, SEG_GS};

	for (unsigned i = 0; i < ARRAY_SIZE(data); i++)
		init_segment(data[i], RESET_DATA);
	init_segment(SEG_CS, RESET_CODE);
	vmwrite(VMCS_GUEST_CS_SELECTOR, sipi == NO_SIPI ? RESET_SELECTOR : sipi << 8);
	vmwrite(VMCS_BASE(SEG_CS), sipi == NO_SIPI ? RESET_BASE : sipi << 12);
	init_segment(SEG_LDTR, RESET_LDT);
	init_segment(SEG_TR, RESET_TSS);
	vmwrite(VMCS_GUEST_GDTR_BASE, 0);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, RESET_LIMIT);
	vmwrite(VMCS_GUEST_IDTR_BASE, 0);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, RESET_LIMIT);
}

static bool write_msr(uint32_t msr, uint64_t value)
{
	return wrmsr_safe(msr, value);
}

/* INIT does not change CD and NW. NE is the host's, and the shadow shows it clear. */
static void init_control_registers(struct cpu *cpu)
{
	uint64_t cr0 = (vmread(VMCS_GUEST_CR0) & (CR0_CD | CR0_NW)) | RESET_CR0;

	vmx_of(cpu)->cr0_shadow = 0;
	vmwrite(VMCS_GUEST_CR0, cr0 | CR0_NE);
	vmwrite(VMCS_CR0_SHADOW, 0);
	vmx_set_intercepts(cpu);
	vmwrite(VMCS_GUEST_CR3, 0);
	vmwrite(VMCS_GUEST_CR4, CR4_VMXE);
	vmx_set_masks(cpu);
	vmwrite(VMCS_GUEST_EFER, 0);
	vmwrite(VMCS_ENTRY_CONTROLS, vmread(VMCS_ENTRY_CONTROLS) & ~(uint64_t)ENTRY_GUEST_64);
	if (features.shadow_stacks || features.branch_tracking)
		vmx_cet_clear(write_msr, rdmsr(MSR_VMX_ENTRY_CTLS));
	cpu->vendor_asm[0] = 0; /* CR2 */
}

/* Events that were pending before the INIT are dropped. The other MSRs do not change. */
void vmx_reset(struct cpu *cpu, unsigned sipi)
{
	init_segments(sipi);
	init_control_registers(cpu);
	vmwrite(VMCS_GUEST_RFLAGS, RFLAGS_FIXED);
	vmwrite(VMCS_GUEST_RIP, sipi == NO_SIPI ? RESET_RIP : 0);
	vmwrite(VMCS_GUEST_RSP, 0);
	vmwrite(VMCS_GUEST_DR7, RESET_DR7);
	write_dr6(RESET_DR6);
	vmwrite(VMCS_GUEST_DEBUGCTL, 0);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	vmwrite(VMCS_ENTRY_EVENT, 0);
	vmx_of(cpu)->event_set = vmx_of(cpu)->stepped = false;
	vmx_flush_guest_tlb();
	vmx_reread(cpu);
}

/*
 * 26.2: in wait-for-SIPI an INIT is blocked. The manual does not say whether it stays pending. A CPU that already waits must
 * not change, so an INIT that exits after the SIPI and before an instruction of the guest came too early, and is dropped.
 */
static bool came_while_waiting(const struct cpu *cpu)
{
	const struct exit_entry *before = history_at(&cpu->history, cpu->history.count - 2);

	return before->reason == VMX_EXIT_SIPI && !vmx_of(cpu)->rip;
}

/* 27.3.1.5: the state requires no shadow and no injected event. */
static void wait_for_sipi(struct cpu *cpu)
{
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	vmwrite(VMCS_ENTRY_EVENT, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_WAIT_FOR_SIPI);
	vmx_of(cpu)->event_set = false;
	vmx_of(cpu)->stepped = true; /* end_exit() has nothing to settle */
}

void vmx_take_init(struct cpu *cpu)
{
	if (!came_while_waiting(cpu) && init_sipi_wait(cpu))
		wait_for_sipi(cpu);
}

/* VT-x holds nothing back: NMIs and machine checks come while the VMM runs. */
void vmx_let_in(bool on)
{
}
