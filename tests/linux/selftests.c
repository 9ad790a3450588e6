// SPDX-License-Identifier: MIT
/* Linux's own x86 selftests (tools/selftests.sh), one after the other. See init.h. */
#define _GNU_SOURCE
#include "init.h"

#include <dirent.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER       "/selftests"
#define TEST_SECONDS 120

static const char *on_one_cpu;

/* Whether a comma-separated list has a name. */
static int in_list(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == length && !strncmp(at, name, length))
			return 1;
	return 0;
}

/* A test's output is in the log as well, up to its end; a part of it are addresses, which are not compared. */
static void execute(const char *name)
{
	char *const argv[] = {(char *)name, NULL};
	cpu_set_t first;

	setpgid(0, 0);
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (in_list(on_one_cpu, name))
		sched_setaffinity(0, sizeof first, &first);
	if (chdir(FOLDER) == 0)
		execv(name, argv);
	_exit(127);
}

/* Orphans of the tests are init's children as well. Returns whether the child has ended. */
static int reap(pid_t child, int *status)
{
	int ended = 0, other;
	pid_t pid;

	while ((pid = waitpid(-1, &other, WNOHANG)) > 0) {
		if (pid == child) {
			*status = other;
			ended = 1;
		}
	}
	return ended;
}

/* With SIGCHLD blocked, so that this waits for it. Returns whether the child ended in time. */
static int wait_for(pid_t child, const sigset_t *child_signal, int *status)
{
	struct timespec start, rest = {.tv_sec = TEST_SECONDS};

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (rest.tv_sec > 0) {
		if (reap(child, status))
			return 1;
		sigtimedwait(child_signal, NULL, &rest);
		rest.tv_sec = TEST_SECONDS - microseconds_since(&start) / 1000000;
	}
	return 0;
}

static void print_result(const char *name, int in_time, int status)
{
	if (!in_time)
		printf("\nselftest name=%s status=timeout\n", name);
	else if (WIFSIGNALED(status))
		printf("\nselftest name=%s status=signal-%d\n", name, WTERMSIG(status));
	else
		printf("\nselftest name=%s status=%d\n", name, WEXITSTATUS(status));
}

static void run_test(const char *name)
{
	sigset_t child_signal, before;
	int status = 0, in_time;
	pid_t child;

	sigemptyset(&child_signal);
	sigaddset(&child_signal, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child_signal, &before);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execute(name);
	}
	in_time = wait_for(child, &child_signal, &status);
	kill(-child, SIGKILL);
	print_result(name, in_time, status);
}

static int is_program(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

void run_selftests(const char *one_cpu)
{
	struct dirent **entries;
	int n;

	on_one_cpu = one_cpu;
	n = scandir(FOLDER, &entries, is_program, alphasort);

	for (int i = 0; i < n; i++) {
		run_test(entries[i]->d_name);
		free(entries[i]);
	}
	printf("selftests n=%d\n", n);
}
