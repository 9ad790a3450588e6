// SPDX-License-Identifier: MIT
/* VT-x: the CPU's features, VMX operation, and the vendor table. */
#include "vmx/vmx.h"
#include "hw/asm.h"
#include "cpu/idt.h"
#include "hw/msr.h"
#include "exit/io.h"
#include "hw/features.h"
#include "hw/probe.h"
#include "hw/x86.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "vmx/vmx_mtrr.h"
#include "vmx/vmx_rules.h"
#include "vmx/vmx_same.h"
#include "mem/pool.h"
#include "trace/vector.h"

#define FEATURE_LOCK          (1ull << 0)
#define FEATURE_VMX           (1ull << 2) /* outside of SMX */
#define MISC_WAIT_FOR_SIPI    (1ull << 8)
#define BASIC_REVISION(basic) ((uint32_t)(basic)&0x7fffffff)
#define GUEST_VPID            1

#define CPUID_VMX (1u << 5)

struct vmx_caps vmx_caps;
static struct vendor_traits traits = {.reset_is_init = true};

static bool is_present(void)
{
	return cpuid(1, 0).ecx & CPUID_VMX; /* this CPU's, not the boot CPU's */
}

/*
 * IA32_FEATURE_CONTROL: 24.7. If the firmware left it unlocked, it is set and locked when the CPU enters VMX
 * operation.
 */
static const char *check_lock(void)
{
	uint64_t feature = probe_need(MSR_FEATURE_CONTROL);

	if ((feature & FEATURE_LOCK) && !(feature & FEATURE_VMX))
		return "the firmware locked VT-x out (IA32_FEATURE_CONTROL): enable Intel virtualization in "
		       "its setup";
	return NULL;
}

static const char *check_ept(struct vmx_caps *c)
{
	uint64_t caps = c->ept_vpid = probe_need(MSR_VMX_EPT_VPID_CAP);

	if (!(caps & EPT_CAP_WALK_4) || !(caps & EPT_CAP_WB))
		return "this CPU's EPT has no four-level walk through write-back tables "
		       "(IA32_VMX_EPT_VPID_CAP)";
	if (!(caps & EPT_CAP_2M))
		return "this CPU's EPT has no 2 MiB pages (IA32_VMX_EPT_VPID_CAP)";
	if (!(caps & EPT_CAP_INVEPT) || !(caps & (EPT_CAP_INVEPT_SINGLE | EPT_CAP_INVEPT_ALL)))
		return "this CPU's EPT has no INVEPT (IA32_VMX_EPT_VPID_CAP)";
	if (!(caps & VPID_CAP_INVVPID_ALL)) /* without a way to flush, nothing may be cached */
		c->controls.cpu2 &= ~CPU2_VPID;
	return NULL;
}

static const char *read_caps(struct vmx_caps *c)
{
	uint32_t asked[VMX_CONTROL_WORDS];
	const char *error;

	vmx_ask_for_exits(asked);
	c->basic = probe_need(MSR_VMX_BASIC);
	c->injects_cp = vmx_can_inject(c->basic, VEC_CP);
	c->misc = probe_need(MSR_VMX_MISC);
	c->cr0_fixed0 = probe_need(MSR_VMX_CR0_FIXED0);
	c->cr0_fixed1 = probe_need(MSR_VMX_CR0_FIXED1);
	c->cr4_fixed0 = probe_need(MSR_VMX_CR4_FIXED0);
	c->cr4_fixed1 = probe_need(MSR_VMX_CR4_FIXED1);
	c->has_trap_flag = vmx_may(probe_need, c->basic, VMX_WORD_CPU, CPU_MONITOR_TRAP_FLAG);
	c->has_table_exiting = vmx_may(probe_need, c->basic, VMX_WORD_CPU2, CPU2_TABLE_EXITING);
	error = vmx_controls_compute(probe_need, c->basic, asked, &c->controls);
	return error ? error : check_ept(c);
}

static void note_traits(const struct vmx_caps *c)
{
	traits.reports_init_sipi = c->misc & MISC_WAIT_FOR_SIPI;
	traits.has_timer = c->controls.pin & PIN_PREEMPTION_TIMER;
	traits.watches_tables = c->has_table_exiting;
	traits.stage2_by_mode = c->controls.cpu2 & CPU2_MODE_EXECUTE;
	traits.cr4_bits = c->cr4_fixed1 & ~(uint64_t)CR4_OWNED;
	traits.stage2_largest = c->ept_vpid & EPT_CAP_1G ? 3 : 2;
}

/* The boot CPU comes first, and its results are used; the other CPUs have to match. */
static const char *vmx_probe(void)
{
	static bool probed;
	struct vmx_caps caps = {0};
	const char *error;

	if (!is_present())
		return vendor_absent;
	error = check_lock();
	if (!error)
		error = read_caps(&caps);
	if (probe_missing())
		return probe_missing();
	if (error || probed)
		return error ? error : vmx_differs(&vmx_caps, &caps);
	vmx_caps = caps;
	note_traits(&caps);
	probed = true;
	vmx_mtrr_init();
	return probe_missing();
}

static const char *vmx_init(void)
{
	io_watch_pic();
	return vmx_msr_init();
}

static bool vmxon(uint64_t region)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccna"(failed) : "m"(region) : "memory");
	return !failed;
}

static bool vmclear_vmptrld(uint64_t vmcs)
{
	bool clear_failed, load_failed;

	__asm__ volatile("vmclear %1" : "=@ccna"(clear_failed) : "m"(vmcs) : "memory");
	__asm__ volatile("vmptrld %1" : "=@ccna"(load_failed) : "m"(vmcs) : "memory");
	return !clear_failed && !load_failed;
}

#define MCG_CAP_LMCE (1ull << 27)

static bool has_local_mc(void)
{
	return features.mca && (probe_or(MSR_MCG_CAP, 0) & MCG_CAP_LMCE);
}

/* 24.7, 24.8 and 25.11.5: the conditions for VMXON, on each CPU. */
static const char *enter_vmx_operation(uint64_t region, uint64_t vmcs)
{
	uint64_t feature = probe_need(MSR_FEATURE_CONTROL);
	const char *error = check_lock();

	if (error)
		return error;
	if (!(feature & FEATURE_LOCK))
		wrmsr(MSR_FEATURE_CONTROL,
			vmx_feature_control(feature, features.sgx, features.sgx_launch, has_local_mc()));
	write_cr0((read_cr0() | vmx_caps.cr0_fixed0) & vmx_caps.cr0_fixed1);
	write_cr4(read_cr4() | CR4_VMXE | vmx_caps.cr4_fixed0);
	*(uint32_t *)pool_virt(region) = BASIC_REVISION(vmx_caps.basic);
	*(uint32_t *)pool_virt(vmcs) = BASIC_REVISION(vmx_caps.basic);
	if (!vmxon(region))
		return "VMXON failed: something else uses VT-x already";
	return vmclear_vmptrld(vmcs) ? NULL : "the CPU refused its VMCS (VMPTRLD)";
}

/* With the guest's NE clear an x87 error is no exception: vmx_x87_error(). */
void vmx_set_intercepts(struct cpu *cpu)
{
	uint32_t x87 = vmx_of(cpu)->cr0_shadow & CR0_NE ? 0 : 1u << VEC_MF;

	if (vmx_of(cpu)->step.on) { /* its end calls this again */
		vmx_of(cpu)->step.configured = true;
		return;
	}
	vmwrite(VMCS_EXCEPTION_BITMAP, vmx_exceptions(vmx_caps.basic, boot_info.config.intercept) | x87);
	vmx_watch_registers(cpu);
}

static void set_controls(struct cpu *cpu)
{
	const struct vmx_controls *c = &vmx_caps.controls;
	struct vmx_cpu *vmx = vmx_of(cpu);

	vmx->pin = c->pin;
	vmx->controls = c->cpu;
	vmwrite(VMCS_PIN_CONTROLS, c->pin);
	vmwrite(VMCS_CPU_CONTROLS, c->cpu);
	vmwrite(VMCS_CPU_CONTROLS2, c->cpu2);
	vmwrite(VMCS_EXIT_CONTROLS, c->exit);
	vmwrite(VMCS_ENTRY_CONTROLS, c->entry);
	vmx_set_intercepts(cpu);
	vmwrite(VMCS_PF_ERROR_MASK, 0); /* with both 0 bit 14 of the bitmap decides for every #PF: 26.2 */
	vmwrite(VMCS_PF_ERROR_MATCH, 0);
	vmwrite(VMCS_IO_BITMAP_A, io_map_phys());
	vmwrite(VMCS_IO_BITMAP_B, io_map_phys() + PAGE_SIZE);
	vmwrite(VMCS_MSR_BITMAP, vmx_msr_bitmap());
	vmwrite(VMCS_EPT_POINTER, vmx_ept_pointer());
	if (c->cpu2 & CPU2_VPID)
		vmwrite(VMCS_VPID, GUEST_VPID);
	if (c->cpu2 & CPU2_XSAVES)
		vmwrite(VMCS_XSS_EXITING_BITMAP, 0);
	if (c->cpu2 & CPU2_PCONFIG)
		vmwrite(VMCS_PCONFIG_EXITING_BITMAP, 0);
	vmwrite(VMCS_CR3_TARGETS, 0);
	vmwrite(VMCS_EXIT_MSR_STORES, 0);
	vmwrite(VMCS_EXIT_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_MSR_LOADS, 0);
	vmwrite(VMCS_ENTRY_EVENT, 0);
	vmx_set_timer(cpu);
}

static uint64_t vmxon_page(const struct cpu *cpu)
{
	return pool_phys(cpu->vendor) + PAGE_SIZE;
}

static uint64_t vmcs_page(const struct cpu *cpu)
{
	return pool_phys(cpu->vendor) + 2 * PAGE_SIZE;
}

/* Takes one page each for this CPU's vmx_cpu, its VMXON region and its VMCS. */
static bool take_pages(struct cpu *cpu)
{
	uint64_t pa = pool_alloc(3);

	if (pa)
		cpu->vendor = pool_virt(pa);
	return pa;
}

/*
 * Once: an empty task register cannot be emptied again, and a second start would take the VMM's for the
 * firmware's.
 */
static void remember_firmware(struct vmx_cpu *vmx)
{
	vmx->before.cr0 = read_cr0();
	vmx->before.cr4 = read_cr4();
	vmx->before.ldtr = sldt();
	vmx->before.tr = str();
}

static void restore_control_registers(const struct cpu *cpu)
{
	write_cr4(vmx_of(cpu)->before.cr4);
	write_cr0(vmx_of(cpu)->before.cr0);
}

static void leave_vmx_operation(const struct cpu *cpu)
{
	uint64_t vmcs = vmcs_page(cpu);

	__asm__ volatile("vmclear %0" : : "m"(vmcs) : "memory", "cc");
	__asm__ volatile("vmxoff" : : : "cc");
	restore_control_registers(cpu);
}

static const char *vmx_cpu_init(struct cpu *cpu, const struct boot_launch *launch)
{
	const char *error;

	if (!cpu->vendor) {
		if (!take_pages(cpu))
			return "the VMM's memory is too small for this CPU";
		remember_firmware(vmx_of(cpu));
		vmx_mtrr_begin(&vmx_of(cpu)->mtrrs);
	}
	error = enter_vmx_operation(vmxon_page(cpu), vmcs_page(cpu));
	if (error) {
		restore_control_registers(cpu);
		return error;
	}
	set_controls(cpu);
	error = vmx_load_guest(cpu, launch);
	if (error) {
		leave_vmx_operation(cpu);
		return error;
	}
	cpu_load_host(cpu);
	cpu_mitigate(cpu);
	vmx_load_host(cpu);
	vmx_stage2_flush(cpu);
	vmx_flush_guest_tlb();
	return NULL;
}

/* A busy TSS cannot be loaded, so the firmware's, if there is one, is marked available first. */
static void reload_tr(uint16_t selector)
{
	const struct descriptor_table gdt = sgdt();

	if (!(selector & ~7u))
		return;
	*(uint64_t *)(gdt.base + (selector & ~7u)) &= ~(2ull << 40);
	__asm__ volatile("ltr %w0" : : "r"(selector));
}

/* The host's tables are removed first, because an NMI outside of VMX operation must not use them. */
static void vmx_cpu_undo(struct cpu *cpu)
{
	const struct vmx_cpu *vmx = vmx_of(cpu);

	write_cr2(cpu->vendor_asm[0]);
	cpu_unload_host(cpu);
	reload_tr(vmx->before.tr);
	__asm__ volatile("lldt %w0" : : "r"(vmx->before.ldtr));
	leave_vmx_operation(cpu);
}

const struct vendor vmx_vendor = {
	.name = "vmx",
	.traits = &traits,
	.life.probe = vmx_probe,
	.life.init = vmx_init,
	.life.cpu_init = vmx_cpu_init,
	.life.cpu_undo = vmx_cpu_undo,
	.life.run = vmx_run,
	.state.get = vmx_get,
	.state.set = vmx_set,
	.state.segment = vmx_segment,
	.state.paging = vmx_paging,
	.state.fetch = vmx_fetch,
	.state.capture = vmx_capture,
	.state.reset = vmx_reset,
	.events.inject = vmx_inject,
	.events.take_interrupt = vmx_take_interrupt,
	.events.let_in = vmx_let_in,
	.events.inject_nmi = vmx_inject_nmi,
	.exits.watch = vmx_watch,
	.exits.own = vmx_own_exit,
	.exits.skip = vmx_skip_on,
	.exits.skip_seen = vmx_skip_seen,
	.exits.msr = vmx_msr,
	.exits.hide_cpuid = vmx_hide_cpuid,
	.exits.name = vmx_exit_name,
	.exits.dump = vmx_dump,
	.stage2.bits = vmx_stage2_bits,
	.stage2.flush = vmx_stage2_flush,
};
