// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "follow.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <trapline/record.h>
#include <unistd.h>

static struct follow *now;
static uint64_t printed;
static pid_t child;
static int child_status;
static volatile sig_atomic_t stopped;

bool follow_take(struct follow *f, char **argv, int *i)
{
	const char *hits = option_value(argv[*i], "--hits");

	if (!strcmp(argv[*i], "--")) {
		f->command = argv + *i + 1;
		while (argv[*i + 1])
			++*i;
	} else if (strcmp(argv[*i], "--follow") && !(hits && number(hits, &f->hits) && f->hits)) {
		return false;
	}
	f->wanted = true;
	return !f->command || *f->command;
}

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static bool begin_command(char **command)
{
	fflush(stdout);
	child = fork();
	if (child < 0)
		fprintf(stderr, "trapctl: %s: %s\n", command[0], strerror(errno));
	if (child == 0) {
		execvp(command[0], command);
		fprintf(stderr, "trapctl: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	return child > 0;
}

static int end_command(void)
{
	if (child > 0 && stopped)
		kill(child, SIGTERM);
	while (child > 0 && waitpid(child, &child_status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(child_status) ? WEXITSTATUS(child_status) : 128 + WTERMSIG(child_status);
}

static bool is_wanted(const struct trap_record *r)
{
	bool mine = false;

	for (unsigned i = 0; i < WATCHES_FOLLOWED; i++)
		mine |= now->watch[i] && r->watch_id == now->watch[i];
	if (r->type != TRAP_TYPE_WATCH || !mine || (now->hits && printed == now->hits))
		return false;
	printed++;
	return true;
}

static bool goes_on(void)
{
	if (stopped || (now->hits && printed == now->hits))
		return false;
	if (child > 0 && waitpid(child, &child_status, WNOHANG) == child) {
		child = 0;
		return false;
	}
	return !now->look || now->look(now);
}

static void delete_watches(const struct follow *f)
{
	for (unsigned i = 0; i < WATCHES_FOLLOWED; i++)
		if (f->watch[i])
			trapline_watch_delete(f->watch[i]); /* once has deleted it already */
}

int follow_watches(struct follow *f)
{
	int status = STATUS_FAILED;

	now = f;
	catch_signals();
	if (!f->command || begin_command(f->command))
		status = trace_follow(is_wanted, goes_on);
	delete_watches(f);
	return status == STATUS_OK && f->command ? end_command() : status;
}
