// SPDX-License-Identifier: MIT
/* AMD-V: handling of the guest's registers where neither emulator behaves like a CPU. The VMCB is an array here. */
#include "unit.h"
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include <stdlib.h>
#include <string.h>
#include "apic/apic.h"
#include "cpu/host_interrupt.h"
#include "exit/timed_halt.h"
#include "log/log.h"
#include "hw/msr.h"
#include "apic/park.h"
#include "exit/dispatch.h"
#include "exit/exception.h"
#include "exit/halt.h"
#include "exit/mended.h"
#include "exit/quick.h"
#include "guest/insn.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "mem/pool.h"
#include "report/fault.h"
#include "svm/svm_skip.h"
#include "trace/vector.h"

#define EFER_USUAL 0x1d01ull /* SVME NXE LMA LME SCE */
#define DR6_USUAL  0xffff0ff0ull

static struct vmcb vmcb;
static struct svm_cpu svm;
static struct cpu cpu;
static uint8_t code[16];
static unsigned flushes, timed_halts, lines, looks, code_len;
static uint32_t rf_of_host; /* vectors */

/* The functions of other sources that are called. */

struct svm_caps svm_caps;
struct boot_info boot_info;

static void flush(struct cpu *c)
{
	flushes++;
}

static unsigned fetch(struct cpu *c, uint8_t *to)
{
	memcpy(to, code, sizeof(code));
	return code_len;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_RIP ? vmcb.save.rip : fake_get(c, r);
}

void svm_set_intercepts(struct cpu *c)
{
	vmcb_intercept(&vmcb.control, SVM_EXIT_SWINT, true);
}

void svm_watch_interrupts(struct cpu *c, bool on)
{
}

FAKE_VENDOR(fake, .state.get = get, .state.fetch = fetch, .stage2.flush = flush);
const struct vendor *vendor = &fake;

unsigned svm_code_mode(const struct cpu *c)
{
	return 64;
}

const char *svm_exit_name(uint64_t reason)
{
	return "";
}

void log_line(const char *format, ...)
{
	lines++;
}

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
}

void svm_poll(struct cpu *c)
{
	looks++;
}

void exception_single_step(struct cpu *c)
{
}

uint64_t fault_rflags(unsigned vector)
{
	return rf_of_host >> vector & 1 ? RFLAGS_RF : 0;
}

void timed_halt(struct cpu *c, const _Atomic uint32_t *word, uint32_t old)
{
	timed_halts++;
}

bool timed_halt_ends(void)
{
	return true;
}

uint64_t pool_alloc(uint64_t pages)
{
	static uint8_t map[2 * 4096];

	assert_int_equal(pages, 2);
	return pool_phys(map);
}

bool apic_sees_interrupts(void)
{
	return true;
}

void svm_cr_probe(void)
{
}

/* The exit is the step's alone. */
void svm_end_watch_step(struct cpu *c)
{
	vmcb.control.exitcode = SVM_EXIT_STEPPED;
}

bool svm_begins_step(const struct cpu *c)
{
	return false;
}

void cpu_park_if_asked(struct cpu *c)
{
}

void halt_tell(struct cpu *c, uint64_t next)
{
}

void host_interrupt_take(struct cpu *c)
{
}

void svm_open_nmi_window(void)
{
}

static enum msr_result write_msr(uint32_t msr, uint64_t value)
{
	return svm_msr(&cpu, msr, true, &value);
}

void svm_control_register(struct cpu *c)
{
}

void svm_pause(struct cpu *c)
{
}

enum exit_kind svm_refused(struct cpu *c)
{
	return EXIT_CONTROL_REGISTER;
}

void svm_watch_cr(struct cpu *c)
{
}

void svm_close_cr(struct cpu *c)
{
}

void svm_run_on(struct cpu *c)
{
	abort();
}

void mended_note(struct cpu *c, const char *what, uint64_t value, const char *why)
{
}

void exit_after_work(struct cpu *c)
{
}

void fault_fatal(struct cpu *c, const char *fmt, ...)
{
	abort();
}

void log_print(const char *fmt, ...)
{
}

bool vmcall_null_for_all;

void exit_rdmsr(struct cpu *c)
{
}

void svm_usual_exception(struct cpu *c, struct vmcb *v, uint64_t number, uint64_t tsc)
{
	svm_long_exit(c, v, number, tsc);
}

static enum exit_kind handled;

static void handle(struct cpu *c)
{
	handled = c->exit.kind;
}

void (*exit_handlers[EXIT_KIND_COUNT])(struct cpu *) = {[0 ... EXIT_KIND_COUNT - 1] = handle};

static int setup(void **state)
{
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&svm, 0, sizeof(svm));
	memset(&cpu, 0, sizeof(cpu));
	cpu.vendor = &svm;
	cpu.vendor_asm[2] = (uint64_t)&vmcb;
	vmcb.save.efer = EFER_USUAL;
	vmcb.save.dr6 = DR6_USUAL;
	vmcb.save.rip = 0x1000;
	flushes = timed_halts = lines = 0;
	svm_caps = (struct svm_caps){0};
	cpu.exit.code_len = EXIT_CODE_UNREAD;
	return 0;
}

/* 15.16: WRMSR of NXE or LME flushes the guest's translations. If the WRMSR exits, the VMM has to do it. */
static void efer_flushes(void **state)
{
	static const struct {
		uint64_t cr0, from, to;
		unsigned flushes;
	} cases[] = {
		{CR0_PG, EFER_USUAL, EFER_USUAL, 0},
		{CR0_PG, EFER_USUAL, EFER_USUAL & ~EFER_SCE, 0},
		{CR0_PG, EFER_USUAL, EFER_USUAL & ~EFER_NXE, 1},
		{CR0_PG, EFER_USUAL & ~EFER_NXE, EFER_USUAL, 1},
		{0, EFER_SVME, EFER_SVME | EFER_LME, 1},
		{0, EFER_SVME | EFER_LME, EFER_SVME, 1},
	};

	features = (struct features){.syscall = true, .long_mode = true, .nx = true};
	assert_null(svm_msr_init());
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(state);
		vmcb.save.cr0 = cases[i].cr0;
		vmcb.save.efer = cases[i].from;
		assert_int_equal(write_msr(MSR_EFER, cases[i].to & ~EFER_SVME), MSR_DONE);
		assert_int_equal(vmcb.save.efer, cases[i].to);
		assert_int_equal(flushes, cases[i].flushes);
	}
}

/* A microcode update of the guest has no effect, and is not a #GP. */
static void microcode(void **state)
{
	assert_int_equal(write_msr(0xc0010020, 0x1000), MSR_DONE);
	assert_int_equal(write_msr(0xc0010021, 0x1000), MSR_NOT_MINE);
}

static bool saved(uint32_t msr, uint64_t value, const uint64_t *at)
{
	uint64_t got = 0;

	return write_msr(msr, value) == MSR_DONE && *at == value &&
	       svm_msr(&cpu, msr, false, &got) == MSR_DONE && got == value;
}

/* VMRUN loads the state of shadow stacks from the VMCB, on CPUs that have them. */
static void shadow_stacks(void **state)
{
	uint64_t value;

	features = (struct features){0};
	assert_int_equal(write_msr(MSR_S_CET, 1), MSR_NOT_MINE);
	assert_int_equal(write_msr(MSR_INTERRUPT_SSP_TABLE_ADDR, 1), MSR_NOT_MINE);
	features.shadow_stacks = true;
	assert_true(saved(MSR_S_CET, 3, &vmcb.save.s_cet));
	assert_int_equal(write_msr(MSR_S_CET, 4), MSR_FAULT);
	assert_true(saved(MSR_INTERRUPT_SSP_TABLE_ADDR, 0x1000, &vmcb.save.isst_addr));
	assert_int_equal(write_msr(MSR_INTERRUPT_SSP_TABLE_ADDR, 1ull << 62), MSR_FAULT);
	vmcb.save.spec_ctrl = 5;
	assert_int_equal(svm_msr(&cpu, MSR_SPEC_CTRL, false, &value), MSR_NOT_MINE);
	svm_caps.features = SVM_FEATURE_SPEC_CTRL;
	assert_int_equal(svm_msr(&cpu, MSR_SPEC_CTRL, false, &value), MSR_DONE);
	assert_int_equal(value, 5);
	features = (struct features){0};
}

/* Volume 3, E.4.17: SME, SEV and the keys are hidden. */
static void encryption(void **state)
{
	static const uint32_t hidden[] = {0x8000000a, 0x8000001f, 0x80000023};

	for (unsigned i = 0; i < ARRAY_SIZE(hidden); i++) {
		struct cpuid r = {~0u, ~0u, ~0u, ~0u};

		svm_hide_cpuid(hidden[i], 0, &r);
		assert_int_equal(r.eax | r.ebx | r.ecx | r.edx, 0);
	}
}

/* The short way of CPUID takes no leaf of which a bit is hidden. */
static void hidden_leaves_are_adjusted(void **state)
{
	unsigned hidden = 0;

	for (uint32_t n = 0; n < 128; n++) {
		uint32_t leaf = n < 64 ? n : 0x80000000 + n - 64;
		struct cpuid r = {~0u, ~0u, ~0u, ~0u};

		svm_hide_cpuid(leaf, 0, &r);
		if (~(r.eax & r.ebx & r.ecx & r.edx)) {
			hidden++;
			assert_true(cpuid_is_adjusted(leaf));
		}
	}
	assert_true(hidden >= 5);
	assert_false(cpuid_is_adjusted(0x80000000) || cpuid_is_adjusted(0x80000006));
	assert_true(cpuid_is_adjusted(0x80000007) && cpuid_is_adjusted(TRAPLINE_CPUID_SIGNATURE) &&
		    cpuid_is_adjusted(~0u));
}

static uint64_t debug_exit(uint64_t dr6, uint64_t dr7)
{
	vmcb.save.dr6 = dr6;
	vmcb.save.dr7 = dr7;
	vmcb.control.exitcode = SVM_EXIT_EXCEPTION + VEC_DB;
	svm_decode_exception(&cpu, &vmcb);
	assert_int_equal(cpu.exit.event.vector, VEC_DB);
	assert_int_equal(cpu.exit.qualifier, vmcb.save.dr6);
	return vmcb.save.dr6;
}

/* 13.1.1.3: bit 11 is clear after a bus lock, and then no breakpoint may be named. */
static void bus_lock(void **state)
{
	const uint64_t write_breakpoint = 0x10402; /* G0, R/W0: writes */

	setup(state);
	assert_int_equal(debug_exit(DR6_USUAL & ~DR6_BLD, write_breakpoint), DR6_USUAL & ~DR6_BLD);
	vmcb.save.rflags = RFLAGS_TF;
	assert_int_equal(debug_exit(DR6_USUAL & ~DR6_BLD, 0x400), DR6_USUAL & ~DR6_BLD);
	/* What a CPU has said stays; Bochs does not say why. */
	vmcb.save.rflags = 0;
	assert_int_equal(
		debug_exit((DR6_USUAL & ~DR6_BLD) | 2, write_breakpoint), (DR6_USUAL & ~DR6_BLD) | 2);
	assert_int_equal(debug_exit(DR6_USUAL, write_breakpoint), DR6_USUAL | 1);
	vmcb.save.rflags = RFLAGS_TF;
	assert_int_equal(debug_exit(DR6_USUAL, 0x400), DR6_USUAL | DR6_BS);
}

/* Reasons that the guest has left in DR6 count, until an exit without any has shown that this DR6 is that of the entry. */
static void stale_dr6(void **state)
{
	const uint64_t left = DR6_USUAL | 0x2008;

	setup(state);
	vmcb.save.rflags = RFLAGS_TF;
	assert_int_equal(debug_exit(left, 0x400), left);
	assert_int_equal(debug_exit(DR6_USUAL, 0x400), DR6_USUAL | DR6_BS);
	assert_int_equal(debug_exit(left, 0x400), left | DR6_BS);
}

/*
 * 15.20: the single step over the IRET of an NMI handler. It ends with BS, or with a #DB without any reason if DR6 is that of the entry.
 * The guest's own DR6 does not end it, and is restored afterwards.
 */
static void step_over_iret(void **state)
{
	const uint64_t left = DR6_USUAL | DR6_BS | DR6_BD;
	static const struct {
		uint64_t code, met, after;
		bool done;
	} cases[] = {
		{SVM_EXIT_EXCEPTION + VEC_DB, DR6_BS, 0, true},
		{SVM_EXIT_EXCEPTION + VEC_DB, 0, 0, true},
		{SVM_EXIT_EXCEPTION + VEC_DB, DR6_B0, DR6_B0, false}, /* a breakpoint at the IRET */
		{SVM_EXIT_EXCEPTION + VEC_PF, 0, 0, false},
		{SVM_EXIT_INTR, 0, 0, false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		setup(state);
		cpu.guest_nmi_blocked = cpu.nmi_pending = true;
		vmcb.save.dr6 = left;
		svm_nmi_unblocked(&cpu);
		assert_true(vmcb.save.rflags & RFLAGS_TF);
		vmcb.save.dr6 |= cases[i].met;
		vmcb.control.exitcode = cases[i].code;
		svm_end_step(&cpu);
		assert_int_equal(cpu.guest_nmi_blocked, !cases[i].done);
		assert_int_equal(vmcb.control.exitcode == SVM_EXIT_IRET, cases[i].done);
		assert_int_equal(vmcb.save.dr6, left | cases[i].after);
	}
}

/* 15.12 and table 8-1 */
static void exceptions(void **state)
{
	for (unsigned v = 0; v < VECTOR_COUNT; v++) {
		bool is = v != VEC_NMI && v != VEC_CSO && v != VEC_VE &&
			  strcmp(vector_table[v].name, "reserved") != 0;

		assert_int_equal(INTERCEPT_EXCEPTIONS >> v & 1, is);
	}
}

static bool injected_rf(unsigned vector)
{
	const struct event e = {.valid = true, .type = TRAP_TYPE_EXCEPTION, .vector = (uint8_t)vector};

	vmcb.save.rflags = 2;
	svm_inject(&cpu, &e, 0);
	return vmcb.save.rflags & RFLAGS_RF;
}

/* Injected faults have RF as faults of the host have: each vector that can be tried by its own result, the others like #DE. */
static void rf_in_frames(void **state)
{
	static const uint32_t hosts[] = {
		0 /* QEMU 7.2 */,
		1u << VEC_UD | 1u << VEC_GP /* KVM in it */,
		~0u & ~(1u << VEC_PF),
		~0u /* a CPU */,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(hosts); i++) {
		setup(state);
		rf_of_host = hosts[i];
		svm_probe_rf();
		for (unsigned v = 0; v < VECTOR_COUNT; v++)
			if (v != VEC_NMI && v != VEC_BP && v != VEC_OF)
				assert_int_equal(injected_rf(v), v != VEC_DB && hosts[i] >> v & 1);
	}
}

#define MWAIT  "\x0f\x01\xc9"
#define MWAITX "\x0f\x01\xfb"
#define TIMER  2

/* One MWAIT or MWAITX that exits. */
static void wait_with(const char *bytes, unsigned number, uint64_t ecx, uint64_t rflags)
{
	setup(NULL);
	svm_watch_halt(&cpu);
	code_len = (unsigned)strlen(bytes);
	memcpy(code, bytes, code_len);
	cpu.number = number;
	cpu.gpr[TRAP_RCX] = ecx;
	cpu.exit.reason = SVM_EXIT_MWAIT;
	vmcb.save.rflags = rflags;
	svm_halt(&cpu);
}

static bool watched(void)
{
	return vmcb_has_intercept(&vmcb.control, SVM_EXIT_MWAIT);
}

/* A delay is executed with RIP before it, but only until the next exit. */
static void expect_let_through(void)
{
	assert_false(watched() || cpu.exit.skip || timed_halts);
	assert_true(svm.pending & SVM_DELAYS && cpu.work & CPU_WORK_VENDOR);
	svm_end_halt(&cpu);
	assert_true(watched());
	assert_int_equal(svm.pending, 0);
	assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_HLT));
}

static void delays(void **state)
{
	for (unsigned number = 0; number < 2; number++) {
		wait_with(MWAITX, number, TIMER, 0);
		expect_let_through();
		wait_with("\x66" MWAITX, number, TIMER, RFLAGS_IF);
		expect_let_through();
		wait_with(MWAITX, number, 0, RFLAGS_IF);
		expect_let_through();
	}
}

/* A CPU that idles by MWAIT is left alone; one that sleeps with interrupts off uses a timed halt. */
static void idlers(void **state)
{
	wait_with(MWAIT, 1, 0, RFLAGS_IF);
	assert_false(watched() || svm.pending & SVM_DELAYS || timed_halts);
	wait_with(MWAIT, 1, 1, 0);
	assert_false(watched() || svm.pending & SVM_DELAYS || timed_halts);
	wait_with(MWAIT, 1, TIMER, 0);
	assert_true(watched() && cpu.exit.skip && timed_halts == 1);
	wait_with(MWAITX, 1, 0, 0);
	assert_true(watched() && cpu.exit.skip && timed_halts == 1);
	wait_with("", 1, TIMER, 0); /* it cannot be read */
	assert_true(watched() && timed_halts == 1);
}

/* A HLT and a delay: the interception of each comes back separately. */
static void halt_and_delay(void **state)
{
	wait_with(MWAITX, 0, TIMER, RFLAGS_IF);
	cpu.exit.reason = SVM_EXIT_HLT;
	svm_halt(&cpu);
	assert_false(vmcb_has_intercept(&vmcb.control, SVM_EXIT_HLT) || watched());
	svm_end_halt(&cpu);
	assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_HLT) && watched());
}

/* The instruction at RIP when it exits; NULL: its code cannot be read. */
static void exit_with(const char *bytes, enum exit_kind kind, uint64_t reason)
{
	code_len = bytes ? (unsigned)strlen(bytes) : 0;
	memcpy(code, bytes ? bytes : "", code_len);
	cpu.exit.code_len = EXIT_CODE_UNREAD;
	cpu.exit.kind = kind;
	cpu.exit.reason = vmcb.control.exitcode = reason;
}

/* With the local APIC off nothing else would exit: a wait polls for keys, and ends. */
static void waits_are_watched(void **state)
{
	static const char *const bytes[] = {MWAIT, MWAITX};

	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
		wait_with(bytes[i], 0, 0, 0);
		setup(NULL);
		svm.watches_waits = true;
		svm_watch_halt(&cpu);
		looks = 0;
		cpu.exit.skip = false;
		vmcb.save.rflags = RFLAGS_IF;
		svm_halt(&cpu);
		assert_true(watched() && cpu.exit.skip && looks == 1);
	}
}

/* With the local APIC off, at a HLT. */
static void halt_polled(uint64_t flags)
{
	setup(NULL);
	svm.watches_waits = true;
	svm_watch_halt(&cpu);
	looks = 0;
	vmcb.save.rip = 0x1000;
	vmcb.save.rflags = flags;
	vmcb.control.interrupt_shadow = 1;
	exit_with("\xf4", EXIT_HLT, SVM_EXIT_HLT);
	svm_halt(&cpu);
}

/* A watched HLT is repeated until an interrupt exits at it: then RIP moves past it. An interrupt at another address does not move RIP. */
static void halt_is_polled(void **state)
{
	static const struct {
		uint64_t reason, at, rip;
	} ends[] = {{SVM_EXIT_INTR, 0x1000, 0x1001}, {SVM_EXIT_INTR, 0x2000, 0x2000},
		{SVM_EXIT_HLT, 0x1000, 0x1000}, {SVM_EXIT_NMI, 0x1000, 0x1000}};

	for (unsigned i = 0; i < ARRAY_SIZE(ends); i++) {
		halt_polled(RFLAGS_IF);
		assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_HLT) && !cpu.exit.skip && looks == 1);
		assert_true(svm.pending & SVM_POLLS_HALT && !vmcb.control.interrupt_shadow);
		assert_int_equal(vmcb.save.rip, 0x1000);
		vmcb.control.exitcode = ends[i].reason;
		vmcb.save.rip = ends[i].at;
		svm_end_poll(&cpu);
		assert_false(svm.pending & SVM_POLLS_HALT);
		assert_int_equal(vmcb.save.rip, ends[i].rip);
		svm_end_poll(&cpu);
		assert_int_equal(svm.pending, 0);
		assert_int_equal(vmcb.save.rip, ends[i].rip);
	}
}

/* A guest's NMI ends the HLT; a kick does not, and an exit that is no longer at the HLT does not either. */
static void nmi_ends_poll(void **state)
{
	halt_polled(RFLAGS_IF);
	vmcb.control.exitcode = SVM_EXIT_NMI;
	svm_end_poll(&cpu);
	assert_true(svm_inject_nmi(&cpu));
	assert_int_equal(vmcb.save.rip, 0x1001);
	halt_polled(RFLAGS_IF);
	assert_true(svm_inject_nmi(&cpu)); /* it came during this exit */
	assert_int_equal(vmcb.save.rip, 0x1001);
	halt_polled(RFLAGS_IF);
	svm_end_poll(&cpu);
	svm_end_poll(&cpu);
	assert_true(svm_inject_nmi(&cpu));
	assert_int_equal(vmcb.save.rip, 0x1000);
}

/* The CPU takes the single step after the HLT. */
static void halt_with_step(void **state)
{
	static const uint64_t flags[] = {RFLAGS_TF, RFLAGS_TF | RFLAGS_IF};

	for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
		halt_polled(flags[i]);
		assert_false(vmcb_has_intercept(&vmcb.control, SVM_EXIT_HLT) ||
			     svm.pending & SVM_POLLS_HALT || looks);
	}
}

/* 15.33: EXITINFO1 has the vector, whatever the bytes are; 15.7.1: nRIP is the next address. Software does not override either. */
static void int_by_the_cpu(void **state)
{
	static const char *const bytes[] = {NULL, "\xcd\x21", "\x0f\xa2"};

	for (unsigned i = 0; i < ARRAY_SIZE(bytes); i++) {
		setup(state);
		svm_caps = (struct svm_caps){.nrips = true, .assists = true};
		boot_info.config.intercept = 0;
		exit_with(bytes[i], EXIT_EXCEPTION, SVM_EXIT_SWINT);
		vmcb.control.exitinfo1 = 0x80;
		vmcb.control.nrip = 0x1003;
		svm_decode_swint(&cpu, &vmcb);
		assert_int_equal(cpu.exit.kind, EXIT_EXCEPTION);
		assert_int_equal(cpu.exit.event.vector, 0x80);
		assert_int_equal(cpu.exit.event.type, TRAP_TYPE_SOFTINT);
		svm_inject(&cpu, &cpu.exit.event, 0);
		assert_int_equal(vmcb.control.nrip, 0x1003);
		assert_int_equal(vmcb.save.rip, 0x1000);
	}
}

static void expect_int(const char *bytes, unsigned vector, unsigned type, uint64_t next)
{
	setup(NULL);
	exit_with(bytes, EXIT_EXCEPTION, SVM_EXIT_SWINT);
	svm_decode_swint(&cpu, &vmcb);
	assert_int_equal(cpu.exit.event.vector, vector);
	assert_int_equal(cpu.exit.event.type, type);
	svm_inject(&cpu, &cpu.exit.event, 0);
	assert_int_equal(vmcb.save.rip, next);
}

/* On a CPU with neither the bytes decide. */
static void int_by_its_bytes(void **state)
{
	expect_int("\xcd\x21", 0x21, TRAP_TYPE_SOFTINT, 0x1002);
	expect_int("\x66\xcd\x80", 0x80, TRAP_TYPE_SOFTINT, 0x1003);
	expect_int("\xcc", VEC_BP, TRAP_TYPE_SOFTEXC, 0x1001);
	expect_int("\x2e\x48\xcc", VEC_BP, TRAP_TYPE_SOFTEXC, 0x1003);
}

/* If the vector is unknown the CPU carries the instruction out, once: the next one exits again. */
static void int_unread(void **state)
{
	setup(state);
	svm_set_intercepts(&cpu);
	exit_with(NULL, EXIT_EXCEPTION, SVM_EXIT_SWINT);
	svm_decode_swint(&cpu, &vmcb);
	assert_int_equal(cpu.exit.kind, EXIT_UNREAD);
	svm_pass_int(&cpu);
	assert_false(vmcb_has_intercept(&vmcb.control, SVM_EXIT_SWINT));
	assert_int_equal(vmcb.save.rip, 0x1000);
	assert_int_equal(lines, 1);
	svm_end_pass(&cpu);
	assert_true(vmcb_has_intercept(&vmcb.control, SVM_EXIT_SWINT));
	assert_int_equal(svm.pending, 0);
}

static uint64_t next_of(const char *bytes, enum exit_kind kind, uint64_t reason)
{
	exit_with(bytes, kind, reason);
	return svm_next_rip(&cpu, &vmcb);
}

/* Every instruction that is skipped has a next address, whether its code can be read or not. */
static void ends(void **state)
{
	static const struct {
		const char *bytes;
		enum exit_kind kind;
		uint64_t reason, next;
		unsigned lines;
	} rows[] = {
		{"\x0f\xa2", EXIT_CPUID, SVM_EXIT_CPUID, 0x1002, 0},
		{"\x66\xf2\x0f\xa2", EXIT_CPUID, SVM_EXIT_CPUID, 0x1004, 0},
		{NULL, EXIT_CPUID, SVM_EXIT_CPUID, 0x1002, 1},
		{"\x90", EXIT_CPUID, SVM_EXIT_CPUID, 0x1002, 1}, /* the code changed meanwhile */
		{NULL, EXIT_RDMSR, SVM_EXIT_MSR, 0x1002, 1}, {NULL, EXIT_WRMSR, SVM_EXIT_MSR, 0x1002, 1},
		{NULL, EXIT_INVD, SVM_EXIT_WBINVD, 0x1002, 1},
		{"\xf3\x0f\x09", EXIT_INVD, SVM_EXIT_WBINVD, 0x1003, 0},
		{NULL, EXIT_HLT, SVM_EXIT_HLT, 0x1001, 0}, {NULL, EXIT_HLT, SVM_EXIT_MWAIT, 0x1003, 0},
		{NULL, EXIT_XSETBV, SVM_EXIT_XSETBV, 0x1003, 1},
		{NULL, EXIT_VMCALL, SVM_EXIT_VMMCALL, 0x1003, 1},
		{"\x0f\x01\xc1", EXIT_EXCEPTION, SVM_EXIT_EXCEPTION + VEC_UD, 0x1003, 0},
		{NULL, EXIT_IO, SVM_EXIT_IOIO, 0x1007, 0}, /* EXITINFO2 */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		vmcb.control.exitinfo2 = 0x1007;
		assert_int_equal(next_of(rows[i].bytes, rows[i].kind, rows[i].reason), rows[i].next);
		assert_int_equal(lines, rows[i].lines);
	}
}

/* What the VMM could not keep to is off while it runs; what long mode needs, and all else of the firmware's, stays. */
static void cr4_of_the_host(void **state)
{
	assert_int_equal(svm_host_cr4(CR4_PAE | CR4_OSFXSR, true, false), CR4_PAE | CR4_OSFXSR | CR4_MCE);
	assert_int_equal(svm_host_cr4(CR4_PAE | CR4_LA57, false, true), CR4_PAE | CR4_LA57 | CR4_OSXSAVE);
	assert_int_equal(
		svm_host_cr4(CR4_PAE | CR4_CET | CR4_PCIDE | CR4_PKE | CR4_PKS, false, false), CR4_PAE);
}

static bool assists;
static uint8_t vmcb_code_length;

static uint32_t pending; /* of the vendor's work */

static void take_exit(uint64_t number, uint64_t info1, uint64_t info2)
{
	_Alignas(4 * sizeof(struct exit_entry)) static struct exit_entry entries[2];

	setup(NULL);
	svm_caps.assists = assists;
	vmcb.control.fetched = vmcb_code_length;
	for (unsigned n = 0; n < sizeof(vmcb.control.code); n++)
		vmcb.control.code[n] = (uint8_t)(n + 1);
	history_init(&cpu.history, entries, 2);
	vmcb.save.rax = 1; /* a leaf of CPUID that the handler adjusts, and not VMCALL null */
	vmcb.control.exitcode = number;
	vmcb.control.exitinfo1 = info1;
	vmcb.control.exitinfo2 = info2;
	vmcb.control.eventinj = ~0ull;
	handled = EXIT_KIND_COUNT;
	svm.pending = pending;
	cpu.work = pending ? CPU_WORK_VENDOR : 0;
	svm_exit(&cpu);
	assert_int_equal(vmcb.control.eventinj, 0);
}

/*
 * 15.8.4: the bytes come with the exit of a nested page fault. Without decode assists the field is reserved, and fewer than 15 bytes are
 * too few for some instructions: the code is read then.
 */
static void code_with_the_fault(void **state)
{
	static const struct {
		bool assists;
		uint8_t fetched, code_len;
	} cases[] = {{true, 15, 15}, {true, 0xff, 15}, {true, 14, EXIT_CODE_UNREAD},
		{true, 0xf0, EXIT_CODE_UNREAD}, {false, 15, EXIT_CODE_UNREAD}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(cpu.exit.code, 0xee, sizeof(cpu.exit.code));
		assists = cases[i].assists;
		vmcb_code_length = cases[i].fetched;
		take_exit(SVM_EXIT_NPF, 0x100000007, 0xfee000b0);
		assert_int_equal(cpu.exit.code_len, cases[i].code_len);
		if (cases[i].code_len == 15)
			assert_memory_equal(cpu.exit.code, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17", 16);
	}
	assists = false;
}

/* Appendix C: what each exit is to the handlers. */
static void kinds(void **state)
{
	static const struct {
		uint64_t code, info1;
		enum exit_kind kind;
	} cases[] = {{0x14, 0, EXIT_CONTROL_REGISTER}, {0x4d, 0, EXIT_EXCEPTION}, {0x5f, 0, EXIT_EXCEPTION},
		{0x60, 0, EXIT_INTERRUPT}, {0x61, 0, EXIT_NMI}, {0x62, 0, EXIT_SMI}, {0x63, 0, EXIT_INIT},
		{0x72, 0, EXIT_CPUID}, {0x74, 0, EXIT_IRET}, {0x75, 0, EXIT_UNREAD}, {0x76, 0, EXIT_INVD},
		{0x77, 0, EXIT_TIMER}, {0x78, 0, EXIT_HLT}, {0x7a, 0, EXIT_VIRTUALIZATION},
		{0x7c, 0, EXIT_RDMSR}, {0x7c, 1, EXIT_WRMSR}, {0x7f, 0, EXIT_SHUTDOWN},
		{0x80, 0, EXIT_VIRTUALIZATION}, {0x81, 0, EXIT_VMCALL}, {0x88, 0, EXIT_EXCEPTION},
		{0x8b, 0, EXIT_HLT}, {0x400, 0, EXIT_STAGE2}, {-1u, 0, EXIT_CONTROL_REGISTER},
		{-1ull, 0, EXIT_CONTROL_REGISTER},
		/* not asked for: RDTSC, EFER_WRITE_TRAP, and what is in no manual */
		{0x6e, 0, EXIT_UNKNOWN}, {0x8f, 0, EXIT_UNKNOWN}, {0x90, 0, EXIT_UNKNOWN},
		{0x401, 0, EXIT_UNKNOWN}, {0x80000000, 0, EXIT_UNKNOWN}};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		take_exit(cases[i].code, cases[i].info1, 0);
		assert_int_equal(handled, cases[i].kind);
		assert_int_equal(cpu.exit.reason, (uint32_t)cases[i].code);
	}
}

/* The #DB of a watch's step is no exception of the guest's. What ends the step says so, in front of the handler. */
static void end_of_step(void **state)
{
	take_exit(0x41, 0, 0);
	assert_int_equal(handled, EXIT_EXCEPTION);
	pending = SVM_STEP_WATCH;
	take_exit(0x41, 0, 0);
	pending = 0;
	assert_int_equal(handled, EXIT_STEP);
}

/* 15.10.2, 15.25.6 */
static void details(void **state)
{
	take_exit(0x7b, 0x3f80000 | 0x10 | 0x1, 0);
	assert_int_equal(handled, EXIT_IO);
	assert_int_equal(cpu.exit.io.port, 0x3f8);
	assert_int_equal(cpu.exit.io.size, 1);
	assert_true(cpu.exit.io.in && !cpu.exit.io.string && !cpu.exit.io.rep);
	take_exit(0x7b, 0xcf80000 | 0x40 | 0x8 | 0x4, 0);
	assert_int_equal(cpu.exit.io.size, 4);
	assert_true(!cpu.exit.io.in && cpu.exit.io.string && cpu.exit.io.rep);
	take_exit(0x400, 1ull << 33 | 0x2, 0x1234000);
	assert_int_equal(cpu.exit.address, 0x1234000);
	assert_int_equal(cpu.exit.qualifier, STAGE2_WRITE | STAGE2_WALK);
	take_exit(0x400, 1ull << 32 | 0x10 | 0x1, 0);
	assert_int_equal(cpu.exit.qualifier, STAGE2_FETCH | STAGE2_PRESENT);
}

/* Appendix C against table B-1: what is asked for at the start. */
static void asked(void **state)
{
	struct vmcb_control c;

	memset(&c, 0xff, sizeof(c));
	svm_ask_for_exits(&c);
	assert_true(c.intercept1 & 1u << 18 && c.intercept1 & 1u << 31 && c.intercept2 & 1u << 0);
	assert_false(c.intercept1 & 1u << 0 || c.intercept1 & 1u << 24 || c.intercept2 & 1u << 13);
	assert_int_equal(c.cr_write, 0xffe6);
	assert_int_equal(c.dr_write, 0xff5f);
}

/* An INIT leaves nothing of shadow stacks in the VMCB, whose fields VMRUN loads. */
static void init(void **state)
{
	vmcb.save.s_cet = vmcb.save.ssp = vmcb.save.isst_addr = ~0ull;
	vmcb.save.cr0 = CR0_CD | CR0_PG;
	svm_reset(&cpu, 0x9a);
	assert_int_equal(vmcb.save.s_cet | vmcb.save.ssp | vmcb.save.isst_addr, 0);
	assert_int_equal(vmcb.save.cr0, CR0_CD | 0x10);
	assert_int_equal(vmcb.save.cs.base, 0x9a000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr4_of_the_host),
		cmocka_unit_test(efer_flushes),
		cmocka_unit_test(microcode),
		cmocka_unit_test_setup(shadow_stacks, setup),
		cmocka_unit_test(encryption),
		cmocka_unit_test(hidden_leaves_are_adjusted),
		cmocka_unit_test(bus_lock),
		cmocka_unit_test(stale_dr6),
		cmocka_unit_test(step_over_iret),
		cmocka_unit_test(exceptions),
		cmocka_unit_test(rf_in_frames),
		cmocka_unit_test(delays),
		cmocka_unit_test(idlers),
		cmocka_unit_test(halt_and_delay),
		cmocka_unit_test(waits_are_watched),
		cmocka_unit_test(halt_is_polled),
		cmocka_unit_test(nmi_ends_poll),
		cmocka_unit_test(halt_with_step),
		cmocka_unit_test(int_by_the_cpu),
		cmocka_unit_test(int_by_its_bytes),
		cmocka_unit_test(int_unread),
		cmocka_unit_test(ends),
		cmocka_unit_test(kinds),
		cmocka_unit_test(code_with_the_fault),
		cmocka_unit_test(end_of_step),
		cmocka_unit_test(details),
		cmocka_unit_test(asked),
		cmocka_unit_test(init),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
