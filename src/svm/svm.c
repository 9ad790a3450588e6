// SPDX-License-Identifier: MIT
/* AMD-V: the CPU's features, the controls, and the vendor table. */
#include "svm/svm.h"
#include "log/turn.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/probe.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "mem/pool.h"
#include "guest/insn.h"
#include "stage2/private.h"
#include "stage2/stage2.h"
#include "exit/io.h"
#include "trace/vector.h"

#define VM_CR_SVMDIS  (1ull << 4)
#define VM_CR_LOCK    (1ull << 3)
#define NP_ENABLE     1
#define TLB_FLUSH_ALL 1
#define GUEST_ASID    1
#define PAUSES        30000 /* about half a millisecond */

#define CPUID_SVM (1u << 2)

struct svm_caps svm_caps;
static struct vendor_traits traits = {
	.watches_waits = true, .watches_tables = true, .stage2_set = PTE_ACCESSED | PTE_DIRTY};

static bool is_present(void)
{
	/* CPUID of this CPU: `features` is the boot CPU's. */
	return cpuid(0x80000000, 0).eax >= 0x8000000a && (cpuid(0x80000001, 0).ecx & CPUID_SVM);
}

/* Fn8000_0001 ECX, Fn8000_000A; VM_CR. The order of the tests is that of APM vol. 2 15.4. */
static const char *svm_probe(void)
{
	uint64_t vm_cr;

	if (!is_present())
		return vendor_absent;
	vm_cr = probe_or(MSR_VM_CR, 0);
	if (vm_cr & VM_CR_SVMDIS)
		return vm_cr & VM_CR_LOCK
			       ? "the firmware disabled AMD-V and locked it (VM_CR.SVMDIS): enable SVM in "
				 "its setup"
			       : "AMD-V is disabled (VM_CR.SVMDIS): enable SVM in the firmware's setup";
	if (svm_caps.features && svm_caps.features != cpuid(0x8000000a, 0).edx)
		return "its AMD-V differs from the boot CPU's (CPUID Fn8000_000A EDX)";
	svm_caps.features = cpuid(0x8000000a, 0).edx;
	svm_caps.asids = cpuid(0x8000000a, 0).ebx;
	svm_caps.nrips = svm_caps.features & SVM_FEATURE_NRIPS;
	svm_caps.assists = svm_caps.features & SVM_FEATURE_ASSISTS;
	traits.cr4_bits = svm_cr4_bits();
	traits.stage2_largest = features.huge_pages ? 3 : 2;
	if (!(svm_caps.features & SVM_FEATURE_NP))
		return "this CPU's AMD-V has no nested paging (CPUID Fn8000_000A EDX.NP is clear)";
	if (svm_caps.asids < 2)
		return "this CPU's AMD-V has no address-space identifier for a guest";
	return NULL;
}

/* Nested tables have as many levels as the host's own (15.25.3). Guest-physical addresses have at most 48 bits, so one entry is enough. */
static uint64_t nested_root;

uint64_t svm_nested_root(void)
{
	return nested_root;
}

uint64_t svm_own_nested_root(const struct stage2_private *p)
{
	return nested_root == stage2_tables.root ? p->root : p->top;
}

static bool make_nested_root(void)
{
	uint64_t *top;

	nested_root = stage2_tables.root;
	if (!(read_cr4() & CR4_LA57))
		return true;
	nested_root = pool_alloc(1);
	top = pool_virt(nested_root);
	if (nested_root)
		top[0] = stage2_tables.root | stage2_tables.link;
	return nested_root;
}

/* With BTF TF steps branches only (APM vol. 2 13.1.1.7). The register is the guest's while the VMM runs. */
uint64_t svm_stop_btf(void)
{
	uint64_t value;

	if (!rdmsr_safe(MSR_DEBUGCTL, &value) || !(value & DEBUGCTL_BTF))
		return 0;
	wrmsr(MSR_DEBUGCTL, value & ~DEBUGCTL_BTF);
	return value;
}

void svm_restore_btf(uint64_t stopped)
{
	if (stopped)
		wrmsr(MSR_DEBUGCTL, stopped);
}

static const char *svm_init(void)
{
	return make_nested_root() ? svm_msr_init()
				  : "the VMM's memory is too small for the nested page tables";
}

/* INT n and ICEBP have intercepts of their own, not vectors. */
void svm_set_intercepts(struct cpu *cpu)
{
	const struct trapline_config *config = &boot_info.config;
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	if (svm_of(cpu)->pending & SVM_STEP_WATCH) { /* its end calls this again */
		svm_of(cpu)->watched.configured = true;
		return;
	}
	c->exceptions = config->intercept & INTERCEPT_EXCEPTIONS;
	if (svm_of(cpu)->pending & SVM_STEP_IRET) { /* svm_nmi.c needs #DB until the step is over */
		svm_of(cpu)->step.exceptions = c->exceptions;
		c->exceptions |= 1u << VEC_DB;
	}
	vmcb_intercept(c, SVM_EXIT_SWINT, config->intercept_int && !(svm_of(cpu)->pending & SVM_PASSES_INT));
	vmcb_intercept(c, SVM_EXIT_ICEBP, config->intercept & 1u << VEC_DB);
	svm_watch_registers(cpu);
}

static void set_controls(struct vmcb_control *c)
{
	svm_ask_for_exits(c);
	if (svm_caps.features & SVM_FEATURE_PAUSE) {
		vmcb_intercept(c, SVM_EXIT_PAUSE, true);
		c->pause_count = PAUSES;
	}
	c->iopm_base = io_map_phys();
	c->msrpm_base = svm_msrpm();
	c->asid = GUEST_ASID;
	c->tlb_control = TLB_FLUSH_ALL;
	c->np_enable = NP_ENABLE;
	c->n_cr3 = nested_root;
}

/* Takes one page each for this CPU's svm_cpu, its VMCB, the host's VMLOAD area and the host save area (15.30.4). */
static bool take_pages(struct cpu *cpu)
{
	uint64_t pa = pool_alloc(4);

	if (!pa)
		return false;
	cpu->vendor = pool_virt(pa);
	cpu->vendor_asm[0] = pa + PAGE_SIZE;
	cpu->vendor_asm[1] = pa + 2 * PAGE_SIZE;
	cpu->vendor_asm[2] = (uint64_t)pool_virt(pa + PAGE_SIZE);
	return true;
}

/*
 * Probes the faults once, with SVME clear: KVM intercepts #GP while SVME is set, and then pushes another RFLAGS than for a guest
 * without SVME. SVME may only be cleared while the global interrupt flag is set.
 */
static void probe_faults(void)
{
	static bool probed;
	uint64_t efer = rdmsr(MSR_EFER);

	if (probed)
		return;
	probed = true;
	wrmsr(MSR_EFER, efer & ~EFER_SVME);
	svm_probe_rf();
	wrmsr(MSR_EFER, efer);
}

/* Sets the host's EFER, which each #VMEXIT loads (15.6); the guest has its own. */
static void mitigate(struct cpu *cpu)
{
	cpu_mitigate(cpu);
	if (cpu->mitigations.used & MITIGATE_AUTO_IBRS)
		wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_AIBRSE);
}

/* The host's CR4 survives VMRUN (15.5.1); the guest has the firmware's value. */
static void load_cr4(void)
{
	write_cr4(svm_host_cr4(read_cr4(), features.mce, features.xsave));
}

static const char *svm_cpu_init(struct cpu *cpu, const struct boot_launch *launch)
{
	const char *error;

	if (!cpu->vendor && !take_pages(cpu))
		return "the VMM's memory is too small for this CPU";
	set_controls(&vmcb_of(cpu)->control);
	svm_watch_halt(cpu);
	svm_set_intercepts(cpu);
	error = svm_load_guest(cpu, launch);
	if (error)
		return error;
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	probe_need(MSR_VM_HSAVE_PA);
	error = probe_missing();
	if (error)
		return error;
	wrmsr(MSR_VM_HSAVE_PA, cpu->vendor_asm[1] + PAGE_SIZE);
	/* The registers still hold VMLOAD's part of the guest's state. */
	__asm__ volatile("vmsave %0" : : "a"(cpu->vendor_asm[0]) : "memory");
	cpu_load_host(cpu);
	load_cr4(); /* from here on machine checks come, to the VMM's IDT */
	__asm__ volatile("vmsave %0" : : "a"(cpu->vendor_asm[1]) : "memory");
	mitigate(cpu);
	probe_faults();
	__asm__ volatile("clgi");
	svm_redirect_init(cpu, boot_info.config.ap_start != AP_START_INTERCEPT);
	svm_watch_smi(cpu);
	svm_msr_probe();
	svm_watch_cr(cpu);
	svm_probe_cr2(cpu);
	return NULL;
}

static void svm_cpu_undo(struct cpu *cpu)
{
	write_cr2(vmcb_of(cpu)->save.cr2);
	__asm__ volatile("stgi");
	svm_redirect_init(cpu, false);
	write_cr4(vmcb_of(cpu)->save.cr4);
	cpu_unload_host(cpu);
	__asm__ volatile("vmload %0" : : "a"(cpu->vendor_asm[0]) : "memory");
}

const struct vendor svm_vendor = {
	.name = "svm",
	.traits = &traits,
	.life.probe = svm_probe,
	.life.init = svm_init,
	.life.cpu_init = svm_cpu_init,
	.life.cpu_undo = svm_cpu_undo,
	.life.run = svm_run,
	.state.get = svm_get,
	.state.set = svm_set,
	.state.segment = svm_segment,
	.state.paging = svm_paging,
	.state.fetch = svm_fetch,
	.state.capture = svm_capture,
	.state.reset = svm_reset,
	.events.inject = svm_inject,
	.events.take_interrupt = svm_take_interrupt,
	.events.let_in = svm_let_in,
	.events.inject_nmi = svm_inject_nmi,
	.exits.watch = svm_watch,
	.exits.own = svm_own_exit,
	.exits.skip = svm_skip_on,
	.exits.skip_seen = svm_skip_seen,
	.exits.msr = svm_msr,
	.exits.hide_cpuid = svm_hide_cpuid,
	.exits.name = svm_exit_name,
	.exits.dump = svm_dump,
	.stage2.bits = svm_stage2_bits,
	.stage2.flush = svm_stage2_flush,
};
