// SPDX-License-Identifier: MIT
/* The reserve beside a ring: the newest records of each vector, whatever floods the ring. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "trace/reserve.h"

#define SOON   100
#define FLOOD  100000
#define STRESS 1000000

static struct reserve reserve;

static bool add(uint64_t seq, uint8_t vector)
{
	struct trap_record r = {.seq = seq, .rip = seq, .cr2 = ~seq, .vector = vector};

	for (unsigned i = 0; i < TRAP_GPRS; i++)
		r.gpr[i] = seq + i;
	return reserve_add(&reserve, &r, SOON);
}

static uint64_t seq_at(unsigned vector, unsigned i)
{
	struct trap_record r;

	if (!reserve_at(&reserve, vector, i, &r))
		return 0;
	assert_int_equal(r.rip, r.seq);
	assert_int_equal(r.cr2, ~r.seq);
	assert_int_equal(r.gpr[TRAP_R15], r.seq + TRAP_R15);
	return r.seq;
}

static void forget(void)
{
	memset(&reserve, 0, sizeof(reserve));
}

static void flood(void **state)
{
	(void)state;
	forget();
	add(1, 6);
	add(2, 13);
	for (uint64_t seq = 3; seq < FLOOD; seq++)
		add(seq, 14);
	assert_int_equal(seq_at(6, 0), 1);
	assert_int_equal(seq_at(6, 1), 0);
	assert_int_equal(seq_at(13, 0), 2);
	for (unsigned i = 0; i < RESERVE_RECORDS; i++)
		assert_int_equal(seq_at(14, i), FLOOD - RESERVE_RECORDS + i);
	assert_int_equal(seq_at(14, RESERVE_RECORDS), 0);
	assert_int_equal(seq_at(0, 0), 0);
}

static void rare_or_not(void **state)
{
	(void)state;
	forget();
	for (uint64_t seq = 1; seq <= RESERVE_RECORDS; seq++)
		assert_true(add(seq, 14));
	assert_false(add(RESERVE_RECORDS + 1, 14));
	assert_false(add(SOON + 1, 14)); /* the one that stood here was number 2 */
	assert_true(add(SOON + 3, 14));  /* number 3 */
}

static void *read_all(void *done)
{
	while (!__atomic_load_n((int *)done, __ATOMIC_ACQUIRE))
		for (unsigned i = 0; i < RESERVE_RECORDS; i++)
			seq_at(14, i);
	return NULL;
}

static void while_it_is_written(void **state)
{
	int done = 0;
	pthread_t reader;

	(void)state;
	forget();
	assert_int_equal(pthread_create(&reader, NULL, read_all, &done), 0);
	for (uint64_t seq = 1; seq < STRESS; seq++)
		add(seq, 14);
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	pthread_join(reader, NULL);
	assert_int_equal(seq_at(14, RESERVE_RECORDS - 1), STRESS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flood),
		cmocka_unit_test(rare_or_not),
		cmocka_unit_test(while_it_is_written),
	};

	return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
