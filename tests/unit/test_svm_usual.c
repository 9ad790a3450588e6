// SPDX-License-Identifier: MIT
/* AMD-V: the usual exception (exit/usual.h) leaves the same behind as the long way of exit_exception(). */
#include "apic/apic.h"
#include "cpu/idt.h"
#include "log/log.h"
#include "svm/svm.h"

struct vendor_left {
	struct vmcb vmcb;
};

#include "fake_usual.h"

#define TSC 0x123456789abcull

struct svm_caps svm_caps;

static struct vmcb vmcb;
static struct svm_cpu svm;

USUAL_VENDOR(svm);

void svm_stage2_flush(struct cpu *c)
{
}

void svm_set_intercepts(struct cpu *c)
{
}

void svm_watch_interrupts(struct cpu *c, bool on)
{
}

void svm_end_instruction(struct cpu *c)
{
}

bool apic_sees_interrupts(void)
{
	return false;
}

uint64_t fault_rflags(unsigned vector)
{
	return 0;
}

void log_line(const char *fmt, ...)
{
}

void svm_long_exit(struct cpu *c, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	long_exits++;
}

void svm_end_exit(struct cpu *c)
{
	ends++;
}

static void make_vendor_guest(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	fill(&vmcb, sizeof(vmcb));
	vmcb.control.exitcode = SVM_EXIT_EXCEPTION + vector;
	vmcb.control.exitinfo1 = error;
	vmcb.control.exitinfo2 = address;
	vmcb.control.eventinj = 0;
	vmcb.save.cs.attrib = ATTRIB_LONG;
	vmcb.save.ss.attrib = 0;
	vmcb.save.cs.base = vmcb.save.ss.base = vmcb.save.ds.base = vmcb.save.es.base = 0;
	vmcb.save.efer |= EFER_LMA;
	vmcb.save.cr0 |= CR0_PE;
	vmcb.save.rflags &= ~RFLAGS_RF;
	vmcb.save.rip = RIP;
	vmcb.save.cpl = (uint8_t)cpl;
	cpu.vendor = &svm;
	cpu.vendor_asm[2] = (uint64_t)&vmcb;
	cpu.code_page.cr3 = vmcb.save.cr3;
	cpu.code_page.cr4 = vmcb.save.cr4;
}

static bool usual(unsigned vector)
{
	svm_usual_exception(&cpu, &vmcb, SVM_EXIT_EXCEPTION + vector, TSC);
	return !long_exits;
}

/* The times differ: the one is the exit's, the other the record's. */
static void long_way(void)
{
	svm_decode_exception(&cpu, &vmcb);
	cpu.exit.kind = EXIT_EXCEPTION;
	exit_exception(&cpu);
	records[1].tsc = TSC;
	reserve.sites.site[site_hash(RIP, site_key(&records[1]))].first_tsc = TSC;
	reserve.sites.site[site_hash(RIP, site_key(&records[1]))].last_tsc = TSC;
}

static void look_at_vendor(struct left *l)
{
	l->vendor.vmcb = vmcb;
}

static void compare(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	for (unsigned rf = 0; rf < 2; rf++) {
		svm_caps = (struct svm_caps){.pushes_rf = rf ? ~0u : 0};
		go_both_ways(vector, cpl, error, address);
		/* EVENTINJ has an error code only with its bit; the other half does not count without. */
		if (!(by_long.vendor.vmcb.control.eventinj & SVM_EVENT_EV))
			by_usual.vendor.vmcb.control.eventinj &= UINT32_MAX;
		assert_same_left();
	}
}

static void same_as_the_long_way(void **state)
{
	compare_all(USUAL_VECTORS | 1u << VEC_MF, compare);
}

static void refuse(void)
{
	assert_refused();
	assert_int_equal(vmcb.control.eventinj, 0);
}

/* Everything that the short way cannot do, with nothing changed. */
static void refuses(void **state)
{
	make_ud();
	vmcb.save.cs.attrib = 0;
	refuse();
	make_ud();
	vmcb.save.efer &= ~EFER_LMA;
	refuse();
	make_ud();
	vmcb.save.rip = (RIP & ~4095ull) + CODE_PAGE_ROOM; /* it may reach into the next page */
	refuse();
	make_ud();
	vmcb.save.cr3 ^= 0x1000;
	refuse();
	make_ud();
	cpu.work = CPU_WORK_EVENT; /* it came in the delivery of another event */
	refuse();
	refuses_changed_tables();
	assert_int_equal(vmcb.control.eventinj, 0);
	takes_with_console();
}

/* The other vendor's VMCALL is a call, and no exception. */
static void calls_are_served(void **state)
{
	static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1}, prefixed[] = {0x66, 0x0f, 0x01, 0xc1};

	make_ud();
	serve_call(vmcall, sizeof(vmcall));
	assert_int_equal(vmcb.save.rip, RIP + 3);
	assert_int_equal(vmcb.control.eventinj, 0);
	make_ud();
	take_code(prefixed, sizeof(prefixed));
	assert_int_equal(calls, 0);
	assert_int_equal(cpu.ring.head, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_the_long_way), cmocka_unit_test(refuses),
		cmocka_unit_test(calls_are_served)};

	return cmocka_run_group_tests_name("svm_usual", tests, NULL, NULL);
}
