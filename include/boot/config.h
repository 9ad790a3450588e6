// SPDX-License-Identifier: MIT
/* The parsed trapline.conf and load options. Pure C: the same source runs in the loader and in the unit tests. */
#ifndef TRAPLINE_CONFIG_H
#define TRAPLINE_CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <boot/config.def>

#define CONFIG_PATH_MAX 256
#define CONFIG_TEXT_MAX 1024

#define CONFIG_TYPE_PATH(m)        char m[CONFIG_PATH_MAX];
#define CONFIG_TYPE_TEXT(m)        char m[CONFIG_TEXT_MAX];
#define CONFIG_TYPE_LIST(m)        char m[CONFIG_TEXT_MAX];
#define CONFIG_TYPE_LINES(m)       char m[CONFIG_TEXT_MAX];
#define CONFIG_TYPE_BOOL(m)        uint32_t m;
#define CONFIG_TYPE_NUMBER(m)      uint32_t m;
#define CONFIG_TYPE_PLACE(m)       uint32_t m;
#define CONFIG_TYPE_AUTO(m)        uint32_t m;
#define CONFIG_TYPE_VECTORS(m)     uint32_t m;
#define CONFIG_TYPE_PRINTED(m)     struct config_printed m;
#define CONFIG_TYPE_MITIGATIONS(m) uint32_t m;
#define CONFIG_TYPE_CHOICE(m)      uint32_t m;

struct config_printed {
	uint32_t vectors;
	uint32_t important; /* 1: of these only the important ones */
};

/* Strings are NUL-terminated ASCII; VECTORS is a bit mask by vector; AUTO is 0 for auto; MITIGATIONS one of src/hw/mitigations.h; CHOICE holds the enumerator's value. */
struct trapline_config {
#define X(key, kind, member, dflt, help) CONFIG_TYPE_##kind(member)
	CONFIG_KEYS(X)
#undef X
};

#define X(key, word, value, enumerator) enumerator = (value),
enum config_choice {
	CONFIG_CHOICES(X)
};
#undef X

/*
 * Called once for each error.
 *   line     from 1; 0 for load options
 *   message  one line of ASCII, without a newline, that says what is wrong and what is used instead
 */
typedef void (*config_report)(void *ctx, unsigned line, const char *message);

/* Sets every member to its default. */
void config_defaults(struct trapline_config *c);

/*
 * Parses `key = value` lines. '#' starts a comment line; blank lines, CR LF and a UTF-8 byte order mark are accepted; values may
 * be quoted with "". A wrong line is reported, and its key keeps its value. Never fails.
 *   text, len  any bytes; need not be NUL-terminated
 */
void config_parse_file(
	struct trapline_config *c, const char *text, size_t len, config_report report, void *ctx);

/*
 * Parses load options: key=value words separated by spaces; values with spaces are in "". A first word without '=' is skipped:
 * the UEFI shell puts the program's name there.
 */
void config_parse_options(struct trapline_config *c, const char *text, config_report report, void *ctx);

#endif
