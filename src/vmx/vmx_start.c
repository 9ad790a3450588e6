// SPDX-License-Identifier: MIT
/*
 * The first state of both sides: the guest's, from the running firmware, and the host's, which does not
 * change.
 */
#include "hw/asm.h"
#include "cpu/idt.h"
#include "hw/msr.h"
#include "hw/features.h"
#include "hw/probe.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "mem/host_map.h"
#include "vmx/vmx.h"
#include "vmx/vmx_rules.h"

#define RIGHTS_TSS_BUSY 0x8bu
#define TSS_LIMIT       103
#define SELECTOR_LOW    (SELECTOR_TI | SELECTOR_RPL)

/* A segment register of the running firmware, from its descriptor (SDM vol. 3A 3.4.5, 8.2.3 for the 16-byte
 * ones). */
static struct segment_words {
	uint64_t base;
	uint32_t limit, rights;
} read_segment(uint16_t selector, const struct descriptor_table *gdt)
{
	struct segment_words s = {.rights = RIGHTS_UNUSABLE};
	uint64_t d[2] = {0};
	bool system;

	if (!(selector & ~SELECTOR_LOW) || (selector | SELECTOR_LOW) > gdt->limit || (selector & SELECTOR_TI))
		return s;
	memcpy(&d[0], (const char *)gdt->base + (selector & ~SELECTOR_LOW), 8);
	system = !(d[0] >> 40 & RIGHTS_S);
	if (system && (selector | SELECTOR_LOW) + 8u <= gdt->limit)
		memcpy(&d[1], (const char *)gdt->base + (selector & ~SELECTOR_LOW) + 8, 8);
	s.rights = (uint32_t)(d[0] >> 40) & 0xf0ff;
	if (!system)
		s.rights |=
			1; /* accessed: 27.3.1.2 requires it, and a CPU that has the segment loaded has set it */
	s.limit = (uint32_t)((d[0] & 0xffff) | (d[0] >> 32 & 0xf0000));
	if (s.rights & RIGHTS_GRANULAR)
		s.limit = s.limit << 12 | 0xfff;
	s.base = (d[0] >> 16 & 0xffffff) | (d[0] >> 56 & 0xff) << 24 | d[1] << 32;
	return s;
}

static void write_segment(enum segment n, uint16_t selector, const struct segment_words *s)
{
	vmwrite(VMCS_SELECTOR(n), selector);
	vmwrite(VMCS_BASE(n), s->base);
	vmwrite(VMCS_LIMIT(n), s->limit);
	vmwrite(VMCS_RIGHTS(n), s->rights);
}

/* Returns the access rights of CS. */
static uint32_t load_segments(const struct vmx_cpu *vmx)
{
	const struct descriptor_table gdt = sgdt(), idt = sidt();
	const uint16_t selectors[SEG_COUNT] = {
		[SEG_ES] = read_es(),
		[SEG_CS] = read_cs(),
		[SEG_SS] = read_ss(),
		[SEG_DS] = read_ds(),
		[SEG_FS] = read_fs(),
		[SEG_GS] = read_gs(),
		[SEG_LDTR] = vmx->before.ldtr,
		[SEG_TR] = vmx->before.tr,
	};
	uint32_t cs_rights = 0;

	for (unsigned n = 0; n < SEG_COUNT; n++) {
		struct segment_words s = read_segment(selectors[n], &gdt);

		/* Firmware needs no TSS, but VM entry does: 27.3.1.2. */
		if (n == SEG_TR && (s.rights & RIGHTS_UNUSABLE))
			s = (struct segment_words){.limit = TSS_LIMIT, .rights = RIGHTS_TSS_BUSY};
		if (n == SEG_TR)
			s.rights = vmx_tr_rights(s.rights);
		if (n == SEG_CS)
			cs_rights = s.rights;
		write_segment(n, selectors[n], &s);
	}
	vmwrite(VMCS_GUEST_FS_BASE, rdmsr(MSR_FS_BASE));
	vmwrite(VMCS_GUEST_GS_BASE, rdmsr(MSR_GS_BASE));
	vmwrite(VMCS_GUEST_GDTR_BASE, gdt.base);
	vmwrite(VMCS_GUEST_GDTR_LIMIT, gdt.limit);
	vmwrite(VMCS_GUEST_IDTR_BASE, idt.base);
	vmwrite(VMCS_GUEST_IDTR_LIMIT, idt.limit);
	return cs_rights;
}

static void load_control_registers(struct cpu *cpu, const struct boot_launch *launch)
{
	struct vmx_cpu *vmx = vmx_of(cpu);
	uint64_t cr0 = vmx->before.cr0, cr4 = vmx->before.cr4;

	vmx->cr0_shadow = cr0 & CR0_OWNED;
	vmwrite(VMCS_GUEST_CR0, cr0 | CR0_NE);
	vmwrite(VMCS_CR0_MASK, CR0_OWNED);
	vmwrite(VMCS_CR0_SHADOW, cr0 & CR0_OWNED);
	vmx_set_intercepts(cpu);
	vmwrite(VMCS_GUEST_CR3, launch->cr3);
	vmwrite(VMCS_GUEST_CR4, cr4 | CR4_VMXE);
	vmwrite(VMCS_CR4_MASK, CR4_OWNED);
	vmwrite(VMCS_CR4_SHADOW, 0);
	vmx_set_masks(cpu);
	vmwrite(VMCS_GUEST_EFER, launch->efer);
}

static void load_msrs(void)
{
	vmwrite(VMCS_GUEST_PAT, probe_need(MSR_PAT));
	vmwrite(VMCS_GUEST_DEBUGCTL, probe_or(MSR_DEBUGCTL, 0));
	vmwrite(VMCS_GUEST_SYSENTER_CS, probe_need(MSR_SYSENTER_CS));
	vmwrite(VMCS_GUEST_SYSENTER_ESP, probe_need(MSR_SYSENTER_ESP));
	vmwrite(VMCS_GUEST_SYSENTER_EIP, probe_need(MSR_SYSENTER_EIP));
}

/* The guest starts in the firmware's state, at the loader's resume point. */
const char *vmx_load_guest(struct cpu *cpu, const struct boot_launch *launch)
{
	if (!(load_segments(vmx_of(cpu)) & RIGHTS_LONG))
		return "the firmware's code segment is not in its GDT";
	load_control_registers(cpu, launch);
	load_msrs();
	cpu->vendor_asm[0] = read_cr2();
	vmwrite(VMCS_GUEST_DR7, read_dr7());
	vmwrite(VMCS_GUEST_RIP, launch->rip);
	vmwrite(VMCS_GUEST_RSP, launch->rsp);
	/* the loader's resume point sets IF when it is ready */
	vmwrite(VMCS_GUEST_RFLAGS, (launch->rflags & ~RFLAGS_IF) | RFLAGS_FIXED);
	vmwrite(VMCS_GUEST_PENDING_DEBUG, 0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	vmwrite(VMCS_GUEST_ACTIVITY, ACTIVITY_ACTIVE);
	vmwrite(VMCS_LINK_POINTER, ~0ull);
	return probe_missing();
}

/*
 * VM exits load all of this and set the limits of GDTR and IDTR to 0xffff (28.5.2). That is more than the tables have, but
 * harmless, because the host uses no selector beyond its table and no vector beyond 255.
 */
void vmx_load_host(struct cpu *cpu)
{
	vmwrite(VMCS_HOST_CR0, read_cr0());
	vmwrite(VMCS_HOST_CR3, host_cr3());
	vmwrite(VMCS_HOST_CR4, vmx_host_cr4(read_cr4(), vmx_caps.cr4_fixed0, features.xsave));
	vmwrite(VMCS_HOST_ES_SELECTOR, 0);
	vmwrite(VMCS_HOST_CS_SELECTOR, SEL_HOST_CS);
	vmwrite(VMCS_HOST_SS_SELECTOR, SEL_HOST_DS);
	vmwrite(VMCS_HOST_DS_SELECTOR, 0);
	vmwrite(VMCS_HOST_FS_SELECTOR, 0);
	vmwrite(VMCS_HOST_GS_SELECTOR, 0);
	vmwrite(VMCS_HOST_TR_SELECTOR, str());
	vmwrite(VMCS_HOST_FS_BASE, 0);
	vmwrite(VMCS_HOST_GS_BASE, (uint64_t)cpu);
	vmwrite(VMCS_HOST_TR_BASE, (uint64_t)cpu->tss);
	vmwrite(VMCS_HOST_GDTR_BASE, (uint64_t)cpu->gdt);
	vmwrite(VMCS_HOST_IDTR_BASE, sidt().base);
	vmwrite(VMCS_HOST_SYSENTER_CS, 0);
	vmwrite(VMCS_HOST_SYSENTER_ESP, 0);
	vmwrite(VMCS_HOST_SYSENTER_EIP, 0);
	vmwrite(VMCS_HOST_PAT, rdmsr(MSR_PAT));
	vmwrite(VMCS_HOST_EFER, rdmsr(MSR_EFER));
	vmwrite(VMCS_HOST_RSP, cpu->host_stack_top - 16); /* run.asm: two words on it */
	vmwrite(VMCS_HOST_RIP, (uint64_t)(cpu->mitigating ? vmx_mitigated_entry : vmx_host_entry));
}
