// SPDX-License-Identifier: MIT
/* What becomes of the command of `trapctl watch ... -- COMMAND`. */
#define _GNU_SOURCE
#include "unit.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#undef fail /* trapctl has one of its own */
#include "../../guest-tools/trapctl/follow.c"

static bool deleted;
static int trace_status;

/* Without a trace it fails at once, before it has looked whether to go on. */
int trace_follow(bool (*only)(const struct trap_record *r), bool (*go_on)(void))
{
	while (trace_status == STATUS_OK && go_on())
		usleep(1000);
	return trace_status;
}

int64_t trapline_watch_delete(unsigned id)
{
	deleted = true;
	return 0;
}

const char *option_value(const char *word, const char *option)
{
	return NULL;
}

bool number(const char *text, uint64_t *value)
{
	return false;
}

static int run(const char *script, int status)
{
	char shell[] = "sh", option[] = "-c", text[64];
	char *command[] = {shell, option, text, NULL};
	struct follow f = {.wanted = true, .command = command, .watch = {5}};

	snprintf(text, sizeof(text), "%s", script);
	deleted = false;
	trace_status = status;
	return follow_watches(&f);
}

static void status_of_the_command(void **state)
{
	assert_int_equal(run("exit 3", STATUS_OK), 3);
	assert_true(deleted);
	assert_int_equal(run("kill -KILL $$", STATUS_OK), 128 + SIGKILL);
}

/* The command would go on alone, and nobody would wait for it. */
static void trace_fails(void **state)
{
	assert_int_equal(run("exec sleep 60", STATUS_NO_ACCESS), STATUS_NO_ACCESS);
	assert_true(deleted);
	assert_true(WIFSIGNALED(child_status) && WTERMSIG(child_status) == SIGTERM);
	assert_true(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_of_the_command),
		cmocka_unit_test(trace_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
