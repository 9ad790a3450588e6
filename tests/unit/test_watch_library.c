// SPDX-License-Identifier: MIT
/* The library's watches, and its commands of the console: what it asks of Trapline, and what it reads in the answers, which come in pieces. */
#include "unit.h"
#include <stdio.h>
#include <string.h>
#include "../../guest-tools/lib/trapline.h"

#define PIECE 7

static char asked[256];
static const char *answer;
static int64_t refused; /* the result of the command; 0: there is an answer */

int64_t trapline_command(const char *text)
{
	snprintf(asked, sizeof(asked), "%s", text);
	return refused ? refused : 5;
}

int64_t trapline_answer(int64_t number, void *buffer, size_t room)
{
	size_t n = strnlen(answer, PIECE);

	assert_int_equal(number, 5);
	assert_true(room >= PIECE);
	memcpy(buffer, answer, n);
	answer += n;
	return (int64_t)n;
}

static void add(void **state)
{
	char why[TRAPLINE_WHY_MAX], words[200];

	answer = "watch added=12\ndone command=watch status=ok\n";
	assert_int_equal(trapline_watch_add("w 0x1000+8", why), 12);
	assert_string_equal(asked, "watch add w 0x1000+8");
	assert_string_equal(why, "");
	answer = "watch word=\"x\"\ndone command=watch status=error why=\"no such register: cr0\"\n";
	assert_int_equal(trapline_watch_add("reg x", why), TRAPLINE_REFUSED);
	assert_string_equal(why, "x: no such register: cr0");
	answer = "watch word=\"\"\ndone command=watch status=error why=\"a word is missing\"\n";
	assert_int_equal(trapline_watch_add("", why), TRAPLINE_REFUSED);
	assert_string_equal(why, "a word is missing");
	answer = "done command=watch status=error why=\"there are 256 watches\"\n";
	assert_int_equal(trapline_watch_add("reg x", why), TRAPLINE_REFUSED);
	assert_string_equal(why, "there are 256 watches");
	refused = TRAPLINE_E_DENIED;
	assert_int_equal(trapline_watch_add("reg x", why), TRAPLINE_E_DENIED);
	assert_string_equal(why, "");
	refused = 0;
	memset(words, 'w', sizeof(words));
	words[TRAPLINE_TEXT_MAX - strlen("watch add ")] = '\0';
	answer = "watch added=65535\ndone command=watch status=ok\n";
	assert_int_equal(trapline_watch_add(words, why), 65535);
	assert_int_equal(strlen(asked), TRAPLINE_TEXT_MAX);
	words[TRAPLINE_TEXT_MAX - strlen("watch add ")] = 'w';
	words[sizeof(words) - 1] = '\0';
	assert_int_equal(trapline_watch_add(words, why), TRAPLINE_REFUSED);
	assert_string_equal(why, "more than 110 bytes");
}

static void delete (void **state)
{
	answer = "watch deleted=3\ndone command=watch status=ok\n";
	assert_int_equal(trapline_watch_delete(3), 0);
	assert_string_equal(asked, "watch delete 3");
	answer = "done command=watch status=error why=\"there is no such watch\"\n";
	assert_int_equal(trapline_watch_delete(3), TRAPLINE_REFUSED);
}

static void take_line(void *to, const char *line)
{
	strcat(to, line);
	strcat(to, "|");
}

/* A line that is too long is cut, and an answer without its last line is no success. */
static void ask(void **state)
{
	static char long_one[3000], text[4000];
	char why[TRAPLINE_WHY_MAX] = "old";

	memset(long_one, 'x', sizeof(long_one) - 1);
	strcpy(long_one + 2000, "\nlast line\ndone command=status status=ok\n");
	answer = long_one;
	assert_int_equal(trapline_ask("status", take_line, text, why), 0);
	assert_string_equal(asked, "status");
	assert_string_equal(why, "");
	assert_int_equal(strlen(text), 1024 + strlen("last line|"));
	assert_string_equal(text + 1023, "|last line|");
	answer = "a line\n";
	assert_int_equal(trapline_ask("status", NULL, NULL, why), TRAPLINE_E_MISSING);
	answer = "done command=x status=error why=\"\"\n";
	assert_int_equal(trapline_ask("x", NULL, NULL, why), TRAPLINE_REFUSED);
}

/* There are more than the list has room for. */
static void list(void **state)
{
	struct trapline_watch w[3];

	memset(w, 0x5a, sizeof(w));
	answer = "watch id=1 hits=18446744073709551615 what=\"w reg IA32_LSTAR\"\n"
		 "watch id=65535 hits=2 neighbours=3 limited=4 excepted=5 what=\"w linear 0x1000+8 "
		 "except=0x2000+16\"\n"
		 "watch id=7 hits=0 what=\"w reg cr0\"\n"
		 "done command=watch status=ok\n";
	assert_int_equal(trapline_watch_list(w, 2), 3);
	assert_string_equal(asked, "watch list");
	assert_int_equal(w[0].id, 1);
	assert_true(w[0].hits == UINT64_MAX && !w[0].neighbours && !w[0].limited && !w[0].excepted);
	assert_string_equal(w[0].what, "w reg IA32_LSTAR");
	assert_int_equal(w[1].id, 65535);
	assert_true(w[1].hits == 2 && w[1].neighbours == 3 && w[1].limited == 4 && w[1].excepted == 5);
	assert_string_equal(w[1].what, "w linear 0x1000+8 except=0x2000+16");
	assert_int_equal(w[2].id, 0x5a5a5a5a);
	answer = "done command=watch status=ok\n";
	assert_int_equal(trapline_watch_list(w, 2), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add),
		cmocka_unit_test(ask),
		cmocka_unit_test(delete),
		cmocka_unit_test(list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
