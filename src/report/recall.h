// SPDX-License-Identifier: MIT
/* The report about the last run, from its black box. */
#ifndef TRAPLINE_RECALL_H
#define TRAPLINE_RECALL_H

#include <boot/boot_info.h>

/* Writes a text about the last run's box, if the loader found one, and keeps it. */
void blackbox_recall(const struct boot_info *info);

/* The text that blackbox_recall() wrote; "" if there was no box. */
const char *blackbox_last(void);

#endif
