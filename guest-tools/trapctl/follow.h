// SPDX-License-Identifier: MIT
/* Hits of watches, printed as they come. */
#ifndef TRAPCTL_FOLLOW_H
#define TRAPCTL_FOLLOW_H

#include "trapctl.h"

#define WATCHES_FOLLOWED 4

struct follow {
	bool wanted;                      /* one of its words was there */
	uint64_t hits;                    /* it ends with so many; 0: no limit */
	char **command;                   /* it ends with this command; NULL: there is none */
	unsigned watch[WATCHES_FOLLOWED]; /* whose hits are printed; 0: none */
	bool (*look)(struct follow *f);   /* called ten times a second; false: it ends. May be NULL */
	void *own;                        /* look()'s */
};

/* Takes --follow, --hits=N, or -- COMMAND...: *i is the word's number, and then that of the last one taken. False: another word. */
bool follow_take(struct follow *f, char **argv, int *i);

/*
 * Starts the command, and prints the hits until the command, a signal, the number of hits or look() ends it. Then the watches are deleted. Returns
 * the command's status, or one of trapctl's.
 */
int follow_watches(struct follow *f);

/* Adds a watch. Returns its number, or 0 with *status, after it has said why. */
unsigned watch_add(const char *words, int *status);

/* cmd_cred.c: `trapctl watch cred`; argv[0] is the first word behind it. */
int watch_cred(char **argv);

#endif
