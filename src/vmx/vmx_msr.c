// SPDX-License-Identifier: MIT
/*
 * MSRs and CPUID bits of VT-x itself, which are hidden from the guest, and the MTRRs, which the EPT
 * follows.
 */
#include "vmx/vmx.h"
#include "hw/features.h"
#include "apic/apic.h"
#include "exit/apic_page.h"
#include "hw/asm.h"
#include "hw/mitigations.h"
#include "hw/msr.h"
#include "vmx/vmx_mtrr.h"
#include "vmx/vmx_rules.h"
#include "mem/pool.h"
#include "watch/msr_map.h"

#define XD_DISABLE     (1ull << 34)
#define MSR_RTIT_LAST  0x58f
#define BRANCH_TRACING 0x1c0ull /* DEBUGCTL: TR, BTS, BTINT */
#define VMX_MSR_FIRST  MSR_VMX_BASIC
#define VMX_MSR_LAST   MSR_VMX_EXIT_CTLS2

static uint64_t bitmap;
static struct watch_msr_map watched;

uint64_t vmx_msr_bitmap(void)
{
	return bitmap;
}

/* 25.6.9: reads of 0 to 0x1fff, reads of 0xc0000000 to 0xc0001fff, and the same for writes; a kilobyte each. */
static void set_exit(uint32_t msr, unsigned kilobyte)
{
	uint8_t *map = pool_virt(bitmap);
	uint32_t bit = msr & 0x1fff;

	map[1024 * kilobyte + bit / 8] |= (uint8_t)(1u << bit % 8);
}

static void exit_reads(uint32_t msr)
{
	set_exit(msr, msr >= 0xc0000000 ? 1 : 0);
}

static void exit_writes(uint32_t msr)
{
	set_exit(msr, msr >= 0xc0000000 ? 3 : 2);
}

/* A watch begins or ends: changes only the bits of its MSR, because other CPUs read the map meanwhile. An MSR outside of it exits always. */
static unsigned set_watched(uint32_t msr, unsigned accesses)
{
	uint8_t *map = pool_virt(bitmap);
	unsigned before = 0, high = msr >= 0xc0000000, bit = msr & 0x1fff;

	if ((msr & ~0x1fffu) != (high ? 0xc0000000 : 0))
		return 0;
	for (unsigned access = WATCH_READ; access <= WATCH_WRITE; access <<= 1) {
		uint8_t *byte = &map[1024 * (access == WATCH_WRITE ? 2 + high : high) + bit / 8];

		before |= *byte >> bit % 8 & 1 ? access : 0;
		*byte = (uint8_t)((*byte & ~(1u << bit % 8)) | (accesses & access ? 1u << bit % 8 : 0));
	}
	return before;
}

void vmx_watch_msrs(void)
{
	watch_msr_map_update(&watched, set_watched);
}

static bool is_vmx(uint32_t msr)
{
	return msr >= VMX_MSR_FIRST && msr <= VMX_MSR_LAST;
}

/*
 * MSRs of features that write to memory without the second-level tables: PEBS at linear addresses, the VMM's included (SDM vol. 3B
 * 20.6.2.4); processor trace, hardware feedback and newer CPUs' PEBS at physical addresses (vol. 3C 33.5.2, vol. 3B 15.6). The guest's
 * CPU has none of them.
 */
static bool is_tracing(uint32_t msr)
{
	return (features.debug_store && (msr == MSR_PEBS_ENABLE || msr == MSR_DS_AREA)) ||
	       (features.physical_pebs && (msr == MSR_PEBS_BASE || msr == MSR_PEBS_INDEX)) ||
	       (features.processor_trace && msr >= MSR_RTIT_OUTPUT_BASE && msr <= MSR_RTIT_LAST) ||
	       (features.feedback && msr >= MSR_HW_FEEDBACK_PTR && msr <= MSR_HW_FEEDBACK_THREAD_CONFIG);
}

/* MSRs of which some or all writes are refused or ignored. */
static bool is_written_by_rule(uint32_t msr)
{
	return msr == MSR_FEATURE_CONTROL || msr == MSR_MISC_ENABLE || msr == MSR_XSS ||
	       msr == MSR_BIOS_UPDT_TRIG;
}

const char *vmx_msr_init(void)
{
	bitmap = pool_alloc(1);
	if (!bitmap)
		return "the VMM's memory is too small for the MSR bitmap";
	for (uint32_t msr = 0; msr < 0x2000; msr++) {
		if (is_vmx(msr) || is_tracing(msr) || msr == MSR_FEATURE_CONTROL || mtrr_is(msr))
			exit_reads(msr);
		if (is_vmx(msr) || is_tracing(msr) || is_written_by_rule(msr) || mtrr_is(msr) ||
			apic_watches_msr(msr))
			exit_writes(msr);
	}
	return NULL;
}

/* From the first INIT on entries load them: vmx_cet.c. */
static bool loads_cet(void)
{
	return vmread(VMCS_ENTRY_CONTROLS) & ENTRY_LOAD_CET;
}

/* The VMCS fields of MSRs of which the CPU has the host's value now, or none (28.5.1); 0: it is another one. */
static uint64_t field_of(uint32_t msr)
{
	switch (msr) {
	case MSR_FS_BASE:
		return VMCS_GUEST_FS_BASE;
	case MSR_GS_BASE:
		return VMCS_GUEST_GS_BASE;
	case MSR_SYSENTER_CS:
		return VMCS_GUEST_SYSENTER_CS;
	case MSR_SYSENTER_ESP:
		return VMCS_GUEST_SYSENTER_ESP;
	case MSR_SYSENTER_EIP:
		return VMCS_GUEST_SYSENTER_EIP;
	case MSR_PAT:
		return VMCS_GUEST_PAT;
	case MSR_EFER:
		return VMCS_GUEST_EFER;
	case MSR_DEBUGCTL:
		return VMCS_GUEST_DEBUGCTL;
	case MSR_S_CET:
		return loads_cet() ? VMCS_GUEST_S_CET : 0;
	case MSR_INTERRUPT_SSP_TABLE_ADDR:
		return loads_cet() ? VMCS_GUEST_SSP_TABLE : 0;
	default:
		return 0;
	}
}

/* SDM vol. 3A 2.2.1 and 11.8.5: LME cannot change while paging is on, LMA is the CPU's. */
static bool accepts_efer(const struct cpu *cpu, uint64_t value)
{
	uint64_t bits = EFER_LMA | (features.syscall ? EFER_SCE : 0) | (features.long_mode ? EFER_LME : 0) |
			(features.nx ? EFER_NXE : 0);
	const struct guest_paging *p = &vmx_mode(cpu)->paging;

	return !(value & ~bits) && !((value ^ p->efer) & EFER_LME && p->cr0 & CR0_PG);
}

/*
 * Whether the CPU has the bits, which only a write of the host's register tells. An exit has cleared DEBUGCTL; branch tracing, which every CPU
 * with a debug store has, would store the host's own branches meanwhile (SDM vol. 3B 18.4.5), and is left out. The state of shadow stacks
 * has no effect on the host, whose CR4.CET is clear.
 */
static bool cpu_accepts(uint32_t msr, uint64_t value)
{
	if (msr == MSR_S_CET || msr == MSR_INTERRUPT_SSP_TABLE_ADDR)
		return wrmsr_safe(msr, value);
	if (msr != MSR_DEBUGCTL)
		return true;
	if (!wrmsr_safe(msr, features.debug_store ? value & ~BRANCH_TRACING : value))
		return false;
	wrmsr(msr, 0);
	return true;
}

/* With MITIGATE_IBRS the CPU has the host's value from the exit to the entry: mitigate.inc. */
static bool is_spec_ctrl(const struct cpu *cpu, uint32_t msr)
{
	return msr == MSR_SPEC_CTRL && cpu->mitigating & MITIGATE_IBRS;
}

/* The host's own bits stay set while the value is tried. */
static enum msr_result write_spec_ctrl(struct cpu *cpu, uint64_t value)
{
	if (value >> 32 || !wrmsr_safe(MSR_SPEC_CTRL, value | cpu->host_spec_ctrl))
		return MSR_FAULT;
	wrmsr(MSR_SPEC_CTRL, cpu->host_spec_ctrl);
	cpu->guest_spec_ctrl = (uint32_t)value;
	return MSR_DONE;
}

/* Only a watch lets these exit. */
static enum msr_result write_field(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	uint64_t old = vmread(field_of(msr));

	if (!watch_msr_accepts(msr, value, vmx_mode(cpu)->paging.cr4 & CR4_LA57) ||
		(msr == MSR_EFER && !accepts_efer(cpu, value)) || !cpu_accepts(msr, value))
		return MSR_FAULT;
	if (msr == MSR_EFER)
		value = (value & ~EFER_LMA) | (old & EFER_LMA);
	vmwrite(field_of(msr), value);
	vmx_of(cpu)->mode_read = false;
	if (msr == MSR_EFER && (value ^ old) & EFER_NXE)
		vmx_flush_guest_tlb();
	return MSR_DONE;
}

SLOW_PATH static enum msr_result read_other(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	if (mtrr_is(msr))
		return mtrr_shadow_read(&vmx_of(cpu)->mtrrs, msr, value) ? MSR_DONE : MSR_NOT_MINE;
	if (is_spec_ctrl(cpu, msr)) {
		*value = cpu->guest_spec_ctrl;
		return MSR_DONE;
	}
	if (field_of(msr)) {
		*value = vmread(field_of(msr));
		return MSR_DONE;
	}
	return is_vmx(msr) || is_tracing(msr) ? MSR_FAULT : MSR_NOT_MINE;
}

static enum msr_result read_msr(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	if (msr != MSR_FEATURE_CONTROL)
		return read_other(cpu, msr, value);
	*value = vmx_feature_control_shown();
	return MSR_DONE;
}

/*
 * The guest may not load microcode: the VMM runs on it, and the CPU refuses it in VMX non-root operation. With
 * XD_DISABLE the host's own EFER.NXE would be a reserved bit.
 */
SLOW_PATH static enum msr_result write_msr(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	if (is_vmx(msr) || is_tracing(msr) || msr == MSR_FEATURE_CONTROL)
		return MSR_FAULT;
	if (msr == MSR_BIOS_UPDT_TRIG)
		return MSR_DONE;
	if ((msr == MSR_MISC_ENABLE && value & XD_DISABLE) || (msr == MSR_XSS && !vmx_accepts_xss(value)))
		return MSR_FAULT;
	if (mtrr_is(msr))
		return vmx_mtrr_write(cpu, &vmx_of(cpu)->mtrrs, msr, value) ? MSR_DONE : MSR_FAULT;
	if (is_spec_ctrl(cpu, msr))
		return write_spec_ctrl(cpu, value);
	return field_of(msr) ? write_field(cpu, msr, value) : MSR_NOT_MINE;
}

enum msr_result vmx_msr(struct cpu *cpu, uint32_t msr, bool write, uint64_t *value)
{
	return write ? write_msr(cpu, msr, *value) : read_msr(cpu, msr, value);
}

void vmx_hide_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid *r)
{
	vmx_hide(leaf, subleaf, vmx_caps.controls.cpu2, r);
}
