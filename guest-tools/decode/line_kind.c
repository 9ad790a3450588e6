// SPDX-License-Identifier: MIT
#include "read.h"
#include "lib/array.h"

#include <string.h>

enum where {
	ANYWHERE,
	INDENTED
};

static const struct kind {
	enum entry_kind kind;
	const char *begins;
	enum where where;
} kinds[] = {
#define ENTRY_KIND(enumerator, name, begins, where, meaning) {ENTRY_##enumerator, begins, where},
#include "kinds.def"
#undef ENTRY_KIND
};

static bool begins_with(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* Several beginnings may match: the longest one decides. */
static enum entry_kind kind_at(const char *at, enum where where)
{
	const struct kind *best = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].where == where && begins_with(at, kinds[i].begins) &&
			(!best || strlen(kinds[i].begins) > strlen(best->begins)))
			best = &kinds[i];
	return best ? best->kind : ENTRY_OTHER;
}

static const char *earliest(const char *line)
{
	static const char *const words[] = {"trapline: ", "trap seq=", "mark seq=", "watch seq="};
	const char *first = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *found = strstr(line, words[i]);

		if (found && (!first || found < first))
			first = found;
	}
	return first;
}

/* Returns the text after the time of a line of Linux, or NULL if it is no such line. */
static const char *behind_time(const char *line)
{
	size_t n;

	if (*line == '<')
		line += strcspn(line, ">") + (strchr(line, '>') != NULL);
	if (*line++ != '[')
		return NULL;
	line += strspn(line, " ");
	n = strspn(line, "0123456789");
	if (!n || line[n] != '.')
		return NULL;
	line += n + 1;
	line += strspn(line, "0123456789");
	return *line == ']' ? line + 1 : NULL;
}

/* Returns the text after the time that a terminal program puts before each line. */
static const char *skip_stamp(const char *line)
{
	const char *end = *line == '[' ? strchr(line, ']') : NULL;
	const char *colon = strchr(line, ':');

	if (!end || !colon || colon > end)
		return line;
	return end[1] == ' ' ? end + 2 : end + 1;
}

const char *printk_text(const char *line)
{
	const char *text = behind_time(line);

	if (!text)
		text = behind_time(skip_stamp(line));
	return text ? text + strspn(text, " ") : NULL;
}

static const char *skip_last(const char *line, struct entry *e)
{
	e->last = begins_with(line, "last| ");
	return e->last ? line + strlen("last| ") : line;
}

/* In the black box's report the exits of all CPUs follow each other, with the CPU in front. */
static const char *skip_cpu(const char *line)
{
	uint64_t cpu;
	size_t n = begins_with(line, "cpu=") ? text_number(line + 4, &cpu) : 0;

	return n && line[4 + n] == ' ' ? line + 5 + n : line;
}

static enum entry_kind kind_of_indented(const char *line, struct entry *e, const char **at)
{
	const char *begin = skip_last(skip_stamp(line), e), *own = skip_cpu(begin);
	size_t blanks = strspn(own, " ");
	enum entry_kind kind;

	if (own == begin && blanks < 2)
		return ENTRY_OTHER;
	kind = kind_at(own + blanks, INDENTED);
	*at = own == begin ? own + blanks : begin;
	return kind;
}

enum entry_kind line_kind(const char *line, struct entry *e, const char **at)
{
	const char *found = earliest(line);
	enum entry_kind kind = ENTRY_OTHER;

	*at = line;
	/* Lines of Linux's modules and programs that mention trapline are not Trapline's. */
	if (found && !behind_time(line)) {
		e->last = found - line >= 6 && strstr(line, "last| ") && strstr(line, "last| ") < found;
		e->before = found - line >= 8 && begins_with(found - 8, "before: ");
		kind = kind_at(found, ANYWHERE);
	}
	if (kind != ENTRY_OTHER) {
		*at = found;
		return kind;
	}
	kind = kind_of_indented(line, e, at);
	if (kind == ENTRY_OTHER)
		*at = e->last ? strstr(line, "last| ") + 6 : line;
	return kind;
}
