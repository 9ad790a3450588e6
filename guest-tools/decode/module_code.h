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

#endif
