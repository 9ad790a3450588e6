// SPDX-License-Identifier: MIT
/* Files of the guest's among folders of this machine. */
#ifndef DECODE_FIND_FILE_H
#define DECODE_FIND_FILE_H

#include "options.h"

/*
 * The kernel module of this name below the --module folders, first one in a folder called like the kernel's release (NULL: not known),
 * then the one with debug information. NULL; the caller frees it.
 */
char *find_module(const struct options *o, const char *name, const char *release);

/* Calls `each` for every file of a module there, with the name that the kernel gives it; not for compressed ones. */
void find_modules(const struct options *o, void (*each)(void *context, const char *path, const char *name),
	void *context);

/* Says which folders of --module and --debug-dir cannot be read. Whether all can. */
bool find_folders(const struct options *o);

/* The kernel of this release, in the folders of --debug-dir, then in /usr/lib/debug. NULL; the caller frees it. */
char *find_kernel(const struct options *o, const char *release);

/* What libdwfl looks through for separate debug information; the caller frees it. */
char *debug_path(const struct options *o);

#endif
