/* The guest's state in the VMCS, read at most once an exit. */
#include "vmx/vmx.h"
#include "cpu/asm.h"
#include "exit/insn.h"

uint64_t vmx_get(const struct cpu *cpu, enum guest_register r)
{
	switch (r) {
	case GUEST_RIP:
		return vmx_rip(cpu);
	case GUEST_RSP:
		return vmread(VMCS_GUEST_RSP);
	case GUEST_RFLAGS:
		return vmx_cached(cpu, CACHED_RFLAGS);
	case GUEST_CR0:
		return (vmx_cached(cpu, CACHED_CR0) & ~CR0_OWNED) | vmx_of(cpu)->cr0_shadow;
	case GUEST_CR2:
		return cpu->vendor_asm[0];
	case GUEST_CR3:
		return vmx_cached(cpu, CACHED_CR3);
	case GUEST_CR4:
		return vmx_cached(cpu, CACHED_CR4) & ~CR4_OWNED;
	case GUEST_DR6:
		return read_dr6();
	case GUEST_DR7:
		return vmread(VMCS_GUEST_DR7);
	default:
		return vmx_cached(cpu, CACHED_EFER);
	}
}

/* The control registers are not for common code to change: what they mean for the TLB and the PDPTEs is in
 * vmx_cr.c. */
void vmx_set(struct cpu *cpu, enum guest_register r, uint64_t value)
{
	switch (r) {
	case GUEST_RIP:
		vmx_set_rip(cpu, value);
		break;
	case GUEST_RSP:
		vmwrite(VMCS_GUEST_RSP, value);
		break;
	case GUEST_RFLAGS:
		vmx_write_cached(cpu, CACHED_RFLAGS, VMCS_GUEST_RFLAGS, value);
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
	default:
		break;
	}
}

void vmx_segment(const struct cpu *cpu, enum segment n, struct segment_state *out)
{
	uint32_t rights = (uint32_t)vmread(VMCS_RIGHTS(n));

	*out = (struct segment_state){
		.selector = (uint16_t)vmread(VMCS_SELECTOR(n)),
		.dpl = RIGHTS_DPL(rights),
		.present = (rights & RIGHTS_PRESENT) && !(rights & RIGHTS_UNUSABLE),
		.long_mode = rights & RIGHTS_LONG,
		.big = rights & RIGHTS_BIG,
		.limit = (uint32_t)vmread(VMCS_LIMIT(n)),
		.base = vmread(VMCS_BASE(n)),
	};
}

void vmx_table(const struct cpu *cpu, enum guest_table table, struct descriptor_table *out)
{
	bool idt = table == GUEST_IDT;

	out->limit = (uint16_t)vmread(idt ? VMCS_GUEST_IDTR_LIMIT : VMCS_GUEST_GDTR_LIMIT);
	out->base = vmread(idt ? VMCS_GUEST_IDTR_BASE : VMCS_GUEST_GDTR_BASE);
}

void vmx_paging(const struct cpu *cpu, struct guest_paging *out)
{
	out->cr0 = vmx_cached(cpu, CACHED_CR0);
	out->cr3 = vmx_cached(cpu, CACHED_CR3);
	out->cr4 = vmx_cached(cpu, CACHED_CR4);
	out->efer = vmx_cached(cpu, CACHED_EFER);
}

/* 25.4.1: the CPL is SS.DPL, always. */
unsigned vmx_cpl(const struct cpu *cpu)
{
	return RIGHTS_DPL(vmread(VMCS_GUEST_SS_RIGHTS));
}

unsigned vmx_code_mode(const struct cpu *cpu)
{
	uint64_t rights = vmx_cached(cpu, CACHED_CS_RIGHTS);

	if ((rights & RIGHTS_LONG) && (vmx_cached(cpu, CACHED_EFER) & EFER_LMA))
		return 64;
	return rights & RIGHTS_BIG ? 32 : 16;
}

uint64_t vmx_code_address(const struct cpu *cpu)
{
	if (vmx_code_mode(cpu) == 64)
		return vmx_rip(cpu);
	return (uint32_t)(vmx_cached(cpu, CACHED_CS_BASE) + vmx_rip(cpu));
}

/* ES, CS, SS and DS have no base in 64-bit mode: not read. */
static void capture_bases(struct cpu *cpu, struct trap_record *r)
{
	if (vmx_code_mode(cpu) == 64) {
		r->mode = 64;
		r->cs_base = r->ss_base = r->ds_base = r->es_base = 0;
		return;
	}
	r->mode = (uint8_t)vmx_code_mode(cpu);
	r->cs_base = (uint32_t)vmx_cached(cpu, CACHED_CS_BASE);
	r->ss_base = (uint32_t)vmread(VMCS_GUEST_SS_BASE);
	r->ds_base = (uint32_t)vmread(VMCS_GUEST_DS_BASE);
	r->es_base = (uint32_t)vmread(VMCS_GUEST_ES_BASE);
}

void vmx_capture(struct cpu *cpu, struct trap_record *r)
{
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		r->gpr[i] = cpu->gpr[i];
	r->gpr[TRAP_RSP] = vmread(VMCS_GUEST_RSP);
	r->rip = vmx_rip(cpu);
	r->cr2 = cpu->vendor_asm[0];
	r->cr3 = vmx_cached(cpu, CACHED_CR3);
	r->fs_base = vmread(VMCS_GUEST_FS_BASE);
	r->gs_base = vmread(VMCS_GUEST_GS_BASE);
	capture_bases(cpu, r);
	r->cr0 = (uint32_t)vmx_get(cpu, GUEST_CR0);
	r->cr4 = (uint32_t)vmx_get(cpu, GUEST_CR4);
	r->efer = (uint32_t)vmx_cached(cpu, CACHED_EFER);
	r->rflags = (uint32_t)vmx_cached(cpu, CACHED_RFLAGS);
	r->dr6 = (uint32_t)read_dr6();
	r->cs = (uint16_t)vmread(VMCS_GUEST_CS_SELECTOR);
	r->cpl = (uint8_t)vmx_cpl(cpu);
}

/* The single step that TF asks for becomes pending, as behind an instruction of the CPU's own (SDM vol.
 * 3B 18.3.1.4). */
static void step(struct cpu *cpu)
{
	if (vmread(VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF)
		return; /* only branches are stepped, and nothing that is carried out here is one */
	vmwrite(VMCS_GUEST_PENDING_DEBUG, vmread(VMCS_GUEST_PENDING_DEBUG) | DR6_BS);
	vmx_of(cpu)->stepped = true;
}

/* The CPU knows how long an instruction was that exits by itself, not one that raised #UD (28.2.5): VMMCALL.
 */
static uint64_t next_rip(struct cpu *cpu)
{
	uint64_t rip = vmx_rip(cpu), next;

	if (cpu->exit.kind == EXIT_EXCEPTION)
		return insn_next(cpu);
	next = rip + vmread(VMCS_EXIT_LENGTH);
	if ((rip ^ next) >> 32 && vmx_code_mode(cpu) != 64)
		next = (uint32_t)next;
	return next;
}

/*
 * Past an instruction that was carried out in software, with all that its end does: the shadow of a STI or
 * MOV SS and RFLAGS.RF end there, and a single step traps.
 */
void vmx_skip(struct cpu *cpu)
{
	uint64_t blocking = vmread(VMCS_GUEST_INTERRUPTIBILITY), rflags = vmx_cached(cpu, CACHED_RFLAGS);

	vmx_set_rip(cpu, next_rip(cpu));
	if (blocking & (BLOCKING_STI | BLOCKING_MOV_SS))
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, blocking & ~(uint64_t)(BLOCKING_STI | BLOCKING_MOV_SS));
	if (rflags & RFLAGS_RF)
		vmx_write_cached(cpu, CACHED_RFLAGS, VMCS_GUEST_RFLAGS, rflags & ~RFLAGS_RF);
	if (rflags & RFLAGS_TF)
		step(cpu);
}
