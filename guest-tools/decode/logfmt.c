// SPDX-License-Identifier: MIT
/* Splits a line into words and name=value pairs. */
#include "read.h"

#include <string.h>

#define FIELDS_MAX 256

/* Returns the position after the closing quote. Removes the quotes, and the \ before " and \. */
static const char *take_quoted(struct model *m, const char *at, struct field *f)
{
	char *out = model_alloc(m, strlen(at) + 1);

	f->value = out;
	f->quoted = f->cut = true;
	for (at++; *at; at++) {
		if (*at == '"') {
			f->cut = false;
			return at + 1;
		}
		if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
			at++;
		*out++ = *at;
	}
	return at;
}

static const char *take_field(struct model *m, const char *at, struct field *f)
{
	size_t n = strcspn(at, " =\"");

	*f = (struct field){.name = ""};
	if (n && at[n] == '=') {
		f->name = model_text(m, at, n);
		at += n + 1;
		if (*at == '"')
			return take_quoted(m, at, f);
	}
	n = strcspn(at, " ");
	f->value = model_text(m, at, n);
	return at + n;
}

void logfmt_split(struct model *m, struct entry *e)
{
	struct field field[FIELDS_MAX];
	const char *at = e->text;

	while (e->fields < FIELDS_MAX && *(at += strspn(at, " ")))
		at = take_field(m, at, &field[e->fields++]);
	if (!e->fields)
		return;
	e->field = model_alloc(m, e->fields * sizeof(*field));
	memcpy(e->field, field, e->fields * sizeof(*field));
}
