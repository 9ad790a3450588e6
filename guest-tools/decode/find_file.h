// SPDX-License-Identifier: MIT
/* Finds the guest's files in folders of this machine. */
#ifndef DECODE_FIND_FILE_H
#define DECODE_FIND_FILE_H

#include "options.h"

/*
 * Finds the kernel module of this name below the --module folders. A file in a folder with the name of the kernel's release (NULL: not
 * known) comes first, then one with debug information. Returns NULL if there is none. The caller frees it.
 */
char *find_module(const struct options *o, const char *name, const char *release);

/* Calls `each` for every module's file there, with the kernel's name for the module. Compressed files are left out. */
void find_modules(const struct options *o, void (*each)(void *context, const char *path, const char *name),
	void *context);

/* Reports the folders of --module and --debug-dir that cannot be read. Returns whether all can be read. */
bool find_folders(const struct options *o);

/*
 * Finds the kernel of this release, in the folders of --debug-dir, then in /usr/lib/debug. Returns NULL if there is none. The caller frees
 * it.
 */
char *find_kernel(const struct options *o, const char *release);

/* Returns the folders in which libdwfl searches for separate debug information. The caller frees it. */
char *debug_path(const struct options *o);

#endif
