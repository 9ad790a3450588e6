// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "trapctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int list(void)
{
	struct trapline_share all[TRAPLINE_SHARES];
	struct trapline_registers r = {
		TRAPLINE_CALL_share_list, (uint64_t)all, sizeof(all), TRAPLINE_PAGE_IN, 0, 0};

	if (trapline_call(&r) < 0)
		return fail("share list", r.rax);
	for (int64_t i = 0; i < r.rax; i++)
		print_fields("share number=%u bytes=%llu name=\"%s\"", all[i].number,
			(unsigned long long)all[i].bytes, all[i].name);
	return STATUS_OK;
}

/* Prints why there is no share. */
static int refused(const char *name, int64_t error)
{
	if (error == TRAPLINE_SYSTEM && errno == ENOENT) {
		fprintf(stderr, "trapctl: there is no share named %s\n", name);
		return STATUS_NOTHING;
	}
	return fail(name, error);
}

static int run(char **command)
{
	int status = 0;
	pid_t child = fork();

	if (child < 0) {
		fprintf(stderr, "trapctl: %s: %s\n", command[0], strerror(errno));
		return 127;
	}
	if (child == 0) {
		execvp(command[0], command);
		fprintf(stderr, "trapctl: %s: %s\n", command[0], strerror(errno));
		_exit(127);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Makes a share that exists while the command runs, or until this process is killed. */
static int create(const char *name, const char *size, char **command)
{
	uint64_t value;
	size_t bytes;
	int64_t error;

	if (!number(size, &value) || !value)
		return usage("share");
	bytes = value;
	if (!trapline_share(name, &bytes, &error))
		return refused(name, error);
	if (*command)
		return run(command);
	for (;;)
		pause();
}

/* Attaches to a share; limits `offset` and `bytes` to its size. */
static unsigned char *attach(const char *name, const char *from, const char *size, uint64_t *offset,
	uint64_t *bytes, size_t *all, int *status)
{
	unsigned char *memory;
	int64_t error;

	*offset = 0;
	*bytes = ~0ull;
	*all = 0;
	if ((from && !number(from, offset)) || (size && !number(size, bytes))) {
		*status = usage("share");
		return NULL;
	}
	memory = trapline_share(name, all, &error);
	if (!memory) {
		*status = refused(name, error);
		return NULL;
	}
	if (*offset > *all)
		*offset = *all;
	if (*bytes > *all - *offset)
		*bytes = *all - *offset;
	return memory;
}

static int read_share(char **argv, int argc)
{
	uint64_t offset, bytes;
	size_t all;
	int status;
	unsigned char *memory = attach(argv[2], argc > 3 ? argv[3] : NULL, argc > 4 ? argv[4] : NULL, &offset,
		&bytes, &all, &status);

	if (!memory)
		return status;
	status = fwrite(memory + offset, 1, bytes, stdout) == bytes && !fflush(stdout) ? STATUS_OK
										       : STATUS_FAILED;
	if (status != STATUS_OK)
		fprintf(stderr, "trapctl: standard output: %s\n", strerror(errno));
	trapline_share_leave(memory, all);
	return status;
}

static int write_share(char **argv, int argc)
{
	uint64_t offset, bytes;
	size_t all;
	int status;
	unsigned char *memory =
		attach(argv[2], argc > 3 ? argv[3] : NULL, NULL, &offset, &bytes, &all, &status);

	if (!memory)
		return status;
	fread(memory + offset, 1, bytes, stdin);
	trapline_share_leave(memory, all);
	if (!ferror(stdin) && getchar() == EOF && !ferror(stdin))
		return STATUS_OK;
	if (ferror(stdin))
		fprintf(stderr, "trapctl: standard input: %s\n", strerror(errno));
	else
		fprintf(stderr,
			"trapctl: %s has room for %" PRIu64
			" bytes from there on; the rest was not written\n",
			argv[2], bytes);
	return STATUS_FAILED;
}

int command_share(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "list"))
		return list();
	if (argc >= 4 && !strcmp(argv[1], "create"))
		return create(argv[2], argv[3], argv + 4);
	if (argc >= 3 && argc <= 5 && !strcmp(argv[1], "read"))
		return read_share(argv, argc);
	if (argc >= 3 && argc <= 4 && !strcmp(argv[1], "write"))
		return write_share(argv, argc);
	return usage(argv[0]);
}
