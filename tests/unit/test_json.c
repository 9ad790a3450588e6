// SPDX-License-Identifier: MIT
/* trapctl's lines as JSON: which values become numbers, and which stay text. */
/* Lines of logfmt as JSON: what becomes a number, and what stays text. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "../../guest-tools/common/json_line.c"

static void becomes(const char *line, const char *wanted)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	putc('{', out);
	json_line_members(out, line);
	fputs("}\n", out);
	fclose(out);
	assert_string_equal(text, wanted);
	free(text);
}

static void numbers(void **state)
{
	becomes("x a=0 b=12 c=-3 d=1.250 e=0.5",
		"{\"kind\":\"x\",\"a\":0,\"b\":12,\"c\":-3,\"d\":1.250,\"e\":0.5}\n");
	becomes("x a=012 b=00 c=1. d=.5 e=1.2.3 f=- g=-012 h=0x10 i=1e5",
		"{\"kind\":\"x\",\"a\":\"012\",\"b\":\"00\",\"c\":\"1.\",\"d\":\".5\",\"e\":\"1.2.3\",\"f\":"
		"\"-\","
		"\"g\":\"-012\",\"h\":\"0x10\",\"i\":\"1e5\"}\n");
	becomes("x a= b=1", "{\"kind\":\"x\",\"a\":\"\",\"b\":1}\n");
}

static void texts(void **state)
{
	becomes("x a=\"two words\" b=\"12\"", "{\"kind\":\"x\",\"a\":\"two words\",\"b\":\"12\"}\n");
	becomes("x a=\"say \\\"no\\\"\" b=\\", "{\"kind\":\"x\",\"a\":\"say \\\"no\\\"\",\"b\":\"\\\\\"}\n");
	becomes("x a=\"no\\tab \\\\ \x01\"", "{\"kind\":\"x\",\"a\":\"no\\\\tab \\\\ ?\"}\n");
	becomes("x a=\"never ends", "{\"kind\":\"x\",\"a\":\"\\\"never ends\"}\n");
	becomes("trap code=90 codes=90", "{\"kind\":\"trap\",\"code\":\"90\",\"codes\":90}\n");
}

/* Lines of the console that contain more than pairs. */
static void words(void **state)
{
	becomes("walk PML4E at=0x10 is not=1 there",
		"{\"kind\":\"walk\",\"at\":\"0x10\",\"not\":1,\"text\":\"PML4E is there\"}\n");
	becomes("alone", "{\"kind\":\"alone\"}\n");
	becomes("", "{\"kind\":\"\"}\n");
	becomes("x  a=1 ", "{\"kind\":\"x\",\"a\":1}\n");
	becomes("x =1", "{\"kind\":\"x\",\"\":1}\n");
	becomes("x a\"b=1 c\\ \x01", "{\"kind\":\"x\",\"a\\\"b\":1,\"text\":\"c\\\\ ?\"}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(texts),
		cmocka_unit_test(words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
