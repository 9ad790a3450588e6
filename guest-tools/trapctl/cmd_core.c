// SPDX-License-Identifier: MIT
/* trapctl core: the core that Trapline keeps, as a file; --full: with the memory that /proc/kcore shows. */
#include "core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CORE_MAX (64u << 20) /* more than trapline.conf allows */

void core_free(struct core *c)
{
	free(c->at);
}

/* A piece after the other, into memory of the size that the first one says. Returns 1 if another core replaced it meanwhile. */
static int64_t fetch(struct core *c)
{
	uint64_t all = 0, made = 0;
	int64_t n;

	c->bytes = 0;
	do {
		char piece[4096];

		n = trapline_core(c->bytes, piece, sizeof(piece), &all, &made);
		if (c->at && (n == TRAPLINE_E_MISSING || n == TRAPLINE_E_RANGE))
			return 1; /* one is being made, or is smaller */
		if (n < 0)
			return n;
		if (!c->at && all <= CORE_MAX) {
			c->at = malloc(all + 1);
			c->all = all;
			c->made = made;
		}
		if (!c->at || all != c->all || made != c->made || (uint64_t)n > c->all - c->bytes)
			return 1;
		memcpy(c->at + c->bytes, piece, (size_t)n);
		c->bytes += (uint64_t)n;
	} while (n > 0);
	return 0;
}

static int failed(int64_t error)
{
	if (error != TRAPLINE_E_MISSING)
		return fail("core", error);
	fprintf(stderr, "trapctl: core: Trapline keeps none\n");
	return STATUS_NOTHING;
}

int core_fetch(struct core *c)
{
	int64_t error;

	*c = (struct core){0};
	error = fetch(c);
	if (!error)
		return STATUS_OK;
	core_free(c);
	*c = (struct core){0};
	if (error < 0)
		return failed(error);
	fprintf(stderr, "trapctl: core: another one was made meanwhile; try again\n");
	return STATUS_FAILED;
}

int core_file_failed(const char *file)
{
	fprintf(stderr, "trapctl: %s: %s\n", file, strerror(errno));
	return STATUS_FAILED;
}

/* An old file keeps its owner and its mode: both are made right before the first byte. A pipe or a terminal is left as it is. */
static bool make_private(int to)
{
	struct stat s;

	if (fstat(to, &s))
		return false;
	if (!S_ISREG(s.st_mode))
		return true;
	if (s.st_uid != geteuid()) {
		errno = EPERM;
		return false;
	}
	return !fchmod(to, 0600) && !ftruncate(to, 0);
}

int core_create(const char *file)
{
	int to = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), error;

	if (to < 0 || make_private(to))
		return to;
	error = errno;
	close(to);
	errno = error;
	return -1;
}

static const char *run_of(const struct core *c)
{
	if (c->made == TRAPLINE_CORE_EARLIER)
		return "earlier-run";
	return c->made ? "this-run" : "last-run";
}

static int write_kept(const struct core *c, const char *file)
{
	int to = core_create(file);
	ssize_t n = to < 0 ? -1 : write(to, c->at, c->bytes);

	if (n >= 0 && (uint64_t)n < c->bytes)
		errno = ENOSPC;
	if (to >= 0 && close(to))
		n = -1;
	if (n < 0 || (uint64_t)n < c->bytes)
		return core_file_failed(file);
	print_fields("core file=\"%s\" bytes=%llu of=%s", file, (unsigned long long)c->bytes, run_of(c));
	return STATUS_OK;
}

static int kept(const char *file, bool last)
{
	struct core c;
	int status = core_fetch(&c);

	if (status != STATUS_OK)
		return status;
	if (last && c.made && c.made != TRAPLINE_CORE_EARLIER) {
		fprintf(stderr,
			"trapctl: core: no run before left one, or one of this run has replaced it\n");
		status = STATUS_NOTHING;
	} else {
		status = write_kept(&c, file);
	}
	core_free(&c);
	return status;
}

int command_core(int argc, char **argv)
{
	bool last = argc == 3 && !strcmp(argv[1], "--last"), full = argc == 3 && !strcmp(argv[1], "--full");
	const char *file = argv[argc - 1];
	int status;

	if (argc < 2 || argc > 3 || (argc == 3 && !last && !full) || file[0] == '-')
		return usage(argv[0]);
	status = last ? STATUS_OK : console_command("core", true);
	if (status != STATUS_OK)
		return status;
	return full ? core_full(file) : kept(file, last);
}
