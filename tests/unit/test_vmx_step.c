// SPDX-License-Identifier: MIT
/*
 * VT-x: the step over a watched access, by the monitor trap flag and by TF. The VMCS is an array, and the test is the CPU
 * (SDM vol. 3C 26.5.2, 25.4.2).
 */
#include "unit.h"
#include "hw/asm.h" /* before those that find the real one */
#include <string.h>
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include "fake/mem/guest_ram.h"
#include "guest/insn.h"
#include "guest/known_insn.h"
#include "hw/msr.h"
#include "stage2/private.h"
#include "trace/decode.h"
#include "vmx/vmx.h"
#include "vmx/vmread.h"
#include "watch/watch.h"

#define RFLAGS_USUAL 0x202ull

uint64_t fake_vmcs[FAKE_FIELDS], fake_cr0;
struct fake_ram fake_ram;
struct vmx_caps vmx_caps;
struct boot_info boot_info;
static struct vmx_cpu vmx;
static struct known_insn known[KNOWN_INSNS];
static struct cpu cpu;
static struct stage2_private private;
static uint8_t code[16];
static uint32_t controls;
static bool interrupts_exit;
static uint64_t fmask;

static unsigned fetch(struct cpu *c, uint8_t *to)
{
	memcpy(to, code, sizeof(code));
	return 15;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_RFLAGS ? vmx.rflags : fake_get(c, r);
}

static void set(struct cpu *c, enum guest_register r, uint64_t value)
{
	if (r == GUEST_RFLAGS)
		vmx.rflags = value;
}

FAKE_VENDOR(fake, .state.get = get, .state.set = set, .state.fetch = fetch);
const struct vendor *vendor = &fake;

uint64_t fake_rdmsr(uint32_t msr)
{
	return msr == MSR_FMASK ? fmask : ~0ull;
}

bool fake_wrmsr(uint32_t msr, uint64_t value)
{
	assert_int_equal(msr, MSR_FMASK);
	fmask = value;
	return true;
}

uint64_t vmx_get(const struct cpu *c, enum guest_register r)
{
	return 0;
}

uint64_t vmx_ept_pointer(void)
{
	return 1;
}

uint64_t vmx_ept_pointer_of(uint64_t root)
{
	return root;
}

void vmx_flush_ept(uint64_t pointer)
{
}

void vmx_flush_guest_tlb(void)
{
}

void vmx_set_control(struct cpu *c, uint32_t control, bool on)
{
	controls = on ? controls | control : controls & ~control;
}

void vmx_end_shadow(struct cpu *c)
{
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
}

void vmx_exit_interrupts(struct cpu *c, bool always)
{
	interrupts_exit = always;
}

void vmx_set_intercepts(struct cpu *c)
{
	if (!vmx.step.on)
		vmx_watch_registers(c);
}

void private_fetch(struct cpu *c, bool on)
{
	private.fetches = on;
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	*physical = linear;
	return true;
}

static int begin(void **state)
{
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(&vmx, 0, sizeof(vmx));
	memset(&cpu, 0, sizeof(cpu));
	cpu.known = known;
	memset(code, 0x90, sizeof(code));
	vmx_caps.has_trap_flag = false;
	vmx_caps.has_table_exiting = true;
	controls = 0;
	fmask = RFLAGS_TF | RFLAGS_IF;
	vmx.rflags = RFLAGS_USUAL;
	cpu.vendor = &vmx;
	cpu.private_tables = &private;
	exit_begin(&cpu.exit);
	return 0;
}

static void step(const char *bytes)
{
	memcpy(code, bytes, strlen(bytes));
	exit_begin(&cpu.exit);
	vmx_watch_step(&cpu, true);
}

/* LGDT was let through, and its step exits for one more page: it is still let through at the next try. */
static void let_through(void **state)
{
	const struct watch_spec spec = {.space = WATCH_REGISTER, .access = WATCH_WRITE, .reg = WATCH_GDTR};

	assert_non_null(watch_add(&spec));
	vmx_watch_registers(&cpu);
	assert_true(vmread(VMCS_CPU_CONTROLS2) & CPU2_TABLE_EXITING);
	cpu.work = CPU_WORK_OPEN | CPU_WORK_STEP;
	vmx_watch_tables(false);
	step("\x0f\x01\x17");
	assert_true(vmx.rflags & RFLAGS_TF);
	vmx_watch_step(&cpu, false);
	assert_false(vmread(VMCS_CPU_CONTROLS2) & CPU2_TABLE_EXITING);
	assert_int_equal(vmx.rflags, RFLAGS_USUAL);
	cpu.work = 0;
	vmx_watch_registers(&cpu);
	assert_true(vmread(VMCS_CPU_CONTROLS2) & CPU2_TABLE_EXITING);
	watch_delete_all();
}

/* The single step's exit after the instruction. */
static void finish(void)
{
	cpu.exit.kind = EXIT_EXCEPTION;
	assert_int_equal(vmx_stepped(&cpu, DR6_BS), 0);
	assert_int_equal(cpu.exit.kind, EXIT_STEP);
	assert_int_equal(vmx.rflags, RFLAGS_USUAL);
}

/* What WRMSR writes stays, whether it ran by itself or exited. If it faults, nothing has changed. */
static void wrmsr_of_debugctl(void **state)
{
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	cpu.gpr[TRAP_RCX] = MSR_DEBUGCTL;
	step("\x0f\x30");
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), 0);
	finish(); /* it has written 0 */
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), 0);

	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	step("\x0f\x30");
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_LBR);
	vmx_watch_step(&cpu, false);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), DEBUGCTL_LBR);

	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	step("\x0f\x30");
	vmx_watch_step(&cpu, false);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), DEBUGCTL_BTF);
	cpu.gpr[TRAP_RCX] = 0;
	step("\x0f\x30");
	finish();
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), DEBUGCTL_BTF);
}

/* With the flag a shadow stays, and holds interrupts back until the step is over. Under TF it ends before the step. */
static void interrupts(void **state)
{
	static const struct {
		uint64_t blocking, rflags;
		bool exit;
	} rows[] = {
		{0, RFLAGS_USUAL, true},
		{0, 2, false},
		{BLOCKING_STI, RFLAGS_USUAL, false},
		{BLOCKING_MOV_SS, RFLAGS_USUAL, false},
		{BLOCKING_NMI, RFLAGS_USUAL, true},
	};

	vmx_caps.has_trap_flag = true;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, rows[i].blocking);
		vmx.rflags = rows[i].rflags;
		vmx_watch_step(&cpu, true);
		assert_true(controls & CPU_MONITOR_TRAP_FLAG);
		assert_int_equal(interrupts_exit, rows[i].exit);
		vmx_watch_step(&cpu, false);
		assert_false(interrupts_exit);
		assert_int_equal(controls, 0);
	}
}

/* HLT after STI, under TF: the interrupt for which it waits exits. */
static void wait_in_shadow(void **state)
{
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
	step("\xf4");
	assert_int_equal(vmread(VMCS_GUEST_INTERRUPTIBILITY), BLOCKING_STI);
	assert_true(interrupts_exit);
}

/* The step exits for one more page, and begins anew: TF and BTF are still Trapline's. */
static void begins_anew(void **state)
{
	vmwrite(VMCS_GUEST_DEBUGCTL, DEBUGCTL_BTF);
	step("\x0f\x05");
	vmx_watch_step(&cpu, true);
	assert_int_equal(fmask, RFLAGS_IF);
	vmx_watch_step(&cpu, false);
	assert_int_equal(vmx.rflags, RFLAGS_USUAL);
	assert_int_equal(fmask, RFLAGS_TF | RFLAGS_IF);
	assert_int_equal(vmread(VMCS_GUEST_DEBUGCTL), DEBUGCTL_BTF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(let_through, begin),
		cmocka_unit_test_setup(wrmsr_of_debugctl, begin),
		cmocka_unit_test_setup(interrupts, begin),
		cmocka_unit_test_setup(wait_in_shadow, begin),
		cmocka_unit_test_setup(begins_anew, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
