// SPDX-License-Identifier: MIT
/* The arguments of a VMCALL: what is refused before the service does anything, at the limits. */
#include <string.h>
#include "unit.h"
#include "vmcall/check.h"
#include "vmcall/policy.h"

static void linear_addresses(void **state)
{
	static const struct {
		uint64_t address, bytes;
		unsigned bits;
		bool good;
	} rows[] = {
		{0, 0, 48, true},
		{0, 1, 48, true},
		{0x7fffffffffff, 1, 48, true},
		{0x7fffffffffff, 2, 48, false}, /* into the gap */
		{0x800000000000, 0, 48, false},
		{0xffff7fffffffffff, 1, 48, false},
		{0xffff800000000000, 1, 48, true},
		{0x7ffffffff000, 0xffff000000002000, 48, false}, /* across the gap */
		{~0ull, 1, 48, true},
		{~0ull, 2, 48, false}, /* wraps around */
		{1, ~0ull, 48, false},
		{0, ~0ull, 48, false},
		{0x800000000000, 1, 57, true},
		{0xffffffffffffff, 1, 57, true},
		{0xffffffffffffff, 2, 57, false},
		{0x100000000000000, 1, 57, false},
		{0xff00000000000000, 1, 57, true},
		{0xffffffff, 1, 32, true},
		{0xffffffff, 2, 32, false},
		{0x100000000, 0, 32, false},
		{0, 0x100000000, 32, true},
		{1, 0x100000000, 32, false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (check_linear(rows[i].address, rows[i].bytes, rows[i].bits) != rows[i].good)
			fail_msg("row %u", i);
}

static void physical_addresses(void **state)
{
	assert_true(check_physical(0, 1ull << 40, 40));
	assert_true(check_physical((1ull << 40) - 1, 1, 40));
	assert_false(check_physical((1ull << 40) - 1, 2, 40));
	assert_false(check_physical(1ull << 40, 0, 40));
	assert_false(check_physical(4096, ~0ull, 40));
	assert_false(check_physical(~0ull, 1, 52));
}

static int64_t one(uint8_t kind, uint64_t value, uint8_t next_kind, uint64_t next)
{
	const struct check_limits limits = {.linear_bits = 48, .physical_bits = 40, .cpus = 3};
	const uint8_t kinds[CHECK_ARGUMENTS] = {kind, next_kind, KIND_NONE, KIND_ANY, KIND_NONE};
	const uint64_t args[CHECK_ARGUMENTS] = {value, next, ~0ull, ~0ull, ~0ull};

	return check_arguments(kinds, args, &limits);
}

static void kinds(void **state)
{
	assert_int_equal(one(KIND_FLAGS, 0, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_FLAGS, TRAPLINE_PAGE_IN, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_FLAGS, 2, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_FLAGS, 1ull << 63, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_CPU, 2, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_CPU, 3, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_CPU, 64, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_CPU, 1ull << 32, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_VECTOR, 31, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_VECTOR, 32, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_LENGTH, 0, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_LENGTH, 1, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_LENGTH, TRAPLINE_TEXT_MAX, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_LENGTH, TRAPLINE_TEXT_MAX + 1, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_OPTIONAL, 0, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_OPTIONAL, TRAPLINE_TEXT_MAX, KIND_NONE, 0), 0);
	assert_int_equal(one(KIND_OPTIONAL, TRAPLINE_TEXT_MAX + 1, KIND_NONE, 0), TRAPLINE_E_ARGUMENT);
	assert_int_equal(one(KIND_FROM, 0x7ffffffff000, KIND_OPTIONAL, 0x10000), TRAPLINE_E_ADDRESS);
	assert_int_equal(one(KIND_INTO, 0x7ffffffff000, KIND_BYTES, 0x1000), 0);
	assert_int_equal(one(KIND_INTO, 0x7ffffffff000, KIND_BYTES, 0x1001), TRAPLINE_E_ADDRESS);
	assert_int_equal(one(KIND_FROM, 0x7ffffffff000, KIND_LENGTH, 120), 0);
	assert_int_equal(
		one(KIND_FROM, 0x7ffffffff000, KIND_ANY, ~0ull), 0); /* the next argument is not its length */
	assert_int_equal(one(KIND_LIST, 0x1004, KIND_BYTES, 1), TRAPLINE_E_ADDRESS);
	assert_int_equal(one(KIND_LIST, 0x7ffffffffff8, KIND_BYTES, 4096), 0);
	assert_int_equal(one(KIND_LIST, 0x7ffffffffff8, KIND_BYTES, 4097), TRAPLINE_E_ADDRESS);
	assert_int_equal(one(KIND_LIST, 0, KIND_BYTES, ~0ull), TRAPLINE_E_ADDRESS);
	assert_int_equal(one(KIND_PHYSICAL, 1ull << 39, KIND_BYTES, 1ull << 39), 0);
	assert_int_equal(one(KIND_PHYSICAL, 1ull << 39, KIND_BYTES, (1ull << 39) + 1), TRAPLINE_E_ADDRESS);
	assert_int_equal(one(KIND_NAME, 1ull << 47, KIND_NONE, 0), TRAPLINE_E_ADDRESS);
}

static unsigned name_length(const char *text)
{
	char name[CHECK_NAME_MAX];

	strncpy(name, text, sizeof(name));
	return check_name(name);
}

static void names(void **state)
{
	assert_int_equal(name_length("a"), 1);
	assert_int_equal(name_length("A.b_c-9"), 7);
	assert_int_equal(name_length("0123456789012345678901234567890"), 31);
	assert_int_equal(name_length("01234567890123456789012345678901"), 0);
	assert_int_equal(name_length(""), 0);
	assert_int_equal(name_length("a b"), 0);
	assert_int_equal(name_length("a/b"), 0);
	assert_int_equal(name_length("\xff"), 0);
}

static uint64_t number(const char *text)
{
	char name[POLICY_NAME_SIZE] = "";

	strncpy(name, text, sizeof(name));
	return policy_number(name);
}

static void lookup(void **state)
{
	struct trapline_config config = {.user_calls = ""};
	struct policy p;

	policy_init(&p, &config);
#define X(n, name, who, rbx, rcx, rdx, rsi, rdi, errors) assert_int_equal(number(#name), n);
	TRAPLINE_SERVICES(X)
#undef X
	assert_int_equal(number(""), 0);
	assert_int_equal(number("versio"), 0);
	assert_int_equal(number("versionx"), 0);
	assert_int_equal(number("a name that fills the buffer"), 0);
}

static bool has(uint64_t mask, unsigned service)
{
	return mask >> service & 1;
}

static void policy(void **state)
{
	struct trapline_config config = {.user_calls = "default"};
	struct policy p;

	assert_null(policy_init(&p, &config));
	assert_true(has(p.user, TRAPLINE_CALL_version) && has(p.user, TRAPLINE_CALL_mark));
	assert_true(has(p.user, TRAPLINE_CALL_put_virtual) && has(p.user, TRAPLINE_CALL_get_virtual));
	assert_false(has(p.user, TRAPLINE_CALL_put_physical) || has(p.user, TRAPLINE_CALL_trace_read));
	assert_true(has(p.there, TRAPLINE_CALL_trace_read));
	assert_false(has(p.there, TRAPLINE_CALL_foo));
	config.example_foo = EXAMPLE_FOO_VIRTUAL;
	strcpy(config.user_calls, "version,\tstatus  nonsense more");
	assert_string_equal(policy_init(&p, &config), "  nonsense more");
	assert_true(has(p.there, TRAPLINE_CALL_foo));
	assert_int_equal(p.user, 1ull << TRAPLINE_CALL_version | 1ull << TRAPLINE_CALL_status);
	strcpy(config.user_calls, "");
	assert_null(policy_init(&p, &config));
	assert_int_equal(p.user, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linear_addresses),
		cmocka_unit_test(physical_addresses),
		cmocka_unit_test(kinds),
		cmocka_unit_test(names),
		cmocka_unit_test(lookup),
		cmocka_unit_test(policy),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
