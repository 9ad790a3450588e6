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

static void set_signals(void (*handler)(int signal))
{
	struct sigaction action = {.sa_handler = handler};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static void become(char **command, const sigset_t *mask)
{
	set_signals(SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(command[0], command);
	fprintf(stderr, "trapctl: %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

/* Signals wait meanwhile, because trapctl's handler would take those of the command until it begins. */
static bool begin_command(char **command)
{
	sigset_t all, before;

	fflush(stdout);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	child = fork();
	if (child == 0)
		become(command, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (child < 0)
		fprintf(stderr, "trapctl: %s: %s\n", command[0], strerror(errno));
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
	int status = STATUS_FAILED, ended;

	now = f;
	set_signals(on_signal);
	if (!f->command || begin_command(f->command))
		status = trace_follow(is_wanted, goes_on);
	delete_watches(f);
	if (!f->command)
		return status;
	if (status != STATUS_OK)
		stopped = 1; /* nobody sees what the command does */
	ended = end_command();
	return status == STATUS_OK ? ended : status;
}
