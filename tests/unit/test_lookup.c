// SPDX-License-Identifier: MIT
/* The name that a lookup reads from the guest's memory: each byte of the buffer is set. The source is included. */
#include <string.h>
#include "unit.h"
#include "mem/guest_ram.h"
#include "vmcall/lookup.c"

struct fake_ram fake_ram;

void caller_view(const struct vmcall *call, struct guest_view *out)
{
	memset(out, 0, sizeof(*out));
}

int64_t caller_fault(struct vmcall *call, enum guest_access_result result, const struct guest_page *page,
	uint64_t linear, bool page_in)
{
	return 0;
}

bool check_linear(uint64_t linear, uint64_t n, unsigned bits)
{
	return true;
}

uint64_t policy_number(const char *name)
{
	return 0;
}

bool vmcall_exists(uint64_t number)
{
	return false;
}

static void name(void **state)
{
	union buffer b;

	memset(&b, 0xff, sizeof(b));
	memcpy(fake_ram.bytes + 0x1000, "null", 5);
	read_words(0x1000, &b);
	assert_string_equal(b.text, "null");
}

/* The page was RAM when the access was checked, and is none any more. */
static void no_ram(void **state)
{
	static const union buffer zero;
	union buffer b;

	memset(&b, 0xff, sizeof(b));
	read_words(FAKE_RAM, &b);
	assert_memory_equal(&b, &zero, sizeof(b));
	memset(&b, 0xff, sizeof(b));
	read_bytes(FAKE_RAM, 8, 0, &b);
	assert_memory_equal(&b, &zero, sizeof(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name),
		cmocka_unit_test(no_ram),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
