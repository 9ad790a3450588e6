// SPDX-License-Identifier: MIT
/* The service core, while another CPU makes a new one: no piece is of both. The source is included. */
#include <string.h>
#include "unit.h"
#include "vmcall/core.c"

static uint8_t kept[6000], got[PIECE];
static uint64_t kept_age;
static uint32_t made;
static unsigned begins; /* cores that another CPU begins while a piece is copied */
static struct cpu cpu;

const void *blackbox_core(uint64_t *bytes, uint64_t *age)
{
	*bytes = sizeof(kept);
	*age = kept_age;
	return kept_age ? kept : NULL;
}

uint32_t blackbox_core_number(void)
{
	return made;
}

int64_t caller_write(struct vmcall *call, uint64_t linear, const void *from, uint64_t n, bool page_in)
{
	const uint8_t *bytes = from;

	memcpy(got, bytes, n / 2);
	if (begins) {
		begins--;
		made++;
		memset(kept, (int)made, sizeof(kept));
		kept_age = BLACKBOX_CORE_MADE;
	}
	memcpy(got + n / 2, bytes + n / 2, n - n / 2);
	return 0;
}

static int64_t fetch(uint64_t offset)
{
	struct vmcall call = {.cpu = &cpu, .width = ~0ull, .arg = {[ARG_RCX] = 8192, [ARG_RSI] = offset}};

	cpu.gpr[TRAP_RSI] = offset;
	return vmcall_core(&call);
}

static int setup(void **state)
{
	memset(kept, 0, sizeof(kept));
	kept_age = BLACKBOX_CORE_LAST;
	made = begins = 0;
	return 0;
}

static void pieces(void **state)
{
	assert_int_equal(fetch(0), PIECE);
	assert_int_equal(cpu.gpr[TRAP_RDX], sizeof(kept));
	assert_int_equal(cpu.gpr[TRAP_RSI], 0);
	assert_int_equal(fetch(PIECE), sizeof(kept) - PIECE);
	assert_int_equal(fetch(sizeof(kept)), 0);
	assert_int_equal(fetch(sizeof(kept) + 1), TRAPLINE_E_RANGE);
}

static void ages(void **state)
{
	kept_age = BLACKBOX_CORE_EARLIER;
	assert_int_equal(fetch(0), PIECE);
	assert_int_equal(cpu.gpr[TRAP_RSI], TRAPLINE_CORE_EARLIER);
	kept_age = BLACKBOX_CORE_MADE;
	made = 3;
	assert_int_equal(fetch(0), PIECE);
	assert_int_equal(cpu.gpr[TRAP_RSI], 3);
	kept_age = 0;
	assert_int_equal(fetch(0), TRAPLINE_E_MISSING);
}

/* The registers stay as they are, and the guest makes the call again. */
static void torn(void **state)
{
	begins = 2;
	assert_int_equal(fetch(0), VMCALL_AGAIN);
	assert_int_equal(cpu.gpr[TRAP_RSI], 0);
	assert_int_equal(fetch(0), VMCALL_AGAIN);
	assert_int_equal(fetch(0), PIECE);
	assert_int_equal(cpu.gpr[TRAP_RSI], 2);
	for (unsigned i = 0; i < PIECE; i++)
		assert_int_equal(got[i], 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pieces, setup),
		cmocka_unit_test_setup(ages, setup),
		cmocka_unit_test_setup(torn, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
