// SPDX-License-Identifier: MIT
/* Prints the lists of the manual pages (man(7)) from the lists in the sources. `make docs` writes them into the pages. */
#include <stdio.h>
#include <string.h>
#include <trapline/services.h>
#include <boot/config.h>
#include "services.def"
#include "console/command.h"
#include "manual.h"

static void print_words(const char *of)
{
	const char *between = "One of ";

#define X(key, word, value, enumerator)                                                                      \
	if (!strcmp(of, #key)) {                                                                             \
		printf("%s", between);                                                                       \
		manual_put("`" #word "`");                                                                   \
		between = ", ";                                                                              \
	}
	CONFIG_CHOICES(X)
#undef X
	if (*between == ',')
		puts(".");
}

static void print_bounds(const char *of)
{
#define X(key, min, max)                                                                                     \
	if (!strcmp(of, #key))                                                                               \
		printf("From %u to %u.\n", (unsigned)(min), (unsigned)(max));
	CONFIG_LIMITS(X)
#undef X
#define X(key, condition, words)                                                                             \
	if (!strcmp(of, #key))                                                                               \
		manual_sentence("The value " words);
	CONFIG_RULES(X)
#undef X
}

static void print_config(void)
{
#define X(key, kind, member, dflt, help)                                                                     \
	manual_entry(#key, dflt[0] ? "= " #kind ", by default `" dflt "`" : "= " #kind);                     \
	manual_sentence(help);                                                                               \
	print_words(#key);                                                                                   \
	print_bounds(#key);
	CONFIG_KEYS(X)
#undef X
}

static void print_console(void)
{
#define X(name, arguments, where, help)                                                                      \
	manual_entry(#name, arguments);                                                                      \
	manual_sentence(help);
	COMMANDS(X)
#undef X
}

static void print_services(void)
{
#define X(name, help, results)                                                                               \
	manual_entry(#name, "");                                                                             \
	manual_sentence(help);
	SERVICE_TEXTS(X)
#undef X
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} lists[] = {{"config", print_config}, {"console", print_console}, {"services", print_services},
		{"trapctl", manual_trapctl}};

	for (size_t i = 0; argc == 2 && i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (!strcmp(argv[1], lists[i].name)) {
			lists[i].print();
			return 0;
		}
	}
	fputs("usage: manual NAME; the names are", stderr);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		fprintf(stderr, " %s", lists[i].name);
	fputc('\n', stderr);
	return 2;
}
