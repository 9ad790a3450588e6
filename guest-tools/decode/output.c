// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(const char *name)
{
	complain("%s: %s", name, strerror(errno));
	return STATUS_FAILED;
}

static int write_to(const struct model *m, FILE *out, const struct output *to, const struct write_options *w)
{
	struct write_options shown = *w;
	int status;

	shown.terminal = isatty(fileno(out));
	status = to->write(m, out, &shown);
	if (fflush(out) || ferror(out))
		return failed(out == stdout ? "standard output" : to->file);
	return status;
}

static int write_and_close(const struct model *m, const char *name, mode_t mode, const struct output *to,
	const struct write_options *w)
{
	FILE *out = fopen(name, "w");
	int status;

	if (!out)
		return failed(name);
	if (mode)
		fchmod(fileno(out), mode);
	status = write_to(m, out, to, w);
	return fclose(out) && !status ? failed(name) : status;
}

/* The earlier file stays until the new one is complete, because there may be nothing to write, or the disk may be full. */
static int replace(const struct model *m, const char *path, mode_t mode, const struct output *to,
	const struct write_options *w)
{
	char *fresh;
	int status;

	if (asprintf(&fresh, "%s.new", path) < 0)
		return failed(path);
	status = write_and_close(m, fresh, mode, to, w);
	if (!status && rename(fresh, path))
		status = failed(path);
	if (status)
		unlink(fresh);
	free(fresh);
	return status;
}

/* A device or a pipe is written directly. For a link, the file that it points to is replaced. */
static int write_file(const struct model *m, const struct output *to, const struct write_options *w)
{
	struct stat there;
	bool exists = !stat(to->file, &there);
	char *path = exists ? realpath(to->file, NULL) : NULL;
	int status;

	if (exists && !S_ISREG(there.st_mode))
		status = write_and_close(m, to->file, 0, to, w);
	else
		status = replace(m, path ? path : to->file, exists ? there.st_mode & 0777 : 0, to, w);
	free(path);
	return status;
}

int write_output(const struct model *m, const struct options *o, const struct output *to)
{
	struct write_options w = {.color = o->color && !to->file,
		.title = o->inputs ? o->input[0] : "standard input",
		.file = to->file};

	if (to->file && !writes_folder(to->write))
		return write_file(m, to, &w);
	return write_to(m, stdout, to, &w);
}
