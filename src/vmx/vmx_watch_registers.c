// SPDX-License-Identifier: MIT
/* Watches of registers: what exits for them, and the writes of control registers. */
#include "exit/control_register.h"
#include "hw/asm.h"
#include "mem/guest_ram.h"
#include "vmx/vmx.h"
#include "watch/watch.h"

static bool wants(enum watch_register reg, unsigned access)
{
	return watch_register_mask(reg, 0, access);
}

static bool wants_tables(void)
{
	unsigned both = WATCH_READ | WATCH_WRITE;

	return wants(WATCH_GDTR, both) || wants(WATCH_IDTR, both) || wants(WATCH_LDTR, both) ||
	       wants(WATCH_TR, both);
}

/* One control for all of them, loads and stores. */
void vmx_watch_tables(bool on)
{
	uint64_t now = vmread(VMCS_CPU_CONTROLS2);

	if (on && wants_tables() && vmx_caps.has_table_exiting)
		vmwrite(VMCS_CPU_CONTROLS2, now | CPU2_TABLE_EXITING);
	else if (now & CPU2_TABLE_EXITING)
		vmwrite(VMCS_CPU_CONTROLS2, now & ~(uint64_t)CPU2_TABLE_EXITING);
}

/* A write exits if it gives a masked bit another value than the shadow's (26.1.3), which is the guest's own. */
void vmx_set_masks(struct cpu *cpu)
{
	uint64_t mask0 = watch_register_mask(WATCH_CR0, 0, WATCH_WRITE) & ~(uint64_t)CR0_OWNED,
		 mask4 = watch_register_mask(WATCH_CR4, 0, WATCH_WRITE) & ~(uint64_t)CR4_OWNED;

	vmwrite(VMCS_CR0_MASK, mask0 | CR0_OWNED);
	vmwrite(VMCS_CR0_SHADOW, (vmread(VMCS_GUEST_CR0) & mask0) | vmx_of(cpu)->cr0_shadow);
	vmwrite(VMCS_CR4_MASK, mask4 | CR4_OWNED);
	vmwrite(VMCS_CR4_SHADOW, vmread(VMCS_GUEST_CR4) & mask4);
}

void vmx_watch_registers(struct cpu *cpu)
{
	vmx_set_masks(cpu);
	vmx_set_control(cpu, CPU_CR3_LOAD_EXITING, wants(WATCH_CR3, WATCH_WRITE));
	vmx_set_control(cpu, CPU_MOV_DR_EXITING, wants(WATCH_DR7, WATCH_WRITE));
	vmx_watch_tables(!(cpu->work & CPU_WORK_OPEN)); /* open for an instruction: until it is closed */
}

/* The entry loads the PDPTEs from the VMCS (27.3.1.6). */
static void load_pdptes(uint64_t cr3)
{
	for (unsigned i = 0; i < 4; i++) {
		uint64_t entry = 0;

		guest_read64((cr3 & 0xffffffe0) + 8 * i, &entry);
		vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, entry);
	}
}

static struct cr_state state_of(const struct cpu *cpu)
{
	return (struct cr_state){.cr0 = vmx_get(cpu, GUEST_CR0),
		.cr3 = vmx_get(cpu, GUEST_CR3),
		.cr4 = vmx_get(cpu, GUEST_CR4),
		.efer = vmx_get(cpu, GUEST_EFER)};
}

/* No entry and no exit changes these bits (27.3.2.1, 28.5.1): the guest's are the CPU's own. */
#define CR0_SHARED (CR0_CD | CR0_NW)

static void set_cr0(struct cpu *cpu, uint64_t value)
{
	uint64_t efer = efer_with(vmread(VMCS_GUEST_EFER), value), entry = vmread(VMCS_ENTRY_CONTROLS);

	write_cr0((read_cr0() & ~(uint64_t)CR0_SHARED) | (value & CR0_SHARED));
	vmwrite(VMCS_GUEST_CR0, value | CR0_OWNED);
	vmx_of(cpu)->cr0_shadow = value & CR0_OWNED;
	vmwrite(VMCS_GUEST_EFER, efer);
	vmwrite(VMCS_ENTRY_CONTROLS,
		efer & EFER_LMA ? entry | ENTRY_GUEST_64 : entry & ~(uint64_t)ENTRY_GUEST_64);
}

void vmx_set_control_register(struct cpu *cpu, enum guest_register r, uint64_t value)
{
	struct cr_state now = state_of(cpu), next;

	if (r == GUEST_CR0)
		set_cr0(cpu, value);
	else if (r == GUEST_CR4)
		vmwrite(VMCS_GUEST_CR4, value | CR4_VMXE);
	else /* bit 63 with PCIDE: do not flush. More is flushed than has to be */
		vmwrite(VMCS_GUEST_CR3, value & ~(1ull << 63));
	vmx_of(cpu)->mode_read = false;
	next = state_of(cpu);
	if (cr_loads_pdptes(&now, &next))
		load_pdptes(next.cr3);
	vmx_flush_guest_tlb();
	vmx_set_intercepts(cpu);
}
