// SPDX-License-Identifier: MIT
/* Reading and writing the vector registers of the CPU that runs this test. CR0 and CR4 are variables. */
#include <string.h>
#include "unit.h"
#include "hw/vector_state.h"
#include "hw/asm.h"
#include "hw/features.h"
#include "hw/x86.h"

#define HIGH 0xffffffff81234568ull

uint64_t fake_cr0, fake_cr4;

/* FXSAVE's, with 64-bit addresses. */
struct image {
	uint16_t control, status;
	uint32_t tags_and_opcode;
	uint64_t ip, data;
	uint8_t rest[512 - 24];
} __attribute__((aligned(64)));

/* As after an x87 exception that is not masked: some CPUs keep the addresses only then (SDM vol. 1 8.1.8). */
static struct image with(uint64_t ip, uint64_t data)
{
	struct image i;

	__asm__ volatile("fninit; fxsave64 %0" : "=m"(i));
	i.control = 0x37e;
	i.status = 0x8081;
	i.ip = ip;
	i.data = data;
	return i;
}

/* gdb writes a register: what it did not write stays as it is. */
static struct image written(const struct image *before)
{
	struct vector_state s;
	struct image i;

	__asm__ volatile("fxrstor64 %0" : : "m"(*before));
	vector_save(&s);
	s.st[2][3] = 0x5a;
	s.xmm[15][15] = 0xa5;
	vector_load(&s);
	__asm__ volatile("fxsave64 %0; fnclex; fninit" : "=m"(i));
	assert_int_equal(((struct vector_state *)&i)->st[2][3], 0x5a);
	assert_int_equal(((struct vector_state *)&i)->xmm[15][15], 0xa5);
	return i;
}

static void keeps_addresses(void **state)
{
	static const uint64_t rows[][2] = {
		{HIGH, HIGH + 8}, {HIGH, 0x1000}, {0x1000, HIGH}, {0x1000, 0x2000}};

	for (size_t n = 0; n < ARRAY_SIZE(rows); n++) {
		struct image before = with(rows[n][0], rows[n][1]), after = written(&before);

		assert_int_equal(after.ip, before.ip);
		assert_int_equal(after.data, before.data);
		assert_int_equal(after.control, before.control);
		assert_int_equal(after.status, before.status);
	}
}

/* Whatever the firmware left in CR0 and CR4, it is there again afterwards. */
static void keeps_control_registers(void **state)
{
	struct vector_state s;

	fake_cr0 = CR0_TS | CR0_EM;
	fake_cr4 = 0;
	vector_save(&s);
	vector_load(&s);
	assert_int_equal(fake_cr0, CR0_TS | CR0_EM);
	assert_int_equal(fake_cr4, 0);
}

int main(void)
{
	features.xsave = cpuid(1, 0).ecx >> 26 & 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_addresses),
		cmocka_unit_test(keeps_control_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
