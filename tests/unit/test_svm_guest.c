/* AMD-V: what is done with the guest's registers where neither emulator shows what a CPU does. The VMCB is an array here. */
#include "unit.h"
#include <string.h>
#include "apic/apic.h"
#include "apic/nap.h"
#include "cpu/msr.h"
#include "cpu/stop.h"
#include "exit/halt.h"
#include "exit/insn.h"
#include "mem/pool.h"
#include "svm/svm.h"
#include "trace/vector.h"

#define EFER_USUAL 0x1d01ull /* SVME NXE LMA LME SCE */
#define EFER_SVME  0x1000ull
#define EFER_NXE   0x0800ull
#define EFER_LME   0x0100ull
#define EFER_SCE   0x0001ull
#define CR0_PG     0x80000000ull
#define DR6_USUAL  0xffff0ff0ull
#define DR6_BLD    0x0800ull
#define RFLAGS_IF  0x200ull
#define RFLAGS_RF  0x10000ull

static struct vmcb vmcb;
static struct svm_cpu svm;
static struct cpu cpu;
static uint8_t code[16];
static unsigned flushes, naps, code_len;
static uint32_t rf_of_host; /* vectors */

/* What the three files ask of the rest. */

struct svm_caps svm_caps;
struct boot_info boot_info;

static void flush(struct cpu *c)
{
	flushes++;
}

static const struct vendor fake = {.stage2_flush = flush};
const struct vendor *vendor = &fake;

uint64_t fault_rflags(unsigned vector)
{
	return rf_of_host >> vector & 1 ? RFLAGS_RF : 0;
}

uint64_t insn_next(struct cpu *c)
{
	memcpy(c->exit.code, code, sizeof(code));
	c->exit.code_len = (uint8_t)code_len;
	return vmcb.save.rip + code_len;
}

void insn_opcode(struct cpu *c, uint8_t *opcode, uint8_t *operand)
{
	*opcode = *operand = 0;
}

void nap(struct cpu *c, const _Atomic uint32_t *word, uint32_t old)
{
	naps++;
}

bool nap_ends(void)
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

void cpu_stop_if_asked(struct cpu *c)
{
}

void halt_tell(struct cpu *c, uint64_t next)
{
}

void idt_load(void)
{
}

void idt_load_window(void)
{
}

void svm_open_nmi_window(void)
{
}

void svm_open_interrupt_window(void)
{
}

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
	flushes = naps = 0;
	return 0;
}

/* 15.16: WRMSR of NXE or LME flushes the guest's translations, and one that exits leaves that to us. */
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

	assert_null(svm_msr_init());
	for (unsigned i = 0; i < COUNT(cases); i++) {
		setup(state);
		vmcb.save.cr0 = cases[i].cr0;
		vmcb.save.efer = cases[i].from;
		assert_int_equal(svm_wrmsr(&cpu, MSR_EFER, cases[i].to & ~EFER_SVME), MSR_DONE);
		assert_int_equal(vmcb.save.efer, cases[i].to);
		assert_int_equal(flushes, cases[i].flushes);
	}
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

/* 13.1.1.3: bit 11 is clear where it was a bus lock, and no breakpoint is to be named for that one. */
static void bus_lock(void **state)
{
	const uint64_t write_breakpoint = 0x10402; /* G0, R/W0: writes */

	setup(state);
	assert_int_equal(debug_exit(DR6_USUAL & ~DR6_BLD, write_breakpoint), DR6_USUAL & ~DR6_BLD);
	vmcb.save.rflags = 0x100;
	assert_int_equal(debug_exit(DR6_USUAL & ~DR6_BLD, 0x400), DR6_USUAL & ~DR6_BLD);
	/* Bochs does not say why; what a CPU has said stays. */
	assert_int_equal(debug_exit(DR6_USUAL, 0x400), DR6_USUAL | 0x4000);
	vmcb.save.rflags = 0;
	assert_int_equal(debug_exit(DR6_USUAL, write_breakpoint), DR6_USUAL | 1);
	assert_int_equal(
		debug_exit((DR6_USUAL & ~DR6_BLD) | 2, write_breakpoint), (DR6_USUAL & ~DR6_BLD) | 2);
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

/* What faults of the host have of RF, injected ones have: each vector that can be tried for itself, the others as #DE. */
static void rf_in_frames(void **state)
{
	static const uint32_t hosts[] = {
		0 /* QEMU 7.2 */,
		1u << VEC_UD | 1u << VEC_GP /* KVM in it */,
		~0u & ~(1u << VEC_PF),
		~0u /* a CPU */,
	};

	for (unsigned i = 0; i < COUNT(hosts); i++) {
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
	return vmcb.control.intercept2 & INTERCEPT2_MWAIT;
}

/* A delay is let through, RIP in front of it, and only until the next exit. */
static void expect_let_through(void)
{
	assert_false(watched() || cpu.exit.skip || naps);
	assert_true(svm.odd & SVM_DELAYS && cpu.work & CPU_WORK_VENDOR);
	svm_end_halt(&cpu);
	assert_true(watched());
	assert_int_equal(svm.odd, 0);
	assert_true(vmcb.control.intercept1 & INTERCEPT1_HLT);
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

/* A CPU that idles by MWAIT is left alone; one that sleeps with interrupts off naps. */
static void idlers(void **state)
{
	wait_with(MWAIT, 1, 0, RFLAGS_IF);
	assert_false(watched() || svm.odd & SVM_DELAYS || naps);
	wait_with(MWAIT, 1, 1, 0);
	assert_false(watched() || svm.odd & SVM_DELAYS || naps);
	wait_with(MWAIT, 1, TIMER, 0);
	assert_true(watched() && cpu.exit.skip && naps == 1);
	wait_with(MWAITX, 1, 0, 0);
	assert_true(watched() && cpu.exit.skip && naps == 1);
	wait_with("", 1, TIMER, 0); /* it cannot be read */
	assert_true(watched() && naps == 1);
}

/* A HLT beside a delay: each comes back for itself. */
static void halt_and_delay(void **state)
{
	wait_with(MWAITX, 0, TIMER, RFLAGS_IF);
	cpu.exit.reason = SVM_EXIT_HLT;
	svm_halt(&cpu);
	assert_false(vmcb.control.intercept1 & INTERCEPT1_HLT || watched());
	svm_end_halt(&cpu);
	assert_true(vmcb.control.intercept1 & INTERCEPT1_HLT && watched());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(efer_flushes),
		cmocka_unit_test(bus_lock),
		cmocka_unit_test(exceptions),
		cmocka_unit_test(rf_in_frames),
		cmocka_unit_test(delays),
		cmocka_unit_test(idlers),
		cmocka_unit_test(halt_and_delay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
