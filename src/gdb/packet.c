// SPDX-License-Identifier: MIT
#include "gdb/packet.h"
#include "lib/string.h"
#include "trace/tokens.h"

#define CTRL_C     3
#define ESCAPE     '}'
#define ESCAPE_XOR 0x20
#define RUN_BASE   29 /* a run's count is printed as a character: this and the number of further bytes */
#define RUN_LEAST  3  /* so that the character is printable */
#define RUN_MOST   97
#define NO_DIGIT   16

enum {
	OUTSIDE,
	DATA,
	SUM_HIGH,
	SUM_LOW
};

static void begin(struct gdb_receiver *r)
{
	r->state = DATA;
	r->escaped = r->too_long = false;
	r->sum = 0;
	r->length = 0;
}

static enum gdb_event outside(char byte)
{
	switch (byte) {
	case '+':
		return GDB_ACK;
	case '-':
		return GDB_RESEND;
	case CTRL_C:
		return GDB_INTERRUPT;
	default:
		return GDB_OTHER;
	}
}

static void take_data(struct gdb_receiver *r, char byte)
{
	r->sum = (uint8_t)(r->sum + (uint8_t)byte);
	if (byte == ESCAPE && !r->escaped) {
		r->escaped = true;
		return;
	}
	if (r->length == GDB_DATA_MAX)
		r->too_long = true;
	else
		r->data[r->length++] = r->escaped ? (char)(byte ^ ESCAPE_XOR) : byte;
	r->escaped = false;
}

static enum gdb_event end(struct gdb_receiver *r, unsigned low)
{
	bool right = low < NO_DIGIT && r->sum == (r->said | low);

	r->state = OUTSIDE;
	r->data[r->length] = '\0';
	return right && !r->too_long && !r->escaped ? GDB_PACKET : GDB_DAMAGED;
}

enum gdb_event gdb_receive(struct gdb_receiver *r, char byte)
{
	if (byte == '$') {
		begin(r);
		return GDB_NOTHING;
	}
	switch (r->state) {
	case OUTSIDE:
		return outside(byte);
	case DATA:
		if (byte == '#')
			r->state = SUM_HIGH;
		else
			take_data(r, byte);
		return GDB_NOTHING;
	case SUM_HIGH:
		r->state = SUM_LOW;
		if (token_digit(byte) == NO_DIGIT)
			r->too_long = true; /* no sum at all: damaged */
		else
			r->said = (uint8_t)(token_digit(byte) << 4);
		return GDB_NOTHING;
	default:
		return end(r, token_digit(byte));
	}
}

bool gdb_is_inside(const struct gdb_receiver *r)
{
	return r->state != OUTSIDE;
}

void gdb_forget(struct gdb_receiver *r)
{
	r->state = OUTSIDE;
}

static bool is_escaped(char c)
{
	return c == '$' || c == '#' || c == '*' || c == ESCAPE;
}

/* How many bytes from here on are the same, as a count that may be printed: `#` and `$` may not. */
static size_t run_at(const char *data, size_t n)
{
	size_t run = 1;

	while (run < n && run - 1 < RUN_MOST && data[run] == data[0])
		run++;
	while (run > RUN_LEAST && is_escaped((char)(run - 1 + RUN_BASE)))
		run--;
	return run;
}

size_t gdb_frame(char *to, const char *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	size_t length = 1, run;
	uint8_t sum = 0;

	to[0] = '$';
	for (size_t i = 0; i < n; i += run) {
		run = is_escaped(data[i]) ? 1 : run_at(data + i, n - i);
		if (is_escaped(data[i])) {
			to[length++] = ESCAPE;
			to[length++] = (char)(data[i] ^ ESCAPE_XOR);
			continue;
		}
		to[length++] = data[i];
		if (run <= RUN_LEAST) {
			run = 1;
			continue;
		}
		to[length++] = '*';
		to[length++] = (char)(run - 1 + RUN_BASE);
	}
	for (size_t i = 1; i < length; i++)
		sum = (uint8_t)(sum + (uint8_t)to[i]);
	to[length++] = '#';
	to[length++] = digits[sum >> 4];
	to[length++] = digits[sum & 15];
	return length;
}

bool gdb_take_number(struct gdb_words *w, uint64_t *value)
{
	const char *begin_at = w->at;

	*value = 0;
	while (w->at < w->end && token_digit(*w->at) < NO_DIGIT && w->at - begin_at < 16)
		*value = *value << 4 | token_digit(*w->at++);
	return w->at > begin_at && (w->at == w->end || token_digit(*w->at) == NO_DIGIT);
}

bool gdb_take_hex(struct gdb_words *w, void *to, size_t n)
{
	uint8_t *bytes = to;

	if (n > (size_t)(w->end - w->at) / 2)
		return false;
	for (size_t i = 0; i < n; i++, w->at += 2) {
		unsigned high = token_digit(w->at[0]), low = token_digit(w->at[1]);

		if (high == NO_DIGIT || low == NO_DIGIT)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool gdb_take_text(struct gdb_words *w, const char *text)
{
	size_t n = strlen(text);

	if (n > (size_t)(w->end - w->at) || memcmp(w->at, text, n))
		return false;
	w->at += n;
	return true;
}
