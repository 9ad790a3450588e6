// SPDX-License-Identifier: MIT
/* The kernel module's part of `watch exec`: what it asks of Trapline when modules come and go, and what it says if that is refused. */
#ifndef FAKE_LINUX
#define FAKE_LINUX KERNEL_VERSION(6, 1, 0)
#endif
#include "unit.h"
#include "../../guest-tools/module/module_exec.c"

#define CORE 0xffffffffc0000000ul
#define INIT 0xffffffffc0100000ul
#define OK   "watch ranges=5\ndone command=watch status=ok\n"

static char asked[1024], warned[1024];
static const char *answer;
static unsigned replaced; /* so many answers are lost, because another one has given a command */

static s64 deliver(const struct trapline_call_registers *r)
{
	size_t n = strlen(answer);

	assert_int_equal(r->rsi, 5);
	if (replaced && replaced--)
		return TRAPLINE_E_MISSING;
	assert_true(r->rcx >= n);
	memcpy((void *)r->rbx, answer, n);
	return (s64)n;
}

s64 trapline_vmcall(struct trapline_call_registers *r)
{
	size_t n = strlen(asked);

	assert_int_equal(r->rdx, 0);
	assert_int_equal(r->rdi, 0);
	if (r->rax == TRAPLINE_CALL_answer)
		return r->rax = deliver(r);
	assert_int_equal(r->rax, TRAPLINE_CALL_command);
	snprintf(asked + n, sizeof(asked) - n, "%.*s\n", (int)r->rcx, (const char *)r->rbx);
	return r->rax = 5;
}

void fake_warn(const char *format, ...)
{
	size_t n = strlen(warned);
	va_list list;

	va_start(list, format);
	vsnprintf(warned + n, sizeof(warned) - n, format, list);
	va_end(list);
}

int register_module_notifier(struct notifier_block *block)
{
	return 0;
}

int unregister_module_notifier(struct notifier_block *block)
{
	return 0;
}

static void happens(unsigned long state, const char *text)
{
	static struct module m = {
#if FAKE_LINUX >= KERNEL_VERSION(6, 4, 0)
		.mem = {[MOD_TEXT] = {(void *)CORE, 0x2000},
			[MOD_DATA] = {(void *)0x1000, 0x7000},
			[MOD_INIT_TEXT] = {(void *)INIT, 0x1000}},
#else
		.core_layout = {(void *)CORE, 0x5000, 0x2000},
		.init_layout = {(void *)INIT, 0x3000, 0x1000},
#endif
	};

	asked[0] = warned[0] = '\0';
	answer = text;
	assert_int_equal(module_block.notifier_call(&module_block, state, &m), NOTIFY_DONE);
}

static void off(void **state)
{
	keeps = false;
	happens(MODULE_STATE_COMING, OK);
	assert_string_equal(asked, "");
}

static void comes(void **state)
{
	keeps = true;
	happens(MODULE_STATE_COMING, OK);
	assert_string_equal(
		asked, "watch allow 0xffffffffc0000000+0x2000\nwatch allow 0xffffffffc0100000+0x1000\n");
	happens(MODULE_STATE_LIVE, OK);
	assert_string_equal(asked, "watch forbid 0xffffffffc0100000+0x1000\n");
	assert_string_equal(warned, "");
}

/* trapctl allows what /proc/modules shows: all of it goes. */
static void goes(void **state)
{
	keeps = true;
	happens(MODULE_STATE_GOING, OK);
#if FAKE_LINUX >= KERNEL_VERSION(6, 4, 0)
	assert_string_equal(
		asked, "watch forbid 0xffffffffc0000000+0x2000\nwatch forbid 0xffffffffc0100000+0x1000\n");
#else
	assert_string_equal(
		asked, "watch forbid 0xffffffffc0000000+0x5000\nwatch forbid 0xffffffffc0100000+0x1000\n");
#endif
	assert_string_equal(warned, "");
}

/* A command that fails has an answer as all others: it says why. */
static void refused(void **state)
{
	keeps = true;
	happens(MODULE_STATE_LIVE, "done command=watch status=error why=\"1024 ranges are all\"\n");
	assert_non_null(strstr(warned, "watch forbid 0xffffffffc0100000+0x1000"));
	assert_non_null(strstr(warned, "1024 ranges are all"));
	happens(MODULE_STATE_LIVE, "done command=watch status=error why=\" status=ok\"\n");
	assert_string_not_equal(warned, "");
	happens(MODULE_STATE_LIVE, "");
	assert_string_not_equal(warned, "");
}

/* Another command came between: it is not known whether the range was taken, and the command is given again. */
static void lost(void **state)
{
	keeps = true;
	replaced = 1;
	happens(MODULE_STATE_LIVE, OK);
	assert_string_equal(
		asked, "watch forbid 0xffffffffc0100000+0x1000\nwatch forbid 0xffffffffc0100000+0x1000\n");
	assert_string_equal(warned, "");
	replaced = 1000;
	happens(MODULE_STATE_LIVE, OK);
	assert_string_not_equal(warned, "");
	replaced = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off),
		cmocka_unit_test(comes),
		cmocka_unit_test(goes),
		cmocka_unit_test(refused),
		cmocka_unit_test(lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
