// SPDX-License-Identifier: MIT
/* What prints the lists of the manual pages. */
#ifndef DOCS_MANUAL_H
#define DOCS_MANUAL_H

void manual_put(const char *text);
void manual_entry(const char *name, const char *takes);
void manual_sentence(const char *text);
void manual_trapctl(void);

#endif
