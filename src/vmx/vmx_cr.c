/*
 * Exits that only VT-x has. Control registers exit where the guest writes a bit that Trapline owns with
 * another value than it is shown: CR4.VMXE and SMXE, which a CPU without VT-x and SMX does not have, and
 * CR0.NE, which VMX operation fixes at 1.
 */
#include "vmx/vmx.h"
#include "exit/exception.h"
#include "trace/vector.h"

/* Table 28-3: exit qualification of a control-register access */
#define ACCESS_REGISTER(q) ((q)&15)
#define ACCESS_TYPE(q)     ((q) >> 4 & 3) /* 0: MOV to CR */
#define ACCESS_GPR(q)      ((q) >> 8 & 15)

static uint64_t operand(const struct cpu *cpu, uint64_t qualification)
{
	unsigned gpr = ACCESS_GPR(qualification);
	uint64_t value = gpr == TRAP_RSP ? vmread(VMCS_GUEST_RSP) : cpu->gpr[gpr];

	return vmx_code_mode(cpu) == 64 ? value : (uint32_t)value;
}

/* SDM vol. 2B "MOV - Move to/from Control Registers": what raises #GP for CR0. */
static bool cr0_is_legal(const struct cpu *cpu, uint64_t value)
{
	uint64_t old = vmx_mode(cpu)->paging.cr0, cr4 = vmx_mode(cpu)->paging.cr4;
	bool mode64 = vmx_code_mode(cpu) == 64;

	if (value >> 32 || ((value & CR0_PG) && !(value & CR0_PE)) || ((value & CR0_NW) && !(value & CR0_CD)))
		return false;
	if (!(value & CR0_WP) && (cr4 & CR4_CET))
		return false;
	if (!(value & CR0_PG))
		return !mode64 && !(cr4 & CR4_PCIDE);
	if ((old & CR0_PG) || !(vmx_mode(cpu)->paging.efer & EFER_LME))
		return true;
	return (cr4 & CR4_PAE) && !(vmx_mode(cpu)->cs_rights & RIGHTS_LONG);
}

/*
 * The new NE goes to the shadow alone, and the instruction runs again: it agrees with the shadow now, so it
 * does not exit, and whatever else it changes (paging, long mode, caches) is the CPU's own work.
 */
static void write_cr0_ne(struct cpu *cpu, uint64_t value)
{
	if (!cr0_is_legal(cpu, value)) {
		exception_raise(cpu, VEC_GP, 0);
		return;
	}
	vmx_of(cpu)->cr0_shadow = value & CR0_OWNED;
	vmwrite(VMCS_CR0_SHADOW, value & CR0_OWNED);
}

static void control_register(struct cpu *cpu)
{
	uint64_t q = vmread(VMCS_EXIT_QUALIFICATION);

	if (ACCESS_REGISTER(q) == 0 && ACCESS_TYPE(q) == 0)
		write_cr0_ne(cpu, operand(cpu, q));
	else /* CR4 with VMXE or SMXE */
		exception_raise(cpu, VEC_GP, 0);
}

void vmx_own_exit(struct cpu *cpu)
{
	if (cpu->exit.kind == EXIT_TASK_SWITCH)
		vmx_task_switch(cpu);
	else if (cpu->exit.kind == EXIT_TIMER)
		vmx_timer(cpu);
	else
		control_register(cpu);
}
