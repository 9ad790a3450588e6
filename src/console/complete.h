// SPDX-License-Identifier: MIT
/* Completes a word of a command's line. */
#ifndef TRAPLINE_COMPLETE_H
#define TRAPLINE_COMPLETE_H

#define COMPLETE_LIST_MAX 512
#define COMPLETE_WORD_MAX 64

struct completion {
	unsigned count; /* number of candidates */
	/* The common continuation of all candidates; a blank after a complete word. */
	char rest[COMPLETE_WORD_MAX];
	/* The candidates, each after a blank. */
	char list[COMPLETE_LIST_MAX];
};

/* Completes the word that ends after the first n characters of a line. */
void command_complete(struct completion *c, const char *text, unsigned n);

#endif
