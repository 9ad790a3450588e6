// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "options.h"
#include "read.h"
#include "lib/array.h"
#include "version.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name, *suffix, *help;
	writer *write;
} writers[] = {
#define WRITER(name, suffix, help) {#name, suffix, help, write_##name},
#include "writers.def"
#undef WRITER
};

void complain(const char *format, ...)
{
	va_list list;

	fputs("trapline-decode: ", stderr);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
}

/* --debug_dir is spelt --debug-dir. */
static const char *spelt(const char *name)
{
	static char copy[32];

	snprintf(copy, sizeof(copy), "%s", name);
	for (char *c = copy; *c; c++)
		if (*c == '_')
			*c = '-';
	return copy;
}

static void print_option(char letter, const char *name, const char *argument, const char *help)
{
	printf("  -%c, --%s%s%s\n      %s\n", letter, spelt(name), *argument ? "=" : "", argument, help);
}

static int help(void)
{
	puts("usage: trapline-decode [OPTION...] [FILE...]\n\n"
	     "Reads Trapline's output (a serial log, blackbox_file, report_file, the output of trapctl, "
	     "records) and\n"
	     "names its addresses: function, file and line. Without FILE, or with -, it reads standard "
	     "input.\n");
#define OPTION(letter, name, argument, text) print_option(letter, #name, argument, text);
#include "options.def"
#undef OPTION
	puts("\nFORMAT is one of");
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		printf("  %-8s %s\n", writers[i].name, writers[i].help);
	puts("If FILE ends in a format's suffix, --format=FILE is enough.\n\nExit status");
#define X(name, number, meaning) printf("  %d  %s\n", number, meaning);
	EXIT_CODES(X)
#undef X
	return STATUS_DONE;
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n > m && !strcmp(text + n - m, end);
}

/*
 * The name before the colon decides, otherwise the suffix of a file without a name. "jsn:log.txt" is a wrong name, "./a:log.txt" is a file.
 */
static bool find_writer(struct output *out, const char *value)
{
	size_t n = strcspn(value, ":");

	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (strlen(writers[i].name) == n && !strncmp(writers[i].name, value, n)) {
			*out = (struct output){
				.write = writers[i].write, .file = value[n] ? value + n + 1 : NULL};
			return true;
		}
	if (value[n] && !memchr(value, '/', n))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(writers); i++)
		if (ends_with(value, writers[i].suffix)) {
			*out = (struct output){.write = writers[i].write, .file = value};
			return true;
		}
	return false;
}

static bool take_format(struct options *o, const char *value)
{
	struct output *out = &o->output[o->outputs];

	if (find_writer(out, value) && !(out->file && !*out->file)) {
		o->outputs++;
		return true;
	}
	complain("--format=%s: unknown format; --help lists the formats", value);
	return false;
}

static bool take_base(struct options *o, const char *value)
{
	const char *equals = strchr(value, '=');
	struct base *b = &o->base[o->bases];
	size_t n = equals ? text_number(equals + 1, &b->address) : 0;

	if (!n || equals[1 + n]) {
		complain("--base=%s: expected MODULE=0x...", value);
		return false;
	}
	b->module = strndup(value, (size_t)(equals - value));
	o->bases++;
	return b->module != NULL;
}

static bool take_slide(struct options *o, const char *value)
{
	size_t n = text_number(value, &o->slide);

	o->has_slide = n && !value[n];
	if (!o->has_slide)
		complain("--slide=%s: expected a number, 0x...", value);
	return o->has_slide;
}

static bool take_color(struct options *o, const char *value)
{
	if (!strcmp(value, "auto"))
		return true;
	o->color = !strcmp(value, "always");
	if (!o->color && strcmp(value, "never")) {
		complain("--color=%s: expected always, never or auto", value);
		return false;
	}
	return true;
}

static bool has_room(const struct options *o, int letter)
{
	size_t taken = letter == 'm'   ? o->modules
		       : letter == 'd' ? o->debug_dirs
		       : letter == 'b' ? o->bases
		       : letter == 'o' ? o->outputs
				       : 0;

	if (taken == LIST_MAX)
		complain("more than %d of -%c", LIST_MAX, letter);
	return taken < LIST_MAX;
}

static bool take_option(struct options *o, int letter, const char *value)
{
	if (!has_room(o, letter))
		return false;
	switch (letter) {
	case 'o':
		return take_format(o, value);
	case 'k':
		o->vmlinux = value;
		return true;
	case 'm':
		o->module[o->modules++] = value;
		return true;
	case 'd':
		o->debug_dir[o->debug_dirs++] = value;
		return true;
	case 'M':
		o->map = value;
		return true;
	case 's':
		return take_slide(o, value);
	case 'b':
		return take_base(o, value);
	case 'c':
		return take_color(o, value);
	default:
		return false;
	}
}

static bool terminal_wants_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

int options_take(struct options *o, int argc, char **argv)
{
	static struct option list[] = {
#define OPTION(letter, name, argument, text) {#name, sizeof(argument) > 1, NULL, letter},
#include "options.def"
#undef OPTION
		{0}};
	static const char letters[] = "o:k:m:d:M:s:b:c:Vh";
	int letter;

	for (struct option *l = list; l->name; l++)
		if (strchr(l->name, '_'))
			l->name = strdup(spelt(l->name));
	*o = (struct options){.color = terminal_wants_color()};
	while ((letter = getopt_long(argc, argv, letters, list, NULL)) != -1) {
		if (letter == 'h')
			return help();
		if (letter == 'V')
			return puts("trapline-decode " TRAPLINE_VERSION), STATUS_DONE;
		if (!take_option(o, letter, optarg))
			return STATUS_USAGE;
	}
	if (!o->outputs)
		o->output[o->outputs++] = (struct output){.write = writers[0].write};
	o->input = argv + optind;
	o->inputs = (size_t)(argc - optind);
	return -1;
}
