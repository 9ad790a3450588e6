// SPDX-License-Identifier: MIT
/* Instructions that write control, debug and table registers, found by their bytes. */
#include "unit.h"
#include "guest/system_insn.h"

#define CODE(...)                                                                                            \
	sizeof((const uint8_t[]){__VA_ARGS__}),                                                              \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}

static void found(void **state)
{
	static const struct {
		unsigned mode;
		struct system_insn i;
		uint8_t length, code[15];
	} rows[] = {
		{64, {SYSTEM_MOV_TO_CR, .number = 0, .gpr = 0, .length = 3}, CODE(0x0f, 0x22, 0xc0)},
		{64, {SYSTEM_MOV_TO_CR, .number = 4, .gpr = 11, .length = 4}, CODE(0x41, 0x0f, 0x22, 0xe3)},
		{64, {SYSTEM_MOV_TO_CR, .number = 8, .gpr = 0, .length = 4}, CODE(0x44, 0x0f, 0x22, 0xc0)},
		{64, {SYSTEM_MOV_TO_CR, .number = 3, .gpr = 2, .length = 4, .opsize = true},
			CODE(0x66, 0x0f, 0x22, 0xda)},
		{64, {SYSTEM_MOV_TO_CR, .number = 0, .gpr = 7, .length = 3},
			CODE(0x0f, 0x22, 0x07)}, /* mod is ignored */
		{32, {SYSTEM_CLTS, .length = 2}, CODE(0x0f, 0x06)},
		{16, {SYSTEM_LMSW, .number = 6, .gpr = 0, .length = 3}, CODE(0x0f, 0x01, 0xf0)},
		{16, {SYSTEM_LMSW, .number = 6, .gpr = 7, .memory = true, .length = 3},
			CODE(0x0f, 0x01, 0x37)},
		{64, {SYSTEM_MOV_TO_DR, .number = 7, .gpr = 1, .length = 3}, CODE(0x0f, 0x23, 0xf9)},
		{64, {SYSTEM_MOV_FROM_DR, .number = 6, .gpr = 15, .length = 4}, CODE(0x41, 0x0f, 0x21, 0xf7)},
		{64, {SYSTEM_LGDT, .number = 2, .gpr = 0, .memory = true, .length = 3},
			CODE(0x0f, 0x01, 0x10)},
		{64, {SYSTEM_LIDT, .number = 3, .gpr = 5, .memory = true, .length = 3},
			CODE(0x0f, 0x01, 0x1d, 1, 2, 3, 4)},
		{64, {SYSTEM_SIDT, .number = 1, .gpr = 4, .memory = true, .length = 3},
			CODE(0x0f, 0x01, 0x0c, 0x24)},
		{64, {SYSTEM_LLDT, .number = 2, .gpr = 0, .length = 3}, CODE(0x0f, 0x00, 0xd0)},
		{64, {SYSTEM_LTR, .number = 3, .gpr = 0, .memory = true, .length = 3},
			CODE(0x0f, 0x00, 0x18)},
		{64, {SYSTEM_SLDT, .number = 0, .gpr = 1, .length = 3}, CODE(0x0f, 0x00, 0xc1)},
		{64, {SYSTEM_STR, .number = 1, .gpr = 1, .length = 3}, CODE(0x0f, 0x00, 0xc9)},
	};

	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
		struct system_insn i = system_insn_find(rows[n].code, rows[n].length, rows[n].mode);

		assert_int_equal(i.kind, rows[n].i.kind);
		assert_int_equal(i.number, rows[n].i.number);
		assert_int_equal(i.gpr, rows[n].i.gpr);
		assert_int_equal(i.memory, rows[n].i.memory);
		assert_int_equal(i.opsize, rows[n].i.opsize);
		assert_int_equal(i.length, rows[n].i.length);
		for (unsigned shorter = 0; shorter < rows[n].i.length; shorter++)
			assert_int_equal(
				system_insn_find(rows[n].code, shorter, rows[n].mode).kind, SYSTEM_OTHER);
	}
}

static void others(void **state)
{
	static const struct {
		uint8_t length, code[15];
	} rows[] = {
		{CODE(0x0f, 0x01, 0xc1)}, /* VMCALL */
		{CODE(0x0f, 0x01, 0xd1)}, /* XSETBV */
		{CODE(0x0f, 0x01, 0xf8)}, /* SWAPGS */
		{CODE(0x0f, 0x01, 0x38)}, /* INVLPG */
		{CODE(0x0f, 0x01, 0x20)}, /* SMSW */
		{CODE(0x0f, 0x00, 0xe0)}, /* VERR */
		{CODE(0x0f, 0x20, 0xc0)}, /* MOV from CR0 */
		{CODE(0x48, 0x89, 0xc0)},
		{CODE(0x0f, 0x30, 0x90)},
	};

	for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
		assert_int_equal(system_insn_find(rows[n].code, rows[n].length, 64).kind, SYSTEM_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
