/* What the last run's black box tells. */
#ifndef TRAPLINE_RECALL_H
#define TRAPLINE_RECALL_H

#include <boot/boot_info.h>

/* Makes a text of the last run's box, where the loader found one, and keeps it. */
void blackbox_recall(const struct boot_info *info);

/* The text that blackbox_recall() made; "" when there was no box. */
const char *blackbox_last(void);

#endif
