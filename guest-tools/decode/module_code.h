/*
 * Modules whose place the log does not tell, by the code of a record: it has to be in one module's file, at one place of its page
 * and at no other. What the loader puts into code, by the file's relocations, is not compared.
 */
#ifndef DECODE_MODULE_CODE_H
#define DECODE_MODULE_CODE_H

#include "notes.h"
#include "options.h"

/* Adds to n->module. */
void module_code_find(struct notes *n, struct model *m, const struct options *o);

#endif
