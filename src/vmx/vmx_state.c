// SPDX-License-Identifier: MIT
/* The guest's state in the VMCS, read at most once an exit. */
#include "vmx/vmx_capture.h"
#include "hw/x86.h"
#include "hw/asm.h"

/* Values that are not registers of the guest. */
static uint64_t get_other(const struct cpu *cpu, enum guest_register r)
{
	switch (r) {
	case GUEST_EVENT:
		return vmx_of(cpu)->event_set;
	case GUEST_IO_LENGTH:
		return vmread(VMCS_EXIT_LENGTH);
	default:
		return vmread(VMCS_GUEST_INTERRUPTIBILITY) & (BLOCKING_STI | BLOCKING_MOV_SS);
	}
}

uint64_t vmx_get(const struct cpu *cpu, enum guest_register r)
{
	if (r == GUEST_CODE_MODE) /* each store to the APIC needs it */
		return vmx_code_mode(cpu);
	if (r == GUEST_CALLER) /* most VMCALLs need it */
		return vmx_code_mode(cpu) | vmx_cpl(cpu) << 8;
	switch (r) {
	case GUEST_RIP:
		return vmx_of(cpu)->rip;
	case GUEST_RSP:
		return vmread(VMCS_GUEST_RSP);
	case GUEST_RFLAGS:
		return vmx_of(cpu)->rflags;
	case GUEST_CR0:
		return (vmx_mode(cpu)->paging.cr0 & ~CR0_OWNED) | vmx_of(cpu)->cr0_shadow;
	case GUEST_CR2:
		return cpu->vendor_asm[0];
	case GUEST_CR3:
		return vmx_mode(cpu)->paging.cr3;
	case GUEST_CR4:
		return vmx_mode(cpu)->paging.cr4 & ~CR4_OWNED;
	case GUEST_DR6:
		return read_dr6();
	case GUEST_DR7:
		return vmread(VMCS_GUEST_DR7);
	case GUEST_EFER:
		return vmx_mode(cpu)->paging.efer;
	default:
		return get_other(cpu, r);
	}
}

static const uint16_t table_fields[] = {
	VMCS_GUEST_GDTR_BASE, VMCS_GUEST_GDTR_LIMIT, VMCS_GUEST_IDTR_BASE, VMCS_GUEST_IDTR_LIMIT};

void vmx_set(struct cpu *cpu, enum guest_register r, uint64_t value)
{
	switch (r) {
	case GUEST_CR0:
	case GUEST_CR3:
	case GUEST_CR4:
		vmx_set_control_register(cpu, r, value);
		break;
	case GUEST_GDTR_BASE:
	case GUEST_GDTR_LIMIT:
	case GUEST_IDTR_BASE:
	case GUEST_IDTR_LIMIT:
		vmwrite(table_fields[r - GUEST_GDTR_BASE], value);
		break;
	case GUEST_RIP:
		vmx_set_rip(cpu, value);
		break;
	case GUEST_RSP:
		vmwrite(VMCS_GUEST_RSP, value);
		break;
	case GUEST_RFLAGS:
		vmx_set_rflags(cpu, value);
		break;
	case GUEST_CR2:
		cpu->vendor_asm[0] = value;
		break;
	case GUEST_DR6:
		write_dr6(value);
		break;
	case GUEST_DR7:
		vmwrite(VMCS_GUEST_DR7, value);
		break;
	case GUEST_SHADOW:
		vmx_end_shadow(cpu);
		break;
	default:
		break;
	}
}

void vmx_segment(const struct cpu *cpu, enum segment n, struct segment_state *out)
{
	uint32_t rights;

	if (n >= SEG_COUNT) { /* GDTR and IDTR have the next encodings, without selector and rights */
		*out = (struct segment_state){
			.limit = (uint32_t)vmread(VMCS_LIMIT(n)), .base = vmread(VMCS_BASE(n))};
		return;
	}
	rights = (uint32_t)vmread(VMCS_RIGHTS(n));
	*out = (struct segment_state){
		.selector = (uint16_t)vmread(VMCS_SELECTOR(n)),
		.type = RIGHTS_TYPE(rights),
		.dpl = RIGHTS_DPL(rights),
		.present = (rights & RIGHTS_PRESENT) && !(rights & RIGHTS_UNUSABLE),
		.long_mode = rights & RIGHTS_LONG,
		.big = rights & RIGHTS_BIG,
		.limit = (uint32_t)vmread(VMCS_LIMIT(n)),
		.base = vmread(VMCS_BASE(n)),
	};
}

void vmx_paging(const struct cpu *cpu, struct guest_paging *out)
{
	*out = vmx_mode(cpu)->paging;
}

/* 25.4.1: the CPL is SS.DPL, always. */
unsigned vmx_cpl(const struct cpu *cpu)
{
	return RIGHTS_DPL(vmread(VMCS_GUEST_SS_RIGHTS));
}

static unsigned code_mode(const struct vmx_mode *m)
{
	if ((m->cs_rights & RIGHTS_LONG) && (m->paging.efer & EFER_LMA))
		return 64;
	return m->cs_rights & RIGHTS_BIG ? 32 : 16;
}

unsigned vmx_code_mode(const struct cpu *cpu)
{
	return code_mode(vmx_mode(cpu));
}

/* CS has no base in 64-bit mode, so it is not read. */
static uint64_t code_address(const struct vmx_cpu *vmx)
{
	if (__builtin_expect(code_mode(&vmx->mode) == 64, 1))
		return vmx->rip;
	return (uint32_t)(vmread(VMCS_GUEST_CS_BASE) + vmx->rip);
}

unsigned vmx_fetch(struct cpu *cpu, uint8_t *code)
{
	const struct vmx_mode *m = vmx_mode(cpu);

	if (code_mode(m) == 64 &&
		code_page_fetch(&cpu->code_page, m->paging.cr3, m->paging.cr4, vmx_of(cpu)->rip, code))
		return TRAP_CODE_MAX;
	return guest_fetch(&m->paging, code_address(vmx_of(cpu)), &cpu->code_page, code);
}

/* In 64-bit mode ES, CS, SS and DS have no base, and CS has the CPL as well: they are not read. */
SLOW_PATH static void capture_segments(const struct cpu *cpu, struct trap_record *r)
{
	r->cs_base = (uint32_t)vmread(VMCS_GUEST_CS_BASE);
	r->ss_base = (uint32_t)vmread(VMCS_GUEST_SS_BASE);
	r->ds_base = (uint32_t)vmread(VMCS_GUEST_DS_BASE);
	r->es_base = (uint32_t)vmread(VMCS_GUEST_ES_BASE);
	r->privilege = TRAP_PRIVILEGE(vmx_cpl(cpu), !!(vmread(VMCS_GUEST_SS_RIGHTS) & RIGHTS_BIG));
}

void vmx_capture(struct cpu *cpu, struct trap_record *r)
{
	const struct vmx_cpu *vmx = vmx_of(cpu);
	const struct vmx_mode *m = vmx_mode(cpu);

	vmx_capture_registers(r, cpu, vmx, &m->paging);
	r->rip = vmx->rip;
	r->cr2 = cpu->vendor_asm[0];
	r->cs_base = r->ss_base = r->ds_base = r->es_base = 0;
	r->cs = (uint16_t)vmread(VMCS_GUEST_CS_SELECTOR);
	r->privilege = TRAP_PRIVILEGE(r->cs & SELECTOR_RPL, 0);
	r->mode = (uint8_t)code_mode(m);
	if (__builtin_expect(r->mode != 64, 0))
		capture_segments(cpu, r);
}
