// SPDX-License-Identifier: MIT
/* Watches that are set, and those that the CPU cannot serve. */
#include "unit.h"
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include <stdio.h>
#include <string.h>
#include "apic/flush.h"
#include "cpu/moment.h"
#include "exit/intercept.h"
#include "exit/watch_change.h"
#include "exit/watch_exec.h"
#include "exit/watch_memory.h"
#include "exit/watch_msr.h"
#include "exit/watch_register.h"
#include "hw/features.h"
#include "log/log.h"

struct boot_info boot_info;

static struct cpu cpu;
static struct vendor_traits traits;
static unsigned lines;

FAKE_VENDOR(fake, .traits = &traits);
const struct vendor *vendor = &fake;

void flush_serve(struct cpu *c)
{
}

void intercept_serve(struct cpu *c)
{
}

void watch_exec_changed(struct cpu *c)
{
}

const char *watch_memory_changed(struct cpu *c, uint16_t new_id)
{
	return NULL;
}

void watch_msr_handlers(bool on)
{
}

void watch_register_changed(struct cpu *c)
{
}

void watch_register_begin_all(void)
{
}

void moment(void)
{
}

void log_print(const char *format, ...)
{
	lines++;
}

static const char *set(const char *words)
{
	char text[64];
	const char *bad;
	uint16_t id;

	snprintf(text, sizeof(text), "%s", words);
	return watch_set(&cpu, text, &id, &bad);
}

static const char *const tables[] = {"reg gdtr", "r reg idtr", "reg ldtr", "rw reg tr once"};

/* They would never be hit. */
static void refused(void **state)
{
	traits.watches_tables = features.xsave = false;
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++) {
		const char *why = set(tables[i]);

		assert_non_null(why);
		assert_non_null(strstr(why, "this CPU has no descriptor-table exiting"));
	}
	assert_non_null(strstr(set("reg xcr0"), "no XSAVE"));
	assert_null(watch_next(NULL));
	assert_null(set("reg cr0"));
	assert_null(set("reg lstar"));
	assert_null(set("w 0x1000+8"));
	assert_int_equal(watch_delete_all(), 3);
}

static void served(void **state)
{
	traits.watches_tables = features.xsave = true;
	for (unsigned i = 0; i < ARRAY_SIZE(tables); i++)
		assert_null(set(tables[i]));
	assert_null(set("reg xcr0"));
	assert_int_equal(watch_delete_all(), 5);
}

/* The same in trapline.conf, with a line for each. */
static void configured(void **state)
{
	traits.watches_tables = features.xsave = false;
	snprintf(boot_info.config.watch, sizeof(boot_info.config.watch), "reg gdtr;reg cr0");
	lines = 0;
	watch_begin();
	assert_int_equal(lines, 1);
	assert_int_equal(watch_delete_all(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused), cmocka_unit_test(served), cmocka_unit_test(configured)};

	return cmocka_run_group_tests_name("watch_change", tests, NULL, NULL);
}
