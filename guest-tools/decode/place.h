// SPDX-License-Identifier: MIT
/* Names of addresses: the function, file and line of each place of an entry. */
#ifndef DECODE_PLACE_H
#define DECODE_PLACE_H

#include "model.h"
#include "options.h"

/* Fills entry->place. Returns STATUS_DONE, or STATUS_NO_SYMBOLS after a message. */
int place_entries(struct model *m, const struct options *o);

#endif
