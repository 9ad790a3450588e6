// SPDX-License-Identifier: MIT
/* A process with rights: SIGUSR1 makes it another user's, SIGUSR2 ends it. Each time it says who it is. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define USER 1000

static void say(void)
{
	uid_t real, effective, saved;

	getresuid(&real, &effective, &saved);
	printf("rights uid=%u euid=%u\n", real, effective);
	fflush(stdout);
}

int main(void)
{
	int signal = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	say();
	while (signal != SIGUSR2) {
		sigwait(&set, &signal);
		if (signal == SIGUSR1 && setuid(USER))
			return 1;
		say();
	}
	return 0;
}
