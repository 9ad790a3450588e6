// SPDX-License-Identifier: MIT
/* The reserve beside a ring: the newest records of each vector, whatever floods the ring. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "note_site.h"
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

/* A writer replaces the sites of one set without a pause, and a reader copies them: all members are of one site. */
#define REPLACED 3000000
static atomic_bool replaced_all;

static void *replace_sites(void *arg)
{
	struct sites *s = arg;

	for (uint64_t n = 1; n <= REPLACED; n++) {
		struct trap_record r = {.vector = 6, .rip = n << 32, .seq = n, .tsc = n, .cr2 = n};

		note_site(s, &r);
	}
	atomic_store(&replaced_all, true);
	return NULL;
}

static void whole_sites(void **state)
{
	static struct sites s;
	struct site copy;
	pthread_t writer;
	unsigned copies = 0;

	assert_int_equal(pthread_create(&writer, NULL, replace_sites, &s), 0);
	while (!atomic_load(&replaced_all))
		for (unsigned i = 0; i < SITES_COUNT; i++)
			if (site_copy(&s, i, &copy)) {
				copies++;
				assert_int_equal(copy.rip, copy.first_seq << 32);
				assert_int_equal(copy.first_tsc, copy.first_seq);
				assert_int_equal(copy.first_cr2, copy.first_seq);
			}
	pthread_join(writer, NULL);
	assert_true(copies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flood),
		cmocka_unit_test(rare_or_not),
		cmocka_unit_test(while_it_is_written),
		cmocka_unit_test(whole_sites),
	};

	return cmocka_run_group_tests_name("reserve", tests, NULL, NULL);
}
