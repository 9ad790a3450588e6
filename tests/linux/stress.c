// SPDX-License-Identifier: MIT
/* Debian's stress-ng, and the kernel's messages while it ran. See init.h. */
#define _GNU_SOURCE
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define STRESSOR_MAX 32
#define FIXED        8
#define LOG_SIZE     (1 << 20)
#define READ_ALL     3
#define KERN_WARNING 4

static int run_stress_ng(long seconds, const char *stressors)
{
	static char list[1024], option[STRESSOR_MAX][32], timeout[24];
	const char *argv[FIXED + 2 * STRESSOR_MAX] = {
		"stress-ng", "--timeout", timeout, "--verify", "--oomable", "--temp-path", "/tmp"};
	int n = FIXED - 1, status = -1;
	char *rest;
	pid_t child;

	snprintf(timeout, sizeof timeout, "%lds", seconds);
	snprintf(list, sizeof list, "%s", stressors);
	for (char *name = strtok_r(list, ",", &rest); name && n < FIXED + 2 * STRESSOR_MAX - 2;
		name = strtok_r(NULL, ",", &rest)) {
		char *text = option[(n - FIXED + 1) / 2];

		snprintf(text, sizeof option[0], "--%s", name);
		argv[n++] = text;
		argv[n++] = "1";
	}
	fflush(stdout);
	child = fork();
	if (child == 0) {
		execv("/usr/bin/stress-ng", (char *const *)argv);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return status;
}

/* Lines of READ_ALL are "<level>[   time] text"; warnings and worse, without their times. */
static void show_warnings(void)
{
	char *log = malloc(LOG_SIZE), *rest;
	int size = log ? klogctl(READ_ALL, log, LOG_SIZE - 1) : -1;

	if (size < 0)
		return;
	log[size] = 0;
	for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *text = strstr(line, "] ");

		if (text && line[0] == '<' && atoi(line + 1) % 8 <= KERN_WARNING)
			printf("kernel: level=%d %s\n", atoi(line + 1) % 8, text + 2);
	}
	free(log);
}

void run_stress(long seconds, const char *stressors)
{
	int status;

	mount("tmpfs", "/tmp", "tmpfs", 0, NULL);
	status = run_stress_ng(seconds, stressors);
	printf("stress seconds=%ld stressors=%s status=%d\n", seconds, stressors,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	show_warnings();
}
