// SPDX-License-Identifier: MIT
/* VT-x: the usual exception (exit/usual.h) leaves the same behind as the long way of exit_exception(). */
#include "exit/halt.h"
#include "vmx/vmx.h"

struct vendor_left {
	uint64_t vmcs[FAKE_FIELDS], rflags, cr2;
	bool event_set;
};

#include "fake_usual.h"

#define VALID (1u << 31)

struct vmx_caps vmx_caps;
uint64_t fake_vmcs[FAKE_FIELDS], fake_dr6 = 0xffff4ff0;

static struct vmx_cpu vmx;
static _Alignas(2 * sizeof(struct exit_entry)) struct exit_entry exits[2];

USUAL_VENDOR(vmx);

void vmx_set_control_register(struct cpu *c, enum guest_register r, uint64_t value)
{
}

void vmx_end_shadow(struct cpu *c)
{
}

void vmx_end_instruction(struct cpu *c, uint64_t rflags)
{
}

void vmx_set_control(struct cpu *c, uint32_t control, bool on)
{
}

void vmx_exit_on_interrupts(struct cpu *c, bool on)
{
}

uint64_t vmx_stepped(struct cpu *c, uint64_t why)
{
	return why;
}

void vmx_long_exception(struct cpu *c, struct vmx_cpu *v)
{
	long_exits++;
}

void vmx_end_exit(struct cpu *c)
{
	ends++;
}

static uint32_t word_of(unsigned vector)
{
	return VALID | (vectors_with_error >> vector & 1 ? EVENT_ERROR_CODE : 0) | TRAP_TYPE_EXCEPTION << 8 |
	       vector;
}

static void make_vmcs(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	fill(fake_vmcs, sizeof(fake_vmcs));
	vmwrite(VMCS_EXIT_EVENT, word_of(vector));
	vmwrite(VMCS_EXIT_ERROR_CODE, error);
	vmwrite(VMCS_EXIT_QUALIFICATION, address);
	vmwrite(VMCS_VECTORING_EVENT, 0);
	vmwrite(VMCS_GUEST_CS_RIGHTS, RIGHTS_LONG);
	vmwrite(VMCS_GUEST_CS_SELECTOR, 0x10 | cpl);
	vmwrite(VMCS_GUEST_EFER, EFER_LMA | EFER_LME);
	vmwrite(VMCS_GUEST_CR0, vmread(VMCS_GUEST_CR0) | CR0_PE);
	vmwrite(VMCS_GUEST_RIP, RIP);
	vmwrite(VMCS_GUEST_RFLAGS, vmread(VMCS_GUEST_RFLAGS) & ~(uint64_t)(RFLAGS_RF | RFLAGS_TF));
}

static void make_vendor_guest(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	memset(&vmx, 0, sizeof(vmx));
	make_vmcs(vector, cpl, error, address);
	cpu.vendor = &vmx;
	cpu.vendor_asm[0] = 0x123456789a;
	vmx.rip = RIP;
	vmx.rflags = vmread(VMCS_GUEST_RFLAGS);
	vmx.cr0_shadow = CR0_NE;
	history_init(&cpu.history, exits, 2);
	cpu.code_page.cr3 = vmread(VMCS_GUEST_CR3);
	cpu.code_page.cr4 = vmread(VMCS_GUEST_CR4);
}

static bool usual(unsigned vector)
{
	vmx_usual_exception(&cpu, &vmx, word_of(vector));
	return !long_exits;
}

static void long_way(void)
{
	vmx_decode_exception(&cpu);
	exit_exception(&cpu);
}

/* The times differ. */
static void look_at_vendor(struct left *l)
{
	l->record.tsc = 0;
	memcpy(l->vendor.vmcs, fake_vmcs, sizeof(l->vendor.vmcs));
	l->vendor.rflags = vmx.rflags;
	l->vendor.cr2 = cpu.vendor_asm[0];
	l->vendor.event_set = vmx.event_set;
}

static void compare(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	go_both_ways(vector, cpl, error, address);
	assert_same_left();
}

static void same_as_the_long_way(void **state)
{
	compare_all(USUAL_VECTORS, compare);
}

static void refuse(void)
{
	assert_refused();
	assert_false(vmx.event_set);
}

/* Everything that the short way cannot do, with nothing changed. */
static void refuses(void **state)
{
	make_ud();
	vmwrite(VMCS_GUEST_CS_RIGHTS, 0);
	refuse();
	make_ud();
	vmwrite(VMCS_GUEST_EFER, 0);
	refuse();
	make_ud();
	vmwrite(VMCS_VECTORING_EVENT, word_of(VEC_PF)); /* it came in the delivery of another event */
	refuse();
	make_ud();
	vmx.rflags |= RFLAGS_TF;
	refuse();
	make_ud();
	cpu.work = CPU_WORK_STEP;
	refuse();
	refuses_changed_tables();
	assert_false(vmx.event_set);
	takes_with_console();
}

/* The other vendor's VMCALL is a call, and no exception. */
static void calls_are_served(void **state)
{
	static const uint8_t vmmcall[] = {0x0f, 0x01, 0xd9};

	make_ud();
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	serve_call(vmmcall, sizeof(vmmcall));
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIP + 3);
	assert_false(vmx.event_set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_the_long_way), cmocka_unit_test(refuses),
		cmocka_unit_test(calls_are_served)};

	return cmocka_run_group_tests_name("vmx_usual", tests, NULL, NULL);
}
