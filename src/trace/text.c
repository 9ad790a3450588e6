#include "trace/text.h"
#include "lib/printf.h"

struct text text_on(char *buf, size_t size)
{
	if (size)
		buf[0] = '\0';
	return (struct text){.at = buf, .size = size};
}

void text_add(struct text *t, const char *fmt, ...)
{
	size_t room = t->size - t->length;
	va_list ap;
	int n;

	if (t->cut || !t->size) {
		t->cut = true;
		return;
	}
	va_start(ap, fmt);
	n = vsnprintf(t->at + t->length, room, fmt, ap);
	va_end(ap);
	t->cut = (size_t)n >= room;
	t->length += t->cut ? room - 1 : (size_t)n;
}

void text_add_value(struct text *t, const char *value, bool quoted)
{
	if (quoted)
		text_add(t, "\"");
	for (; *value; value++) {
		bool plain = *value > ' ' && *value < 0x7f;

		if (quoted && (*value == '"' || *value == '\\'))
			text_add(t, "\\");
		text_add(t, "%c", plain || (quoted && *value == ' ') ? *value : '.');
	}
	if (quoted)
		text_add(t, "\"");
}

void text_truncate(struct text *t, size_t length)
{
	if (!t->size || length >= t->size)
		return;
	t->length = length;
	t->at[length] = '\0';
}
