// SPDX-License-Identifier: MIT
/* A run of trapctl bench as lines: written, read again, and compared. */
#include "bench.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 8192 /* all texts of a line fit */
#define LINES_MAX      1000
#define COST_MIN       0.1 /* ticks; what is beyond these two is no measurement */
#define COST_MAX       1e12
#define ROUNDED        0.1
#define COUNT_MAX      1e6 /* of CPUs and rounds */
#define NAME_BYTES     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
#define SPAN_BYTES     "0123456789abcdefx-"

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

static void set_text(char out[BENCH_TEXT_MAX], const char *text)
{
	size_t n = strnlen(text, BENCH_TEXT_MAX - 1);

	for (size_t i = 0; i < n; i++)
		out[i] =
			text[i] >= ' ' && text[i] <= '~' && text[i] != '"' && text[i] != '\\' ? text[i] : '?';
	out[n] = '\0';
}

void bench_set(struct bench *b, enum bench_text which, const char *text)
{
	set_text(b->text[which], text);
}

/* NULL: the run has no such line. */
static const struct bench_weakness *weakness_of(const struct bench *b, const char *name)
{
	for (unsigned i = 0; i < b->weak_count; i++)
		if (!strcmp(b->weak[i].name, name))
			return &b->weak[i];
	return NULL;
}

void bench_set_weakness(struct bench *b, const char *name, const char *state)
{
	size_t n = strlen(name);

	if (!n || n >= BENCH_NAME_MAX || strspn(name, NAME_BYTES) != n || weakness_of(b, name) ||
		b->weak_count == BENCH_WEAK_MAX)
		return;
	strcpy(b->weak[b->weak_count].name, name);
	set_text(b->weak[b->weak_count++].state, state);
}

/* All values in hexadecimal: some are addresses. */
void bench_hide_addresses(char *text)
{
	char *out = text;

	for (const char *in = text; *in;) {
		*out++ = *in;
		if (strncmp(in++, "=0x", 3))
			continue;
		in += strspn(in, SPAN_BYTES);
		*out++ = '?';
	}
	*out = '\0';
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
	for (unsigned i = 0; i < b->weak_count; i++)
		put(take, to, "linux name=%s state=\"%s\"", b->weak[i].name, b->weak[i].state);
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

static void read_weakness(const char *line, struct bench *b)
{
	char name[BENCH_TEXT_MAX], state[BENCH_TEXT_MAX];

	if (value_of(line, "name", name) && value_of(line, "state", state))
		bench_set_weakness(b, name, state);
}

static unsigned count_of(const char *line, const char *key)
{
	double number = number_of(line, key);

	return number <= COUNT_MAX ? (unsigned)number : 0;
}

static const char *read_head(const char *line, struct bench *b)
{
	if (strncmp(line, "bench ", 6) || number_of(line, "format") != BENCH_FORMAT)
		return "it is not from trapctl bench --save";
	b->cpu = count_of(line, "cpu");
	b->rounds = count_of(line, "rounds");
	return NULL;
}

static const char *read_line(const char *line, struct bench *b)
{
	size_t name = strcspn(line, " ");

	if (name == strlen("cost") && !strncmp(line, "cost", name))
		return read_cost(line, b);
	if (name == strlen("linux") && !strncmp(line, "linux", name))
		read_weakness(line, b);
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
			wrong = read_head(line, b);
		else
			wrong = lines > LINES_MAX ? "it has too many lines" : read_line(line, b);
	}
	return !lines ? "it is empty, or not readable" : wrong;
}

static void compare_number(const char *what, unsigned before, unsigned now, bench_taker *take, void *to)
{
	if (before != now)
		put(take, to, "differs what=%s before=\"%u\" now=\"%u\"", what, before, now);
}

/* The lines `linux` of one run, with those of the other; `news`: those that only the run of now has. */
static void compare_weaknesses(
	const struct bench *before, const struct bench *now, bool news, bench_taker *take, void *to)
{
	const struct bench *run = news ? now : before;

	for (unsigned i = 0; i < run->weak_count; i++) {
		const char *name = run->weak[i].name;
		const struct bench_weakness *a = weakness_of(before, name), *b = weakness_of(now, name);

		if (news ? !a : !b || strcmp(a->state, b->state))
			put(take, to, "differs what=%s before=\"%s\" now=\"%s\"", name, a ? a->state : "",
				b ? b->state : "");
	}
}

/* The clock's frequency is measured, so it is never quite the same. `cpu` is the CPU's name. */
static void compare_texts(const struct bench *before, const struct bench *now, bench_taker *take, void *to)
{
	compare_number("cpu_number", before->cpu, now->cpu, take, to);
	compare_number("rounds", before->rounds, now->rounds, take, to);
	for (unsigned i = 0; i < BENCH_TEXTS_COUNT; i++)
		if (i != BENCH_TEXT_tsc_mhz && strcmp(before->text[i], now->text[i]))
			put(take, to, "differs what=%s before=\"%s\" now=\"%s\"", texts[i].key,
				before->text[i], now->text[i]);
	compare_weaknesses(before, now, false, take, to);
	compare_weaknesses(before, now, true, take, to);
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
