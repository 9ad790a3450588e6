// SPDX-License-Identifier: MIT
/*
 * Finds modules whose address is not in the log, from the code bytes of records. The bytes must match one module's file, at one place
 * with this page offset and at no other. Bytes that the kernel changes by the file's relocations are not compared.
 */
#ifndef DECODE_MODULE_CODE_H
#define DECODE_MODULE_CODE_H

#include "notes.h"
#include "options.h"

/* Adds the modules that it finds to n->module. */
void module_code_find(struct notes *n, struct model *m, const struct options *o);

/*
 * Whether a record in the module has other code than its file. Bytes that the kernel relocates or patches are not compared. A compressed
 * file cannot be compared, and counts as equal.
 */
bool module_code_differs(
	const struct notes *n, const struct model *m, const struct module_note *note, const char *path);

#endif
