// SPDX-License-Identifier: MIT
/*
 * The registers that a core gets of the CPU itself: x87; debug registers and MSRs as the guest would read them, and nothing for one that the CPU
 * does not have.
 */
#include "unit.h"
#include "cpu/registers.h"
#include "cpu/system_registers.h"
#include "fake_vendor.h"
#include "hw/features.h"
#include "hw/msr.h"

uint64_t fake_cr0, fake_cr4, fake_debug[4] = {0x10, 0x11, 0x12, 0x13};
static struct core_system_register seen[CORE_SYSTEM_MAX];
static struct cpu cpu;

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_DR6 ? 0xffff0ff1 : r == GUEST_DR7 ? 0x402 : 0;
}

/* A CPU without IA32_S_CET. */
static enum msr_result read_msr(struct cpu *c, uint32_t msr, bool write, uint64_t *value)
{
	assert_false(write);
	*value = msr * 3ull;
	return msr == MSR_S_CET ? MSR_FAULT : MSR_DONE;
}

static void segment(const struct cpu *c, enum segment s, struct segment_state *out)
{
	*out = (struct segment_state){.selector = (uint16_t)s};
}

FAKE_VENDOR(fake_vendor, .state.get = get, .state.segment = segment, .exits.msr = read_msr);
const struct vendor *vendor = &fake_vendor;

static const struct core_system_register *find(uint32_t kind, uint32_t number)
{
	for (unsigned i = 0; i < CORE_SYSTEM_MAX; i++)
		if (seen[i].kind == kind && seen[i].number == number)
			return &seen[i];
	return NULL;
}

static void expect_register(uint32_t kind, uint32_t number, uint64_t value)
{
	assert_non_null(find(kind, number));
	assert_int_equal(find(kind, number)->value, value);
}

static void those_of_the_guest(void **state)
{
	system_registers(&cpu, seen);
	for (unsigned n = 0; n < 4; n++)
		expect_register(CORE_DEBUG, n, fake_debug[n]);
	expect_register(CORE_DEBUG, 6, 0xffff0ff1);
	expect_register(CORE_DEBUG, 7, 0x402);
	expect_register(CORE_MSR, MSR_EFER, MSR_EFER * 3ull);
	expect_register(CORE_MSR, MSR_TSC_AUX, MSR_TSC_AUX * 3ull);
}

static void not_there(void **state)
{
	features.xsave = false;
	system_registers(&cpu, seen);
	assert_null(find(CORE_MSR, MSR_S_CET));
	assert_null(find(CORE_XCR, 0));
}

static void floating_point(void **state)
{
	static const uint8_t pi[10] = {0x35, 0xc2, 0x68, 0x21, 0xa2, 0xda, 0x0f, 0xc9, 0x00, 0x40};
	static struct core_registers r;

	__asm__ volatile("fninit; fldpi");
	cpu_registers(&cpu, &r);
	__asm__ volatile("fninit");
	assert_memory_equal(r.vectors.st[0], pi, sizeof(pi));
	assert_int_equal(r.vectors.tags, 0x80);
	assert_int_equal(r.segment[CORE_GS].selector, SEG_GS);
	assert_int_equal(r.system[0].kind, CORE_DEBUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(those_of_the_guest),
		cmocka_unit_test(not_there),
		cmocka_unit_test(floating_point),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
