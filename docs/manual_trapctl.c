// SPDX-License-Identifier: MIT
/* How an entry of a manual page looks, and trapctl's list, which has the name of the console's and so a file of its own. */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include "../guest-tools/trapctl/trapctl.h"
#include "manual.h"

/* A text in roff: "-" and "\" are themselves, `words` are bold, and no line begins with a request's "." or "'". */
void manual_put(const char *text)
{
	bool bold = false;

	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '`')
			fputs((bold = !bold) ? "\\fB" : "\\fR", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
}

/* The beginning of an entry: its name, and behind it what it takes. */
void manual_entry(const char *name, const char *takes)
{
	fputs(".TP\n\\fB", stdout);
	manual_put(name);
	fputs("\\fR", stdout);
	if (*takes)
		putchar(' ');
	manual_put(takes);
	putchar('\n');
}

void manual_sentence(const char *text)
{
	if (islower((unsigned char)*text))
		putchar(toupper((unsigned char)*text++));
	manual_put(text);
	puts(".");
}

void manual_trapctl(void)
{
#define X(name, arguments, words, help)                                                                      \
	manual_entry(#name, arguments);                                                                      \
	manual_sentence(help);
	COMMANDS(X)
#undef X
}
