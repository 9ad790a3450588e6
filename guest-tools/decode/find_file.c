// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "find_file.h"
#include "lib/array.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Endings of a module's file, the best one first. */
static const char *const endings[] = {".ko.debug", ".ko", ".ko.xz", ".ko.gz", ".ko.zst"};

/*
 * The kernel's a_b may be in a file a-b. Returns the index of the file's ending, or the number of endings if the file is another module's.
 */
static size_t rank_of(const char *file, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (file[i] != name[i] && !(file[i] == '-' && name[i] == '_'))
			return ARRAY_SIZE(endings);
	for (size_t i = 0; i < ARRAY_SIZE(endings); i++)
		if (!strcmp(file + n, endings[i]))
			return i;
	return ARRAY_SIZE(endings);
}

/* The name comes from the log: it must be a plain name, without a folder. */
static bool is_name(const char *name)
{
	return *name && !strchr(name, '/') && *name != '.';
}

static FTS *open_tree(const struct options *o)
{
	char *roots[LIST_MAX + 1] = {0};

	for (size_t i = 0; i < o->modules; i++)
		roots[i] = (char *)o->module[i];
	return o->modules ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_COMFOLLOW, NULL) : NULL;
}

static bool is_of_release(const char *path, const char *release)
{
	size_t n = release ? strlen(release) : 0;

	for (const char *at = path; n && (at = strstr(at, release)); at++)
		if ((at == path || at[-1] == '/') && at[n] == '/')
			return true;
	return false;
}

char *find_module(const struct options *o, const char *name, const char *release)
{
	size_t best = 2 * ARRAY_SIZE(endings);
	FTS *tree = is_name(name) ? open_tree(o) : NULL;
	char *found = NULL;

	for (FTSENT *file; tree && (file = fts_read(tree));) {
		size_t rank = file->fts_info == FTS_F ? rank_of(file->fts_name, name) : ARRAY_SIZE(endings);
		bool is_it = rank < ARRAY_SIZE(endings);

		if (is_it && !is_of_release(file->fts_path, release))
			rank += ARRAY_SIZE(endings);
		if (!is_it || rank >= best)
			continue;
		best = rank;
		free(found);
		found = strdup(file->fts_path);
	}
	if (tree)
		fts_close(tree);
	return found;
}

void find_modules(const struct options *o, void (*each)(void *context, const char *path, const char *name),
	void *context)
{
	FTS *tree = open_tree(o);
	char name[64];

	for (FTSENT *file; tree && (file = fts_read(tree));) {
		size_t n = file->fts_namelen, end = strlen(".ko");

		if (file->fts_info != FTS_F || n <= end || n - end >= sizeof(name) ||
			strcmp(file->fts_name + n - end, ".ko"))
			continue;
		memcpy(name, file->fts_name, n - end);
		name[n - end] = '\0';
		for (char *c = name; *c; c++)
			if (*c == '-')
				*c = '_';
		each(context, file->fts_path, name);
	}
	if (tree)
		fts_close(tree);
}

static char *kernel_in(const char *folder, const char *release)
{
	static const char *const forms[] = {"%s/boot/vmlinux-%s", "%s/lib/modules/%s/vmlinux",
		"%s/vmlinux-%s", "%s/usr/lib/debug/boot/vmlinux-%s"};
	char *path;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		if (asprintf(&path, forms[i], folder, release) < 0)
			return NULL;
#pragma GCC diagnostic pop
		if (!access(path, R_OK))
			return path;
		free(path);
	}
	return NULL;
}

/* The folders of --debug-dir come first, then the system's. */
static const char *debug_folder(const struct options *o, size_t i)
{
	return i < o->debug_dirs ? o->debug_dir[i] : "/usr/lib/debug";
}

char *find_kernel(const struct options *o, const char *release)
{
	char *path = NULL;

	for (size_t i = 0; !path && i <= o->debug_dirs && is_name(release); i++)
		path = kernel_in(debug_folder(o, i), release);
	return path;
}

static bool is_there(const char *folder)
{
	bool there = !access(folder, R_OK);

	if (!there)
		complain("%s: %s", folder, strerror(errno));
	return there;
}

bool find_folders(const struct options *o)
{
	bool all = true;

	for (size_t i = 0; i < o->modules; i++)
		all &= is_there(o->module[i]);
	for (size_t i = 0; i < o->debug_dirs; i++)
		all &= is_there(o->debug_dir[i]);
	return all;
}

/* The "-" in front tells libdwfl not to compare checksums. It still compares the build id. */
char *debug_path(const struct options *o)
{
	char *path = strdup("-:.debug"), *longer;

	for (size_t i = 0; path && i <= o->debug_dirs; i++) {
		if (asprintf(&longer, "%s:%s", path, debug_folder(o, i)) < 0)
			longer = NULL;
		free(path);
		path = longer;
	}
	return path;
}
