// SPDX-License-Identifier: MIT
/* When the black box gets an end, and when it is opened again. The source is included; the test provides its clock and its memory. */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "hw/asm.h"
#include "mem/pool.h"

#define SIZE   (1u << 20)
#define SECOND 1000000ull

static uint64_t now;
static void (*meanwhile)(
	void); /* what another CPU does while this one reads the clock, and writes its caches back */

static void let_others(void)
{
	void (*f)(void) = meanwhile;

	meanwhile = NULL;
	if (f)
		f();
	meanwhile = f;
}

static uint64_t fake_rdtsc(void)
{
	let_others();
	return now;
}

static void fake_wbinvd(void)
{
	let_others();
}

#define rdtsc     fake_rdtsc
#define wbinvd    fake_wbinvd
#define pool_virt fake_pool_virt
static void *fake_pool_virt(uint64_t at);
#include "blackbox/blackbox.c"

struct boot_info boot_info;
static _Alignas(4096) uint8_t memory[SIZE];

static void *fake_pool_virt(uint64_t place)
{
	return memory + place;
}

static int setup(void **state)
{
	memset(memory, 0, sizeof(memory));
	boot_info = (struct boot_info){.piece_count = 2,
		.piece = {[BOOT_PIECE_BOX] = {0, SIZE}},
		.tsc_khz = SECOND / 1000,
		.cpus = 2,
		.config = {.ring = 64, .history = 16}};
	mark = cut = sealed_at = 0;
	reporting = false;
	meanwhile = NULL;
	now = 100 * SECOND;
	assert_true(blackbox_init(&boot_info));
	return 0;
}

static bool is_whole(uint64_t how)
{
	return box->end.sealed == how && box->end.checksum == blackbox_end_sum(&box->end);
}

static void report(const char *why, bool failure)
{
	blackbox_mark();
	blackbox_line(why);
	blackbox_seal(why, failure);
}

static void ends(void **state)
{
	report("an end", true);
	assert_true(is_whole(BLACKBOX_SEALED));
	assert_int_equal(box->end.report, 0);
	assert_false(blackbox_goes_on());
	now += SECOND;
	assert_false(blackbox_goes_on());
	report("what came of it", true);
	assert_string_equal(box->end.why, "an end");
	assert_true(is_whole(BLACKBOX_SEALED));
}

/* A failure can be survived, too: an INIT, or a reset that has no effect. A later end then has a report of its own. */
static void goes_on(void **state)
{
	for (unsigned failure = 0; failure < 2; failure++) {
		report("no end", failure);
		now += 2 * SECOND;
		assert_true(blackbox_goes_on());
		assert_false(blackbox_goes_on());
		assert_int_equal(box->end.sealed, 0);
	}
	now += SECOND;
	uint64_t head = box->text_head;
	report("triple fault", true);
	assert_string_equal(box->end.why, "triple fault");
	assert_int_equal(box->end.report, head);
	assert_true(is_whole(BLACKBOX_SEALED));
}

/* Another CPU, whose TSC is lower. */
static void clocks_differ(void **state)
{
	report("an end", false);
	now -= SECOND / 20;
	assert_false(blackbox_goes_on());
	assert_true(is_whole(BLACKBOX_SEALED));
}

static void look(void)
{
	now -= SECOND / 20;
	assert_false(blackbox_goes_on());
	now += SECOND / 20;
}

/* Another CPU checks while a report is made, and while it is sealed. */
static void looked_at_meanwhile(void **state)
{
	report("no end", false);
	now += SECOND;
	blackbox_mark();
	now += 5 * SECOND;
	assert_false(blackbox_goes_on());
	blackbox_line("an end");
	meanwhile = look;
	blackbox_seal("an end", true);
	assert_true(is_whole(BLACKBOX_SEALED));
	look();
}

static void said(void **state)
{
	blackbox_mark();
	blackbox_line("dying");
	blackbox_say("dying");
	assert_true(is_whole(BLACKBOX_SAID));
	now += (STALE_SECONDS - 1) * SECOND;
	assert_false(blackbox_goes_on());
	now += SECOND;
	assert_true(blackbox_goes_on());
	uint64_t head = box->text_head;
	report("an end", true);
	assert_int_equal(box->end.report, head);
	assert_true(is_whole(BLACKBOX_SEALED));
}

/* Lines of every length at every place of a word, more than the text holds: text and sum are those of one written byte by byte. */
static void sum_follows(void **state)
{
	static uint8_t whole[BLACKBOX_TEXT_SIZE];
	const uint8_t *text = (const uint8_t *)box + box->text_at;
	char line[64];
	uint64_t head = 0;

	memset(whole, 0, sizeof(whole));
	for (unsigned i = 0; i < 4000; i++) {
		unsigned n = i * 7 % 40;

		for (unsigned k = 0; k < n; k++)
			line[k] = (char)('a' + (i + k) % 26);
		line[n] = '\n';
		for (unsigned k = 0; k <= n; k++)
			whole[head++ % BLACKBOX_TEXT_SIZE] = (uint8_t)line[k];
		blackbox_add_line(line, n);
		if (i % 97 == 0)
			assert_int_equal(box->text_sum, blackbox_text_sum(text));
	}
	assert_true(head > BLACKBOX_TEXT_SIZE);
	assert_int_equal(box->text_head, head);
	assert_memory_equal(text, whole, sizeof(whole));
	assert_int_equal(box->text_sum, blackbox_text_sum(text));
}

/* Every single bit of the text counts. */
static void sum_notices(void **state)
{
	uint64_t *words = (uint64_t *)((char *)box + box->text_at), sum = blackbox_text_sum((uint8_t *)words);

	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t *word = &words[bit * 61];

		*word ^= 1ull << bit;
		assert_int_not_equal(blackbox_text_sum((uint8_t *)words), sum);
		*word ^= 1ull << bit;
	}
}

/* The last test: a capture kernel runs from here on. */
static void stays_sealed(void **state)
{
	report("triple fault", true);
	blackbox_keep();
	now += 300 * SECOND;
	assert_false(blackbox_goes_on());
	assert_string_equal(box->end.why, "triple fault");
	assert_true(is_whole(BLACKBOX_SEALED));
}

/* What the next start finds, which takes the core into a box of its own at the same place. */
static const void *next_run(bool written, uint64_t *age)
{
	static _Alignas(4096) uint8_t last[SIZE];
	uint64_t bytes;

	memcpy(last, memory, SIZE);
	memset(memory, 0, SIZE);
	assert_true(blackbox_init(&boot_info));
	blackbox_core_take((const struct blackbox_header *)last, written);
	return blackbox_core(&bytes, age);
}

/* One run has died; the next ones end without a core. */
static void core_ages(void **state)
{
	uint64_t room, age;
	void *to;

	boot_info.config.core_kib = 16;
	assert_true(blackbox_init(&boot_info));
	to = blackbox_core_begin(&room);
	assert_non_null(to);
	memcpy(to, "the core", 8);
	blackbox_core_end(8);
	assert_memory_equal(next_run(false, &age), "the core", 8);
	assert_int_equal(age, BLACKBOX_CORE_LAST);
	assert_false(box->core.is & BLACKBOX_CORE_WRITTEN); /* this start could not write it */
	assert_memory_equal(next_run(true, &age), "the core", 8);
	assert_int_equal(age, BLACKBOX_CORE_EARLIER);
	assert_true(box->core.is & BLACKBOX_CORE_WRITTEN);
	assert_memory_equal(next_run(false, &age), "the core", 8);
	assert_true(box->core.is & BLACKBOX_CORE_WRITTEN);
	assert_int_equal(blackbox_core_number(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sum_follows, setup),
		cmocka_unit_test_setup(sum_notices, setup),
		cmocka_unit_test_setup(ends, setup),
		cmocka_unit_test_setup(goes_on, setup),
		cmocka_unit_test_setup(clocks_differ, setup),
		cmocka_unit_test_setup(looked_at_meanwhile, setup),
		cmocka_unit_test_setup(said, setup),
		cmocka_unit_test_setup(core_ages, setup),
		cmocka_unit_test_setup(stays_sealed, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
