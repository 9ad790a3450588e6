// SPDX-License-Identifier: MIT
/*
 * libFuzzer: trapline.conf and the load options, any bytes. Every member ends up within
 * its limits, strings are terminated and printable, and each error is one line of printable
 * text.
 */
#include "input.h"
#include <boot/config.h>
#include "hw/mitigations.h"
#include "lib/array.h"

#define LINE_MAX 256

#define X(key, word, value, enumerator) {#key, value},
static const struct choice {
	const char *key;
	uint32_t value;
} choices[] = {CONFIG_CHOICES(X)};
#undef X

static unsigned last_line, lines;

static void reported(void *ctx, unsigned line, const char *message)
{
	assert(ctx == &last_line && strlen(message) < LINE_MAX && *message && is_printable(message));
	assert(line >= last_line && line <= lines);
	last_line = line;
}

static void check_text(const char *text, size_t size)
{
	assert(memchr(text, 0, size));
	for (; *text; text++)
		assert(*text == '\t' || (*text >= ' ' && *text <= '~'));
}

static bool is_choice(const char *key, uint32_t value)
{
	for (size_t i = 0; i < ARRAY_SIZE(choices); i++)
		if (!strcmp(choices[i].key, key) && choices[i].value == value)
			return true;
	return false;
}

#define CHECK_PATH(key, m)  check_text(c->m, sizeof(c->m));
#define CHECK_TEXT(key, m)  check_text(c->m, sizeof(c->m));
#define CHECK_LINES(key, m) check_text(c->m, sizeof(c->m));
#define CHECK_LIST(key, m)  check_text(c->m, sizeof(c->m));
#define CHECK_BOOL(key, m)  assert(c->m <= 1);
#define CHECK_NUMBER(key, m)
#define CHECK_PLACE(key, m)
#define CHECK_AUTO(key, m)
#define CHECK_VECTORS(key, m)
#define CHECK_PRINTED(key, m)     assert(c->m.important <= 1);
#define CHECK_MITIGATIONS(key, m) assert(mitigations_valid(c->m));
#define CHECK_CHOICE(key, m)      assert(is_choice(key, c->m));

static int mitigations_valid(uint32_t m)
{
#define X(bit, enumerator, word, meaning) +enumerator
	return m == MITIGATIONS_AUTO || !(m & ~(0u MITIGATIONS(X)));
#undef X
}

#define X(key, kind, member, dflt, help) {#key, #kind},
static const char *const kinds[][2] = {CONFIG_KEYS(X)};
#undef X

/* The word, which no limit holds for. */
static bool is_auto(const char *key, uint32_t value)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i][0], key))
			return !value && !strcmp(kinds[i][1], "AUTO");
	return false;
}

static void check_config(const struct trapline_config *c)
{
#define X(key, kind, member, dflt, help) CHECK_##kind(#key, member)
	CONFIG_KEYS(X)
#undef X
#define X(key, min, max) assert((c->key >= (min) && c->key <= (max)) || is_auto(#key, c->key));
	CONFIG_LIMITS(X)
#undef X
#define X(key, holds, text)                                                                                  \
	{                                                                                                    \
		uint32_t value = c->key;                                                                     \
		assert(holds);                                                                               \
	}
	CONFIG_RULES(X)
#undef X
}

static void check_file(void)
{
	struct trapline_config c;
	size_t n = input_left;
	char *text = malloc(n + !n); /* of exactly this size: no NUL follows */

	assert(text);
	take(text, n);
	lines = 1;
	last_line = 1;
	for (size_t i = 0; i < n; i++)
		lines += text[i] == '\n';
	config_defaults(&c);
	check_config(&c);
	config_parse_file(&c, text, n, reported, &last_line);
	check_config(&c);
	config_parse_file(&c, text, n, NULL, NULL);
	check_config(&c);
	free(text);
}

static void check_options(void)
{
	struct trapline_config c;
	char *text = take_string();

	lines = last_line = 0;
	config_defaults(&c);
	config_parse_options(&c, text, reported, &last_line);
	check_config(&c);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_begin(data, size);
	check_file();
	input_begin(data, size);
	check_options();
	return 0;
}
