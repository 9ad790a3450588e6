/* The names of addresses: which place of an entry is in which function, file and line. */
#ifndef DECODE_PLACE_H
#define DECODE_PLACE_H

#include "model.h"
#include "options.h"

/* Fills in entry->place. STATUS_DONE, or STATUS_NO_SYMBOLS after a message. */
int place_entries(struct model *m, const struct options *o);

#endif
