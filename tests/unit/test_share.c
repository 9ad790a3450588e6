// SPDX-License-Identifier: MIT
/*
 * The service share_open, whose list is read in several exits: what may come between them changes nothing, and nothing is left behind. The source
 * is included.
 */
#include <string.h>
#include "unit.h"
#include "vmcall/share.c"
#include "fake_caller.h"

struct fake_ram fake_ram;
struct boot_info boot_info;
static struct cpu cpu;
static uint64_t memory[TRAPLINE_SHARES * SHARE_PAGES_MAX], list[SHARE_PAGES_MAX];
static char name[CHECK_NAME_MAX];
static int64_t read_error;
static unsigned most; /* entries that were read at once */

int64_t caller_read(struct vmcall *call, uint64_t linear, void *to, uint64_t n, bool page_in)
{
	if (linear != (uint64_t)name && read_error)
		return read_error;
	memcpy(to, (const void *)linear, n);
	if (linear != (uint64_t)name && n / 8 > most)
		most = (unsigned)(n / 8);
	return 0;
}

int64_t caller_write(struct vmcall *call, uint64_t linear, const void *from, uint64_t n, bool page_in)
{
	memcpy((void *)linear, from, n);
	return 0;
}

static unsigned cpl;

static int64_t once(unsigned pages)
{
	struct vmcall call = {.cpu = &cpu,
		.cpl = cpl,
		.arg = {(uint64_t)name, (uint64_t)list, pages * PAGE_SIZE - 1, TRAPLINE_PAGE_IN}};

	return vmcall_share_open(&call);
}

static int64_t open_all(unsigned pages)
{
	int64_t result;

	for (unsigned i = 0; (result = once(pages)) == VMCALL_AGAIN; i++)
		assert_in_range(i, 0, pages / BATCH);
	return result;
}

static int64_t close_one(uint64_t number)
{
	struct vmcall call = {.cpu = &cpu, .arg = {number}};

	return vmcall_share_close(&call);
}

static void use_name(const char *n)
{
	memset(name, 0, sizeof(name));
	strcpy(name, n);
}

static int setup(void **state)
{
	memset(shares, 0, sizeof(shares));
	memset(&fake_ram, 0, sizeof(fake_ram));
	share_init(memory);
	for (unsigned i = 0; i < SHARE_PAGES_MAX; i++)
		list[i] = i % FAKE_PAGES * PAGE_SIZE;
	boot_info.tsc_khz = 1 << 30;
	new_caller();
	cpl = 0;
	read_error = 0;
	use_name("one");
	return 0;
}

/* Every size, in parts; the entries are those of the list. */
static void parts(void **state)
{
	static const unsigned sizes[] = {1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH, SHARE_PAGES_MAX};

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		most = 0;
		assert_int_equal(open_all(sizes[i]), 1);
		assert_in_range(most, 1, BATCH);
		assert_memory_equal(shares[0].page, list, sizes[i] * sizeof(list[0]));
		assert_int_equal(close_one(1), 0);
	}
}

/* Before it is open nobody finds it, and it cannot be closed. */
static void unfinished(void **state)
{
	struct trapline_share out;

	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	assert_int_equal(share_find("one"), 0);
	assert_false(share_at(0, &out));
	assert_int_equal(close_one(1), TRAPLINE_E_MISSING);
	assert_int_equal(once(2 * BATCH), 1);
}

/* A handler opens shares between two parts: one of another name, and then one of the same. */
static void nested(void **state)
{
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	rsp -= 256;
	use_name("two");
	assert_int_equal(open_all(3 * BATCH), 2);
	rsp += 256;
	use_name("one");
	assert_int_equal(once(2 * BATCH), 1);
	assert_int_equal(close_one(0), 0);

	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	rsp -= 256;
	assert_int_equal(open_all(BATCH), 2);
	rsp += 256;
	assert_int_equal(once(2 * BATCH), TRAPLINE_E_EXISTS);
}

/* The other caller's list is not mixed with this one's. */
static void separate(void **state)
{
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	rsp -= 256;
	list[0] = PAGE_SIZE;
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	assert_int_equal(shares[0].page[0], 0);
	assert_int_equal(once(2 * BATCH), 2);
	assert_int_equal(shares[1].page[0], PAGE_SIZE);
}

/* The same for two processes whose calls do not differ otherwise. */
static void processes(void **state)
{
	cpl = 3;
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	cr3 = PAGE_SIZE;
	list[0] = PAGE_SIZE;
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	assert_int_equal(shares[0].page[0], 0);
	assert_int_equal(once(2 * BATCH), 2);
	assert_int_equal(shares[1].page[0], PAGE_SIZE);
}

/* A kernel thread goes on in another address space, and with other flags of CR3 any caller does. */
static void same_caller(void **state)
{
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	cr3 = PAGE_SIZE;
	assert_int_equal(once(2 * BATCH), 1);
	assert_int_equal(close_one(1), 0);

	cpl = 3;
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	cr3 |= 1;
	assert_int_equal(once(2 * BATCH), 1);
}

/* A missing page keeps the parts before it; an error does not. */
static void errors(void **state)
{
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	read_error = VMCALL_AGAIN;
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	read_error = 0;
	assert_int_equal(once(2 * BATCH), 1);
	assert_int_equal(close_one(1), 0);

	list[BATCH] = 1;
	assert_int_equal(open_all(2 * BATCH), TRAPLINE_E_ADDRESS);
	assert_int_equal(shares[0].done, 0);
	list[BATCH] = FAKE_RAM;
	assert_int_equal(open_all(2 * BATCH), TRAPLINE_E_MEMORY);
	list[BATCH] = 0;
	assert_int_equal(open_all(2 * BATCH), 1);
}

/* All shares are closed meanwhile, as a new kernel does: the call begins anew. */
static void closed(void **state)
{
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	assert_int_equal(close_one(0), 0);
	assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	assert_int_equal(once(2 * BATCH), 1);
}

/* Calls that never come back take no share for longer than a second. */
static void given_up(void **state)
{
	for (unsigned i = 0; i < TRAPLINE_SHARES; i++, rsp += 16)
		assert_true(once(2 * BATCH) == VMCALL_AGAIN);
	assert_int_equal(once(2 * BATCH), TRAPLINE_E_FULL);
	boot_info.tsc_khz = 0;
	assert_int_equal(once(BATCH), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(parts, setup),
		cmocka_unit_test_setup(unfinished, setup),
		cmocka_unit_test_setup(nested, setup),
		cmocka_unit_test_setup(separate, setup),
		cmocka_unit_test_setup(processes, setup),
		cmocka_unit_test_setup(same_caller, setup),
		cmocka_unit_test_setup(errors, setup),
		cmocka_unit_test_setup(closed, setup),
		cmocka_unit_test_setup(given_up, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
