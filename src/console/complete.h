/* What a word of a command's line can be completed to. */
#ifndef TRAPLINE_COMPLETE_H
#define TRAPLINE_COMPLETE_H

#define COMPLETE_LIST_MAX 512
#define COMPLETE_WORD_MAX 64

struct completion {
	unsigned count; /* words that fit */
	/* What all of them go on with; a blank behind a complete word. */
	char rest[COMPLETE_WORD_MAX];
	/* The words, each behind a blank. */
	char list[COMPLETE_LIST_MAX];
};

/* Completes the word that ends behind the first `n` characters of a line. */
void command_complete(struct completion *c, const char *text, unsigned n);

#endif
