// SPDX-License-Identifier: MIT
/* Shares between processes: one line a case, "shares name=... ok"; the exit status is the number that failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../guest-tools/lib/trapline.h"

#define BYTES (5 * 4096ul)

static int failed;

static void report(const char *name, int good)
{
	printf("shares name=%s %s\n", name, good ? "ok" : "FAILED");
	failed += !good;
}

static int count(void)
{
	struct trapline_share all[TRAPLINE_SHARES];
	struct trapline_registers r = {TRAPLINE_CALL_share_list, (uint64_t)all, sizeof(all), 0, 0, 0};

	return (int)trapline_call(&r);
}

/* Another process: attaches by name, reads what is there, answers. */
static int child(void)
{
	size_t bytes = 0;
	int64_t error;
	char *memory = trapline_share("test.share", &bytes, &error);

	if (!memory || bytes != BYTES || strcmp(memory + 4096, "from the owner"))
		return 1;
	strcpy(memory + 2 * 4096, "from the other");
	return 0;
}

/* A process that makes a share and dies of a signal without any clean-up. */
static void orphan(void)
{
	size_t bytes = 4096;
	int64_t error;

	trapline_share("orphan", &bytes, &error);
	kill(getpid(), 9);
}

static int in_child(int (*run)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run());
	waitpid(pid, &status, 0);
	return status;
}

static int dies(void)
{
	orphan();
	return 0;
}

int main(void)
{
	size_t bytes = BYTES, none = 0, again = BYTES, huge = 17 << 20;
	int64_t error;
	char *memory = trapline_share("test.share", &bytes, &error);

	report("create", memory && bytes == BYTES && count() == 1);
	if (!memory)
		return 1;
	report("zeroed", !memory[0] && !memory[BYTES - 1]);
	strcpy(memory + 4096, "from the owner");
	report("other_process", in_child(child) == 0 && !strcmp(memory + 2 * 4096, "from the other"));
	report("same_name", !trapline_share("test.share", &again, &error) && errno == EEXIST);
	report("bad_name", !trapline_share("a/b", &again, &error) && errno == EINVAL);
	report("too_large", !trapline_share("huge", &huge, &error) && errno == EINVAL);
	report("no_such", !trapline_share("no.such", &none, &error) && errno == ENOENT);
	report("killed_owner", in_child(dies) == 9 && count() == 1);
	trapline_share_leave(memory, bytes);
	report("left", count() == 0);
	return failed;
}
