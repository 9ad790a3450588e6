// SPDX-License-Identifier: MIT
/* A run of trapctl bench as lines: written, read again, and compared. */
#include "bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 4096 /* all texts of a line fit */
#define LINES_MAX      1000
#define COST_MIN       0.1 /* ticks; what is beyond these two is no measurement */
#define COST_MAX       1e12
#define ROUNDED        0.1

_Static_assert(BENCH_TEXTS_COUNT *(BENCH_TEXT_MAX + 16) < LINE_MAX_BYTES, "a line has room for all texts");

#define X(name, times) #name,
static const char *const kinds[] = {BENCH_COSTS(X)};
#undef X

#define X(line, key) {#line, #key},
static const struct {
	const char *line, *key;
} texts[] = {BENCH_TEXTS(X)};
#undef X

static const char *const units[] = {[BENCH_TSC] = "tsc", [BENCH_CYCLES] = "cycles"};

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct bench_spread bench_spread_of(double *value, size_t n)
{
	qsort(value, n, sizeof(*value), compare_values);
	return (struct bench_spread){
		.median = (value[(n - 1) / 2] + value[n / 2]) / 2,
		.low = value[n / 4],
		.high = value[n - 1 - n / 4],
		.min = value[0],
	};
}

bool bench_is_valid(const struct bench_spread *s)
{
	return s->min >= COST_MIN && s->min <= s->low && s->low <= s->median && s->median <= s->high &&
	       s->high <= COST_MAX;
}

void bench_set(struct bench *b, enum bench_text which, const char *text)
{
	char *out = b->text[which];
	size_t n = strnlen(text, BENCH_TEXT_MAX - 1);

	for (size_t i = 0; i < n; i++)
		out[i] =
			text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\' ? text[i] : '?';
	out[n] = '\0';
}

__attribute__((format(printf, 3, 4))) static void put(bench_taker *take, void *to, const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list list;

	va_start(list, format);
	vsnprintf(line, sizeof(line), format, list);
	va_end(list);
	take(to, line);
}

/* One line with all known texts that belong to it; none if nothing is known. */
static void write_texts(const struct bench *b, const char *name, bench_taker *take, void *to)
{
	char line[LINE_MAX_BYTES];
	size_t start = (size_t)snprintf(line, sizeof(line), "%s", name), n = start;

	for (unsigned i = 0; i < BENCH_TEXTS_COUNT; i++)
		if (!strcmp(texts[i].line, name) && *b->text[i])
			n += (size_t)snprintf(
				line + n, sizeof(line) - n, " %s=\"%s\"", texts[i].key, b->text[i]);
	if (n > start)
		take(to, line);
}

static void write_cost(const struct bench *b, unsigned kind, bench_taker *take, void *to)
{
	if (b->none[kind])
		put(take, to, "cost name=%s none=\"%s\"", kinds[kind], b->none[kind]);
	for (unsigned unit = 0; unit < BENCH_UNITS; unit++) {
		const struct bench_spread *s = &b->spread[unit][kind];

		if (bench_is_valid(s))
			put(take, to, "cost name=%s unit=%s median=%.1f low=%.1f high=%.1f min=%.1f",
				kinds[kind], units[unit], s->median, s->low, s->high, s->min);
	}
}

void bench_write(const struct bench *b, bench_taker *take, void *to)
{
	put(take, to, "bench format=%d cpu=%u rounds=%u", BENCH_FORMAT, b->cpu, b->rounds);
	write_texts(b, "machine", take, to);
	write_texts(b, "trapline", take, to);
	for (unsigned kind = 0; kind < BENCH_COUNT; kind++)
		write_cost(b, kind, take, to);
}

/* The end of the word at `at`; blanks in quotes belong to it. */
static const char *word_end(const char *at)
{
	for (bool quoted = false; *at && (quoted || *at != ' '); at++)
		quoted ^= *at == '"';
	return at;
}

/* Copies the value of a key, without its quotes. Returns false if the line has none. */
static bool value_of(const char *line, const char *key, char value[BENCH_TEXT_MAX])
{
	size_t n = strlen(key);

	for (const char *at = line, *end; *(at += strspn(at, " ")); at = end) {
		end = word_end(at);
		if (strncmp(at, key, n) || at[n] != '=')
			continue;
		at += n + 1;
		at += *at == '"';
		snprintf(value, BENCH_TEXT_MAX, "%.*s", (int)strcspn(at, end[-1] == '"' ? "\"" : " "), at);
		return true;
	}
	return false;
}

/* A positive number in digits and a point. Returns 0 if the line has none. */
static double number_of(const char *line, const char *key)
{
	char text[BENCH_TEXT_MAX];
	double number;
	char *end;

	if (!value_of(line, key, text) || strspn(text, "0123456789.") != strlen(text))
		return 0;
	number = strtod(text, &end);
	return *end || number > COST_MAX ? 0 : number;
}

static int index_of(const char *line, const char *key, const char *const *names, unsigned count)
{
	char text[BENCH_TEXT_MAX];

	if (!value_of(line, key, text))
		return -1;
	for (unsigned i = 0; i < count; i++)
		if (!strcmp(names[i], text))
			return (int)i;
	return -1;
}

/* Kinds and units of another version are passed over. */
static const char *read_cost(const char *line, struct bench *b)
{
	int kind = index_of(line, "name", kinds, BENCH_COUNT);
	int unit = index_of(line, "unit", units, BENCH_UNITS);
	struct bench_spread s = {number_of(line, "median"), number_of(line, "low"), number_of(line, "high"),
		number_of(line, "min")};

	if (kind < 0 || unit < 0)
		return NULL;
	if (!bench_is_valid(&s))
		return "a cost has no valid numbers";
	b->spread[unit][kind] = s;
	return NULL;
}

static void read_texts(const char *line, size_t name, struct bench *b)
{
	char text[BENCH_TEXT_MAX];

	for (unsigned i = 0; i < BENCH_TEXTS_COUNT; i++)
		if (name == strlen(texts[i].line) && !strncmp(texts[i].line, line, name) &&
			value_of(line + name, texts[i].key, text))
			bench_set(b, i, text);
}

static const char *read_line(const char *line, struct bench *b)
{
	size_t name = strcspn(line, " ");

	if (name == strlen("cost") && !strncmp(line, "cost", name))
		return read_cost(line, b);
	read_texts(line, name, b);
	return NULL;
}

const char *bench_read(FILE *in, struct bench *b)
{
	char line[LINE_MAX_BYTES];
	const char *wrong = NULL;
	unsigned lines = 0;

	*b = (struct bench){0};
	while (!wrong && fgets(line, sizeof(line), in)) {
		size_t n = strcspn(line, "\n");

		if (!line[n] && !feof(in))
			return "a line is too long, or has a NUL";
		line[n] = '\0';
		if (!lines++)
			wrong = strncmp(line, "bench ", 6) || number_of(line, "format") != BENCH_FORMAT
					? "it is not from trapctl bench --save"
					: NULL;
		else
			wrong = lines > LINES_MAX ? "it has too many lines" : read_line(line, b);
	}
	return !lines ? "it is empty, or not readable" : wrong;
}

/* The clock's frequency is measured, so it is never quite the same. */
static void compare_texts(const struct bench *before, const struct bench *now, bench_taker *take, void *to)
{
	for (unsigned i = 0; i < BENCH_TEXTS_COUNT; i++)
		if (i != BENCH_TEXT_tsc_mhz && strcmp(before->text[i], now->text[i]))
			put(take, to, "differs what=%s before=\"%s\" now=\"%s\"", texts[i].key,
				before->text[i], now->text[i]);
}

/* If the middle halves of both runs' rounds meet, the difference may be chance. A file's values are rounded to a tenth. */
static void compare_cost(const char *kind, const char *unit, const struct bench_spread *before,
	const struct bench_spread *now, bench_taker *take, void *to)
{
	double more = now->median - before->median;
	bool apart = before->high + ROUNDED < now->low || now->high + ROUNDED < before->low;

	put(take, to, "change name=%s unit=%s before=%.1f now=%.1f more=%.1f percent=%.1f certain=%s", kind,
		unit, before->median, now->median, more, 100 * more / before->median, apart ? "yes" : "no");
}

void bench_compare(const struct bench *before, const struct bench *now, bench_taker *take, void *to)
{
	compare_texts(before, now, take, to);
	for (unsigned kind = 0; kind < BENCH_COUNT; kind++)
		for (unsigned unit = 0; unit < BENCH_UNITS; unit++) {
			const struct bench_spread *a = &before->spread[unit][kind],
						  *b = &now->spread[unit][kind];

			if (bench_is_valid(a) && bench_is_valid(b))
				compare_cost(kinds[kind], units[unit], a, b, take, to);
			else if (unit == BENCH_TSC)
				put(take, to, "change name=%s none=\"%s\"", kinds[kind],
					bench_is_valid(a) ? "not measured now" : "not measured before");
		}
}
