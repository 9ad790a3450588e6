// SPDX-License-Identifier: MIT
/*
 * AMD-V: the hidden step over a watched access. What each instruction does with TF, RFLAGS, R11, DR6 and the stack is as without the step
 * (APM vol. 2 13.1.4, vol. 3: SYSCALL, SYSRET, POPF, PUSHF, IRET). The VMCB is an array here, and the test is the CPU.
 */
#include "unit.h"
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include <string.h>
#include "exit/watch_access.h"
#include "guest/insn.h"
#include "guest/known_insn.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "mem/guest_ram.h"
#include "stage2/private.h"
#include "svm/svm.h"
#include "trace/decode.h"
#include "trace/vector.h"
#include "watch/watch.h"

#define RFLAGS_USUAL 0x202ull
#define DR6_USUAL    0xffff0ff0ull
#define OWN_ROOT     0x5000
#define SHARED_ROOT  0x4000
#define STACK        0x9000

static struct vmcb vmcb;
static struct svm_cpu svm;
static struct stage2_private private;
static struct known_insn known[KNOWN_INSNS];
static struct cpu cpu = {.known = known};
static uint8_t code[16];
static unsigned flushes;
static uint64_t debugctl, efer = EFER_LMA, cpl;
struct fake_ram fake_ram;

struct svm_caps svm_caps = {.nrips = true};
struct boot_info boot_info;
struct page_tables stage2_tables;
_Atomic uint64_t stage2_version;

static unsigned fetch(struct cpu *c, uint8_t *to)
{
	memcpy(to, code, sizeof(code));
	return 15;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	switch (r) {
	case GUEST_RFLAGS:
		return vmcb.save.rflags;
	case GUEST_RSP:
		return vmcb.save.rsp;
	case GUEST_RIP:
		return vmcb.save.rip;
	case GUEST_CODE_MODE:
		return 64;
	case GUEST_CALLER:
		return cpl << 8 | 64;
	default:
		return 0;
	}
}

static void set(struct cpu *c, enum guest_register r, uint64_t value)
{
	if (r == GUEST_RFLAGS)
		vmcb.save.rflags = value;
}

static void paging(const struct cpu *c, struct guest_paging *out)
{
	*out = (struct guest_paging){.efer = efer};
}

static void segment(const struct cpu *c, enum segment n, struct segment_state *out)
{
	*out = (struct segment_state){.selector = vmcb.save.tr.selector,
		.base = vmcb.save.tr.base,
		.type = vmcb.save.tr.attrib & 0xf};
}

FAKE_VENDOR(fake, .state.get = get, .state.set = set, .state.fetch = fetch, .state.paging = paging,
	.state.segment = segment);
const struct vendor *vendor = &fake;

uint64_t svm_nested_root(void)
{
	return SHARED_ROOT;
}

uint64_t svm_own_nested_root(const struct stage2_private *p)
{
	return p->root;
}

uint64_t svm_stop_btf(void)
{
	uint64_t old = debugctl;

	debugctl &= ~DEBUGCTL_BTF;
	return old & DEBUGCTL_BTF ? old : 0;
}

void svm_restore_btf(uint64_t stopped)
{
	if (stopped)
		debugctl = stopped;
}

void svm_stage2_flush(struct cpu *c)
{
	flushes++;
}

void svm_set_intercepts(struct cpu *c)
{
	vmcb.control.exceptions = 1u << VEC_UD;
	svm_watch_registers(c);
}

void svm_keep_shadow(struct cpu *c)
{
}

bool svm_says_why(uint64_t dr6)
{
	return dr6 & (DR6_BREAKPOINTS | DR6_BD | DR6_BS | DR6_BT);
}

void private_fetch(struct cpu *c, bool on)
{
	private.fetches = on;
}

bool watch_step_accesses(const struct cpu *c, uint64_t linear)
{
	return true;
}

bool guest_translate(const struct guest_paging *p, uint64_t linear, uint64_t *physical)
{
	*physical = linear;
	return true;
}

static void begin(const char *bytes, uint64_t rflags)
{
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&svm, 0, sizeof(svm));
	memset(cpu.gpr, 0, sizeof(cpu.gpr));
	memset(code, 0x90, sizeof(code));
	memcpy(code, bytes, strlen(bytes));
	cpu.vendor = &svm;
	cpu.vendor_asm[2] = (uint64_t)&vmcb;
	cpu.private_tables = &private;
	cpu.work = 0;
	cpu.stepped = false;
	exit_begin(&cpu.exit);
	private = (struct stage2_private){.root = OWN_ROOT, .fetches = true};
	vmcb.save.rflags = rflags;
	vmcb.save.dr6 = DR6_USUAL;
	vmcb.save.rsp = STACK;
	vmcb.save.sfmask = RFLAGS_TF | RFLAGS_IF;
	vmcb.control.exceptions = 1u << VEC_UD;
	svm_watch_step(&cpu, true);
}

/* The CPU has executed the instruction: the exit of the single step. */
static void finish(void)
{
	vmcb.control.exitcode = SVM_EXIT_EXCEPTION + VEC_DB;
	vmcb.save.dr6 |= DR6_BS;
	svm_end_watch_step(&cpu);
}

static void expect_hidden(uint64_t rflags)
{
	assert_true(cpu.stepped);
	assert_int_equal(vmcb.control.exitcode, SVM_EXIT_STEPPED);
	assert_int_equal(vmcb.save.rflags, rflags);
	assert_int_equal(vmcb.save.dr6, DR6_USUAL);
	assert_int_equal(vmcb.control.exceptions, 1u << VEC_UD);
	assert_int_equal(svm.pending & SVM_STEP_WATCH, 0);
}

/* The intercepts that were configured during the step are in force after it, and otherwise those from before. */
static void configured_meanwhile(void **state)
{
	begin("\x90", RFLAGS_USUAL);
	vmcb.control.exceptions = 0;
	svm.watched.configured = true;
	finish();
	assert_int_equal(vmcb.control.exceptions, 1u << VEC_UD);
	begin("\x90", RFLAGS_USUAL);
	assert_int_equal(vmcb.control.exceptions, INTERCEPT_EXCEPTIONS);
	finish();
	assert_int_equal(vmcb.control.exceptions, 1u << VEC_UD);
}

static void plain(void **state)
{
	begin("\x48\x89\x07", RFLAGS_USUAL);
	assert_int_equal(vmcb.control.n_cr3, OWN_ROOT);
	assert_true(vmcb.save.rflags & RFLAGS_TF);
	assert_int_equal(vmcb.control.exceptions, INTERCEPT_EXCEPTIONS);
	assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_INTR));
	assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_SWINT));
	finish();
	expect_hidden(RFLAGS_USUAL);
	assert_false(vmcb_has_intercept(&vmcb.control, SVM_EXIT_INTR));
	svm_watch_step(&cpu, false);
	assert_int_equal(vmcb.control.n_cr3, SHARED_ROOT);
}

/* The guest steps itself: it gets its #DB, with BS. */
static void guests_own_step(void **state)
{
	begin("\x48\x89\x07", RFLAGS_USUAL | RFLAGS_TF);
	finish();
	assert_true(cpu.stepped);
	assert_int_equal(vmcb.control.exitcode, SVM_EXIT_EXCEPTION + VEC_DB);
	assert_int_equal(vmcb.save.rflags, RFLAGS_USUAL | RFLAGS_TF);
	assert_int_equal(vmcb.save.dr6, DR6_USUAL | DR6_BS);
}

/* A breakpoint that the instruction has matched is the guest's, the step is not. */
static void breakpoint(void **state)
{
	begin("\x48\x89\x07", RFLAGS_USUAL);
	vmcb.save.dr6 |= 2;
	finish();
	assert_int_equal(vmcb.control.exitcode, SVM_EXIT_EXCEPTION + VEC_DB);
	assert_int_equal(vmcb.save.dr6, DR6_USUAL | 2);
	assert_int_equal(vmcb.save.rflags, RFLAGS_USUAL);
}

/* An exit before the end: nothing of the step is left. */
static void aborted(void **state)
{
	begin("\x48\x89\x07", RFLAGS_USUAL);
	vmcb.control.exitcode = SVM_EXIT_INTR;
	svm_end_watch_step(&cpu);
	assert_false(cpu.stepped);
	assert_int_equal(vmcb.control.exitcode, SVM_EXIT_INTR);
	assert_int_equal(vmcb.save.rflags, RFLAGS_USUAL);
	assert_int_equal(vmcb.save.dr6, DR6_USUAL);
}

static void popf(void **state)
{
	begin("\x9d", RFLAGS_USUAL);
	vmcb.save.rflags = 0x2; /* popped */
	finish();
	expect_hidden(0x2);
	begin("\x9d", RFLAGS_USUAL);
	vmcb.save.rflags =
		RFLAGS_USUAL | RFLAGS_TF; /* the guest sets TF: it counts from the next instruction on */
	finish();
	expect_hidden(RFLAGS_USUAL | RFLAGS_TF);
}

/* A step of a debugger: no interrupt comes before the instruction, and none of it shows. */
static void held(void **state)
{
	cpu.run.holds = true;
	begin("\x48\x89\x07", RFLAGS_USUAL);
	assert_int_equal(vmcb.save.rflags, (RFLAGS_USUAL & ~RFLAGS_IF) | RFLAGS_TF);
	finish();
	expect_hidden(RFLAGS_USUAL);
	begin("\x48\x89\x07", RFLAGS_USUAL); /* it faults: the frame has IF */
	vmcb.control.exitcode = SVM_EXIT_EXCEPTION + VEC_PF;
	svm_end_watch_step(&cpu);
	assert_int_equal(vmcb.save.rflags, RFLAGS_USUAL);
	begin("\xfa", RFLAGS_USUAL); /* CLI */
	finish();
	expect_hidden(RFLAGS_USUAL & ~RFLAGS_IF);
	begin("\x9c", RFLAGS_USUAL); /* PUSHF */
	fake_ram.bytes[STACK + 1] = RFLAGS_TF >> 8;
	finish();
	expect_hidden(RFLAGS_USUAL);
	assert_int_equal(fake_ram.bytes[STACK + 1], RFLAGS_IF >> 8);
	begin("\x9c", RFLAGS_USUAL & ~RFLAGS_IF);
	fake_ram.bytes[STACK + 1] = RFLAGS_TF >> 8;
	finish();
	expect_hidden(RFLAGS_USUAL & ~RFLAGS_IF);
	assert_int_equal(fake_ram.bytes[STACK + 1], 0);
	cpu.run.holds = false;
}

/* These load IF, or wait for an interrupt: STI, POPF, IRET, MWAIT. */
static void not_held(void **state)
{
	static const char *const codes[] = {
		"\xfb", "\x9d", "\x48\xcf", "\x0f\x01\xc9", "\x0f\x05", "\x0f\x34"};

	cpu.run.holds = true;
	for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
		begin(codes[i], RFLAGS_USUAL);
		assert_true(vmcb.save.rflags & RFLAGS_IF);
	}
	cpu.run.holds = false;
}

/* With VIF in the place of IF (SDM vol. 3B 21.3, 21.4): CLI and, in virtual-8086 mode, PUSHF. With IOPL 3 they have IF. */
static void not_held_virtual(void **state)
{
	static const struct {
		const char *code;
		uint64_t flags;
		bool holds;
	} rows[] = {{"\xfa", 0, false}, {"\xfa", RFLAGS_VM, false}, {"\x9c", RFLAGS_VM, false},
		{"\x9c", 0, true}, {"\x90", RFLAGS_VM, true}, {"\xfa", RFLAGS_IOPL, true},
		{"\xfa", RFLAGS_VM | RFLAGS_IOPL, true}, {"\x9c", RFLAGS_VM | RFLAGS_IOPL, true}};

	cpu.run.holds = true;
	cpl = 3;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(rows[i].code, RFLAGS_USUAL | rows[i].flags);
		assert_int_equal(!(vmcb.save.rflags & RFLAGS_IF), rows[i].holds);
	}
	begin("\xfa", RFLAGS_USUAL);
	finish();
	expect_hidden(RFLAGS_USUAL); /* it has cleared VIF only */
	cpl = 0;
	cpu.run.holds = false;
}

static void iret_ends_nmi_blocking(void **state)
{
	begin("\x48\xcf", RFLAGS_USUAL);
	assert_false(vmcb_has_intercept(&vmcb.control, SVM_EXIT_IRET));
	cpu.guest_nmi_blocked = true;
	vmcb.save.rflags = 0x46;
	finish();
	expect_hidden(0x46);
	assert_false(cpu.guest_nmi_blocked);
}

static void syscall_and_back(void **state)
{
	begin("\x0f\x05", RFLAGS_USUAL);
	assert_false(vmcb.save.sfmask & RFLAGS_TF);
	cpu.gpr[TRAP_R11] = RFLAGS_USUAL | RFLAGS_TF;
	vmcb.save.rflags = 0x2 | RFLAGS_TF;
	finish();
	expect_hidden(0x2);
	assert_int_equal(cpu.gpr[TRAP_R11], RFLAGS_USUAL);
	assert_int_equal(vmcb.save.sfmask, RFLAGS_TF | RFLAGS_IF);

	begin("\x48\x0f\x07", 0x2);
	cpu.gpr[TRAP_R11] = 0;
	svm_end_watch_step(&cpu);
	begin("\x48\x0f\x07", 0x2);
	assert_true(cpu.gpr[TRAP_R11] & RFLAGS_TF); /* otherwise no single step would come */
	vmcb.save.rflags = 0x2 | RFLAGS_TF;
	finish();
	expect_hidden(0x2);
	assert_int_equal(cpu.gpr[TRAP_R11], 0);
}

/* With TF of the guest's, and IA32_FMASK without it, SYSCALL traps. */
static void syscall_stepped_by_guest(void **state)
{
	begin("\x0f\x05", RFLAGS_USUAL | RFLAGS_TF);
	vmcb.save.rflags = 0x2 | RFLAGS_TF;
	finish();
	expect_hidden(0x2); /* FMASK has TF: no #DB */
}

static void waits(void **state)
{
	begin("\xf4", RFLAGS_USUAL);
	assert_false(vmcb.save.rflags & RFLAGS_TF);
	assert_false(vmcb_has_intercept(&vmcb.control, SVM_EXIT_HLT));
	begin("\xf4", 0x2); /* with interrupts off Trapline waits itself */
	assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_HLT));
}

/* INT n exits, before it has pushed anything. */
static void int_n(void **state)
{
	begin("\xcd\x80", RFLAGS_USUAL);
	assert_false(vmcb.save.rflags & RFLAGS_TF);
	assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_SWINT));
}

/* The delivery of an event: no TF, which would be in its frame, but no fetch either. */
static void delivery(void **state)
{
	begin("\x90", RFLAGS_USUAL);
	vmcb.save.rflags = RFLAGS_USUAL;
	svm.pending = 0;
	vmcb.control.eventinj = SVM_EVENT_V | VEC_UD;
	svm_watch_step(&cpu, true);
	assert_false(private.fetches);
	assert_false(vmcb.save.rflags & RFLAGS_TF);
	assert_int_equal(svm.pending & SVM_STEP_WATCH, 0);
}

/* MOV of DR6: reads the guest's, writes the guest's, BS included. */
static void debug_register(void **state)
{
	begin("\x0f\x21\xf0", RFLAGS_USUAL); /* mov rax, dr6 */
	assert_int_equal(vmcb.save.dr6, DR6_USUAL);
	finish();
	expect_hidden(RFLAGS_USUAL);
	begin("\x0f\x23\xf0", RFLAGS_USUAL); /* mov dr6, rax */
	cpu.gpr[TRAP_RAX] = vmcb.save.dr6 = DR6_USUAL | DR6_BS | 1;
	finish();
	assert_int_equal(vmcb.save.dr6, DR6_USUAL | DR6_BS | 1);
	begin("\x41\x0f\x23\xf1", RFLAGS_USUAL); /* mov dr6, r9 */
	cpu.gpr[TRAP_R9] = vmcb.save.dr6 = DR6_USUAL | 1;
	finish();
	assert_int_equal(vmcb.save.dr6, DR6_USUAL | 1);
}

/* Two flushes a step: what was cached with the page open, and without. */
static void flushed(void **state)
{
	unsigned before = flushes;

	begin("\x90", RFLAGS_USUAL);
	finish();
	svm_watch_step(&cpu, false);
	assert_int_equal(flushes, before + 2);
}

/* What WRMSR writes stays. If it faults, nothing has changed. */
static void wrmsr_of_hidden_registers(void **state)
{
	begin("\x0f\x30", RFLAGS_USUAL);
	vmcb.save.sfmask = 0x47700;
	finish();
	expect_hidden(RFLAGS_USUAL);
	assert_int_equal(vmcb.save.sfmask, 0x47700);

	debugctl = DEBUGCTL_BTF;
	begin("\x0f\x30", RFLAGS_USUAL);
	assert_int_equal(debugctl, 0);
	cpu.gpr[TRAP_RCX] = 0xffffffff00000000 | MSR_DEBUGCTL;
	debugctl = DEBUGCTL_LBR;
	finish();
	assert_int_equal(debugctl, DEBUGCTL_LBR);

	debugctl = DEBUGCTL_BTF;
	begin("\x0f\x30", RFLAGS_USUAL);
	cpu.gpr[TRAP_RCX] = MSR_DEBUGCTL;
	vmcb.control.exitcode = SVM_EXIT_EXCEPTION + VEC_GP;
	svm_end_watch_step(&cpu);
	assert_int_equal(debugctl, DEBUGCTL_BTF);
	begin("\x90", RFLAGS_USUAL);
	finish();
	assert_int_equal(debugctl, DEBUGCTL_BTF);
	debugctl = 0;
}

/* A task switch of 32-bit code: the CPU saves TF in the old TSS, and loads the new task's flags. */
static void switch_task(const char *bytes, uint8_t type, unsigned flags_at, uint64_t rflags)
{
	uint8_t *tss = fake_ram.bytes + 0x3000;

	efer = 0;
	memset(tss, 0xff, 0x68);
	begin(bytes, RFLAGS_USUAL);
	vmcb.save.rflags = RFLAGS_USUAL;
	vmcb.control.exceptions = 1u << VEC_UD;
	vmcb.save.tr = (struct vmcb_segment){.selector = 0x28, .base = 0x3000, .attrib = 0x80 | type};
	svm_watch_step(&cpu, true);
	vmcb.save.tr.selector = 0x30;
	vmcb.save.tr.base = 0x4000;
	vmcb.save.rflags = rflags;
	finish();
	expect_hidden(rflags);
	for (unsigned i = 0; i < 0x68; i++)
		assert_int_equal(tss[i], i == flags_at + 1 ? 0xfe : 0xff);
	efer = EFER_LMA;
}

static void task_switch(void **state)
{
	switch_task("\xea\1\1\1\1\x30\1", 11, 36, 0x2);
	switch_task("\xff\x1e", 11, 36, RFLAGS_USUAL | RFLAGS_TF);
	switch_task("\xcf", 11, 36, 0x2);
	switch_task("\x9a\1\1\1\1\x30\1", 3, 16, 0x2);
}

/* LTR saves nothing, and neither does a far jump that stays in its task. */
static void no_task_switch(void **state)
{
	uint8_t *tss = fake_ram.bytes + 0x3000;

	efer = 0;
	memset(tss, 0xff, 0x68);
	begin("\x0f\x00\xd8", RFLAGS_USUAL);
	vmcb.save.tr.selector = 0x30;
	finish();
	expect_hidden(RFLAGS_USUAL);
	begin("\xea\1\1\1\1\x10\1", RFLAGS_USUAL);
	finish();
	expect_hidden(RFLAGS_USUAL);
	assert_int_equal(tss[37], 0xff);
	efer = EFER_LMA;
}

static uint16_t watch(enum watch_register reg)
{
	const struct watch_spec spec = {.space = WATCH_REGISTER, .access = WATCH_WRITE, .reg = (uint8_t)reg};

	return watch_add(&spec)->id;
}

/* The instruction was let through, and its step exits for one more page: it is still let through at the next try. */
static void let_through(void **state)
{
	const struct vmcb_control *c = &vmcb.control;

	watch(WATCH_GDTR);
	watch(WATCH_CR0);
	begin("\x0f\x01\x17", RFLAGS_USUAL); /* lgdt [rdi] */
	svm_watch_registers(&cpu);
	assert_true(vmcb_has_intercept(c, SVM_EXIT_GDTR_WRITE));
	assert_true(vmcb_has_intercept(c, SVM_EXIT_CR0_WRITE));
	svm_watch_tables(&cpu, false);
	vmcb_intercept(&vmcb.control, SVM_EXIT_CR0_WRITE, false);
	cpu.work = CPU_WORK_OPEN | CPU_WORK_STEP;
	svm.pending |= SVM_CR_OPEN;
	svm_watch_step(&cpu, true);
	vmcb.control.exitcode = SVM_EXIT_NPF;
	svm_end_watch_step(&cpu);
	assert_false(vmcb_has_intercept(c, SVM_EXIT_GDTR_WRITE));
	assert_false(vmcb_has_intercept(c, SVM_EXIT_CR0_WRITE));
	cpu.work = svm.pending = 0;
	svm_watch_registers(&cpu);
	assert_true(vmcb_has_intercept(c, SVM_EXIT_GDTR_WRITE));
	assert_true(vmcb_has_intercept(c, SVM_EXIT_CR0_WRITE));
	watch_delete_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(guests_own_step),
		cmocka_unit_test(breakpoint),
		cmocka_unit_test(aborted),
		cmocka_unit_test(popf),
		cmocka_unit_test(held),
		cmocka_unit_test(not_held),
		cmocka_unit_test(not_held_virtual),
		cmocka_unit_test(iret_ends_nmi_blocking),
		cmocka_unit_test(syscall_and_back),
		cmocka_unit_test(syscall_stepped_by_guest),
		cmocka_unit_test(waits),
		cmocka_unit_test(int_n),
		cmocka_unit_test(delivery),
		cmocka_unit_test(debug_register),
		cmocka_unit_test(flushed),
		cmocka_unit_test(wrmsr_of_hidden_registers),
		cmocka_unit_test(task_switch),
		cmocka_unit_test(no_task_switch),
		cmocka_unit_test(let_through),
		cmocka_unit_test(configured_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
