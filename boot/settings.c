// SPDX-License-Identifier: MIT
/* The sources of the configuration: trapline.conf beside the loader's own file, then the load options. */
#include <lib/string.h>
#include "loader.h"

#define CONF_NAME "trapline.conf"
#define CONF_MAX  65536
#define ERROR_MAX 16 /* lines about one source: a binary file must not print errors for minutes */

struct source {
	const char *name;
	unsigned errors;
};

static void report(void *ctx, unsigned line, const char *message)
{
	struct source *s = ctx;

	if (++s->errors > ERROR_MAX)
		return;
	if (s->errors == ERROR_MAX)
		say("%s: more errors; they are not shown", s->name);
	else if (line)
		say("%s:%u: %s", s->name, line, message);
	else
		say("%s: %s", s->name, message);
}

/* The path of trapline.conf in the loader's directory; in the root if the firmware does not give the loader's path. */
static void conf_path(const struct loader *l, CHAR16 path[LOADER_PATH_MAX])
{
	size_t n = file_own_path(l, path, LOADER_PATH_MAX - sizeof(CONF_NAME) - 1);

	while (n && path[n - 1] != '\\' && path[n - 1] != '/')
		n--;
	if (!n)
		path[n++] = '\\';
	for (const char *c = CONF_NAME; *c; c++)
		path[n++] = (CHAR16)*c;
	path[n] = 0;
}

static void load_file(struct loader *l)
{
	struct source source = {CONF_NAME, 0};
	CHAR16 path[LOADER_PATH_MAX];
	static char text[CONF_MAX];
	UINTN len;

	conf_path(l, path);
	EFI_STATUS status = file_read(l, path, text, sizeof(text), &len);
	if (status == EFI_NOT_FOUND)
		say("no " CONF_NAME " beside trapline.efi; defaults are used");
	else if (status == EFI_BUFFER_TOO_SMALL)
		say(CONF_NAME " is larger than %u bytes; the rest is ignored", CONF_MAX);
	else if (EFI_ERROR(status))
		say(CONF_NAME " cannot be read (%s); defaults are used", say_status(status));
	if (!EFI_ERROR(status) || status == EFI_BUFFER_TOO_SMALL)
		config_parse_file(&l->config, text, len, report, &source);
}

static bool is_text(unsigned c)
{
	return c == '\t' || (c >= ' ' && c <= '~');
}

/* Decodes text of `width` bytes a character. Returns false if a character is not text. */
static bool decode(const uint8_t *raw, size_t size, size_t width, char *text, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i + width <= size && n < max - 1; i += width) {
		unsigned c = raw[i] | (width == 2 ? raw[i + 1] << 8 : 0);
		if (!c)
			break;
		if (!is_text(c))
			return false;
		text[n++] = (char)c;
	}
	text[n] = 0;
	return true;
}

/*
 * The specification defines load options as binary (3.1.3). The shell and most tools store UCS-2,
 * efibootmgr without -u stores ASCII, and firmware marks its own boot entries with a GUID. Options that are not
 * text are ignored.
 */
static void load_options(struct loader *l)
{
	struct source source = {"load options", 0};
	const uint8_t *raw = l->loaded->LoadOptions;
	size_t size = l->loaded->LoadOptionsSize;
	static char text[4096];

	if (!raw || size < 2)
		return;
	if (decode(raw, size, 2, text, sizeof(text)))
		config_parse_options(&l->config, text, report, &source);
	else if (is_text(raw[0]) && !raw[1])
		report(&source, 0, "not ASCII; ignored");
	else if (decode(raw, size, 1, text, sizeof(text)))
		config_parse_options(&l->config, text, report, &source);
}

void settings_load(struct loader *l)
{
	EFI_STATUS status = file_volume(l);
	if (EFI_ERROR(status))
		say("not started from a volume with files (%s); defaults are used", say_status(status));
	else
		load_file(l);
	load_options(l);
}
