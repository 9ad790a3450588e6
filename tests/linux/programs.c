// SPDX-License-Identifier: MIT
/* Other programs and modules of the initrd, one after the other: init.h describes their names. */
#define _GNU_SOURCE
#include "init.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM_SECONDS 120
#define USER_NOBODY     65534
#define ARGUMENTS_MAX   12

static int insmod(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "/lib/%s.ko", name);
	int file = open(path, O_RDONLY | O_CLOEXEC);
	long result = file < 0 ? -1 : syscall(SYS_finit_module, file, "", 0);

	if (file >= 0)
		close(file);
	return result ? 1 : 0;
}

static int rmmod(const char *name)
{
	return syscall(SYS_delete_module, name, 0) ? 1 : 0;
}

/* The kernel's lines that contain a word, without their times. */
static int show_kernel_log(const char *word)
{
	enum {
		READ_ALL = 3,
		SIZE = 1 << 18
	};
	char *log = malloc(SIZE), *rest;
	int size = log ? klogctl(READ_ALL, log, SIZE - 1) : -1;

	if (size < 0)
		return 1;
	log[size] = 0;
	for (char *line = strtok_r(log, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		char *text = strstr(line, "] ");
		if (text && strstr(text + 2, word))
			puts(text + 2);
	}
	free(log);
	return 0;
}

/* "trapctl:mark:some-text" is /bin/trapctl with two arguments. */
static void execute(char *words)
{
	char *argv[ARGUMENTS_MAX + 1] = {NULL}, *rest, path[128];
	int n = 0;

	for (char *word = strtok_r(words, ":", &rest); word && n < ARGUMENTS_MAX;
		word = strtok_r(NULL, ":", &rest))
		argv[n++] = word;
	snprintf(path, sizeof path, "/bin/%s", argv[0]);
	alarm(PROGRAM_SECONDS);
	execv(path, argv);
	_exit(127);
}

static int run_program(char *words, int user)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		if (user && (setgid(user) || setuid(user)))
			_exit(126);
		execute(words);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int run_one(char *item)
{
	static const struct {
		const char *prefix;
		int (*run)(const char *name);
	} verbs[] = {{"insmod:", insmod}, {"rmmod:", rmmod}, {"log:", show_kernel_log}};

	for (unsigned i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		size_t length = strlen(verbs[i].prefix);
		if (!strncmp(item, verbs[i].prefix, length))
			return verbs[i].run(item + length);
	}
	if (!strncmp(item, "exec:", 5))
		execute(item + 5);
	if (!strncmp(item, "nobody:", 7))
		return run_program(item + 7, USER_NOBODY);
	return run_program(item, 0);
}

void run_programs(const char *list)
{
	char *copy = strdup(list), *rest;

	for (char *item = strtok_r(copy, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
		char *name = strdup(item);
		printf("run %s\n", name);
		printf("run name=%s status=%d\n", name, run_one(item));
		free(name);
	}
	free(copy);
}
