// SPDX-License-Identifier: MIT
/*
 * trapline.conf and the load options, against include/boot/config.h. Every error is reported with its line, and
 * changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <boot/config.h>
#include "unit.h"

#define REPORTS_MAX 16

/* The parser's messages. */
struct reports {
	unsigned count;
	unsigned line[REPORTS_MAX];
	char message[REPORTS_MAX][300];
};

static void keep_report(void *ctx, unsigned line, const char *message)
{
	struct reports *reports = ctx;

	assert_true(reports->count < REPORTS_MAX);
	assert_true(strlen(message) > 0);
	for (const char *p = message; *p; p++)
		assert_in_range(*p, ' ', '~');
	reports->line[reports->count] = line;
	snprintf(reports->message[reports->count], sizeof(reports->message[0]), "%s", message);
	reports->count++;
}

static struct trapline_config config;
static struct reports reports;

/* A copy of the text without a byte of room after it, so that a read past its end is caught. */
static void parse_bytes(const char *text, size_t len)
{
	char *exact = malloc(len ? len : 1);

	memcpy(exact, text, len);
	memset(&config, 0xa5, sizeof(config));
	config_defaults(&config);
	reports = (struct reports){0};
	config_parse_file(&config, exact, len, keep_report, &reports);
	free(exact);
}

static void parse(const char *text)
{
	parse_bytes(text, strlen(text));
}

static void parse_options(const char *text)
{
	config_defaults(&config);
	reports = (struct reports){0};
	config_parse_options(&config, text, keep_report, &reports);
}

static void assert_defaults(void)
{
	struct trapline_config fresh;

	config_defaults(&fresh);
	assert_memory_equal(&config, &fresh, sizeof(fresh));
}

/* One message about this line that names the error; and nothing changed. */
static void assert_rejected(const char *text, unsigned line, const char *names)
{
	parse(text);
	if (reports.count != 1 || reports.line[0] != line || !strstr(reports.message[0], names))
		fail_msg("\"%s\": %u reports, first: line %u: %s", text, reports.count, reports.line[0],
			reports.message[0]);
	assert_defaults();
}

static void defaults(void **state)
{
	parse("");
	assert_int_equal(reports.count, 0);
	assert_string_equal(config.next, "");
	assert_string_equal(config.options, "");
	assert_int_equal(config.intercept, 0xffffffff);
	assert_int_equal(config.print.vectors, 0xffffffff);
	assert_int_equal(config.print.important, 1);
	assert_int_equal(config.intercept_int, 1);
	assert_int_equal(config.hypervisor, 1);
	assert_int_equal(config.console, 0x2f8);
	assert_int_equal(config.baud, 115200);
	assert_int_equal(config.hide_console, 1);
	assert_int_equal(config.ring, 0); /* auto */
	assert_int_equal(config.triple_fault, TRIPLE_FAULT_AUTO);
	assert_int_equal(config.example_foo, EXAMPLE_FOO_OFF);
	assert_string_equal(config.report_file, "");
}

static void every_key(void **state)
{
	parse("next = \\EFI\\debian\\grubx64.efi\n"
	      "options = root=/dev/sda1 quiet\n"
	      "intercept = none\n"
	      "print = #PF gp 6\n"
	      "intercept_int = off\n"
	      "hypervisor = off\n"
	      "console = com1\n"
	      "baud = 9600\n"
	      "hide_console = off\n"
	      "ring = 0x100\n"
	      "triple_fault = hold\n"
	      "example_foo = virtual\n"
	      "report_file = /trapline.txt\n"
	      "symbols = \\System.map\n"
	      "symbols = \"\\a.map 0x1000, \\b.map next\"\n");
	assert_int_equal(reports.count, 0);
	assert_string_equal(config.symbols, "\\System.map,\\a.map 0x1000, \\b.map next");
	assert_string_equal(config.next, "\\EFI\\debian\\grubx64.efi");
	assert_string_equal(config.options, "root=/dev/sda1 quiet");
	assert_int_equal(config.intercept, 0);
	assert_int_equal(config.print.vectors, 1u << 14 | 1u << 13 | 1u << 6);
	assert_int_equal(config.print.important, 0);
	assert_int_equal(config.intercept_int, 0);
	assert_int_equal(config.hypervisor, 0);
	assert_int_equal(config.console, 0x3f8);
	assert_int_equal(config.baud, 9600);
	assert_int_equal(config.hide_console, 0);
	assert_int_equal(config.ring, 256);
	assert_int_equal(config.triple_fault, TRIPLE_FAULT_HOLD);
	assert_int_equal(config.example_foo, EXAMPLE_FOO_VIRTUAL);
	assert_string_equal(config.report_file, "/trapline.txt");
}

/* Every key accepts its own default. */
static void every_default_is_valid(void **state)
{
	static const struct {
		const char *key, *dflt;
	} keys[] = {
#define X(key, kind, member, dflt, help) {#key, dflt},
		CONFIG_KEYS(X)
#undef X
	};

	for (unsigned i = 0; i < ARRAY_SIZE(keys); i++) {
		char line[128];

		snprintf(line, sizeof(line), "%s = \"%s\"", keys[i].key, keys[i].dflt);
		parse(line);
		assert_int_equal(reports.count, 0);
		assert_defaults();
	}
}

/* A renamed key is known by its old name as well. */
static void old_names(void **state)
{
#define X(old, key)                                                                                          \
	parse(#old " = 7");                                                                                  \
	assert_int_equal(reports.count, 0);                                                                  \
	assert_int_equal(config.key, 7);
	CONFIG_RENAMED(X)
#undef X
}

static void every_choice(void **state)
{
#define X(key, word, value, enumerator)                                                                      \
	parse(#key " = " #word);                                                                             \
	assert_int_equal(reports.count, 0);                                                                  \
	assert_int_equal(config.key, value);                                                                 \
	assert_int_equal(config.key, enumerator);
	CONFIG_CHOICES(X)
#undef X
}

static void comments_and_blanks(void **state)
{
	parse("# a comment\n\n   \n\t\n  # another = one\nring=64\n#ring = 128\n");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 64);
}

static void blanks_around(void **state)
{
	parse("  ring\t =\t 64  \t\n");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 64);
	parse("ring=64");
	assert_int_equal(config.ring, 64);
}

static void line_ends(void **state)
{
	parse("ring = 64\r\nbaud = 9600\r\n\r\nconsole = com1\r\n");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 64);
	assert_int_equal(config.baud, 9600);
	assert_int_equal(config.console, 0x3f8);
	parse("next = \\a.efi\r\nring = 64"); /* no newline at the end, no \r in the value */
	assert_int_equal(reports.count, 0);
	assert_string_equal(config.next, "\\a.efi");
	assert_int_equal(config.ring, 64);
}

static void byte_order_mark(void **state)
{
	parse("\xef\xbb\xbfring = 64\n");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 64);
	parse("\xef\xbb\xbf");
	assert_int_equal(reports.count, 0);
	assert_defaults();
	parse_bytes("\xef\xbb", 2);
	assert_defaults();
}

/* UTF-16, as Notepad may write it: it is rejected with one message, not one for every line. */
static void utf16(void **state)
{
	static const char text[] = "\xff\xfer\0i\0n\0g\0=\0"
				   "6\0"
				   "4\0\r\0\n\0";

	parse_bytes(text, sizeof(text) - 1);
	assert_int_equal(reports.count, 1);
	assert_defaults();
}

static void line_numbers(void **state)
{
	parse("# 1\nring = 64\n\nring = many\nbaud = 9600\r\nbaud = fast\nnonsense\nconsole = com9");
	assert_int_equal(reports.count, 4);
	assert_int_equal(reports.line[0], 4);
	assert_int_equal(reports.line[1], 6);
	assert_int_equal(reports.line[2], 7);
	assert_int_equal(reports.line[3], 8);
	/* the earlier valid value stays */
	assert_int_equal(config.ring, 64);
	assert_int_equal(config.baud, 9600);
	assert_int_equal(config.console, 0x2f8);
}

static void bad_numbers(void **state)
{
	static const char *const values[] = {"", "x", "0x", "-64", "+64", "64k", "6 4", "0", "63", "65",
		"65537", "131072", "4294967296", "4294967360", "18446744073709551680", "0x10000000040",
		"64.0", "0b1000000", "auto64", "Auto", "off"};

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		char line[64];

		snprintf(line, sizeof(line), "\nring = %s\n", values[i]);
		assert_rejected(line, 2, "ring");
	}
}

static void number_limits(void **state)
{
	static const struct {
		const char *line;
		uint32_t ring, baud;
	} cases[] = {
		{"ring = 64", 64, 115200},
		{"ring = 65536", 65536, 115200},
		{"ring = 0x10000", 65536, 115200},
		{"ring = 0X40", 64, 115200},
		{"ring = 0x0000000000000040", 64, 115200},
		{"ring = auto", 0, 115200},
		{"baud = 50", 0, 50},
		{"baud = 57600", 0, 57600},
		{"baud = 115200", 0, 115200},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		parse(cases[i].line);
		assert_int_equal(reports.count, 0);
		assert_int_equal(config.ring, cases[i].ring);
		assert_int_equal(config.baud, cases[i].baud);
	}
	assert_rejected("baud = 49", 1, "baud");
	assert_rejected("baud = 115201", 1, "baud");
}

static void place(void **state)
{
	static const struct {
		const char *value;
		uint32_t is;
	} cases[] = {{"off", 0}, {"0", 0}, {"51", 51}, {"0x40", 64}, {"107", 107}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[64];

		snprintf(line, sizeof(line), "cmos = 60\ncmos = %s", cases[i].value);
		parse(line);
		assert_int_equal(reports.count, 0);
		assert_int_equal(config.cmos, cases[i].is);
	}
	assert_rejected("cmos = 50", 1,
		"must be off, or from 51 to 107"); /* the bytes of the clock, and those under a checksum */
	assert_rejected("cmos = 108", 1, "cmos");  /* 21 bytes would end after the last one */
	assert_rejected("cmos = on", 1, "cmos");
	assert_rejected("cmos = offf", 1, "cmos");
	assert_rejected("cmos =", 1, "cmos");
}

static void bad_words(void **state)
{
	assert_rejected("hypervisor = yes", 1, "hypervisor");
	assert_rejected("hypervisor =", 1, "hypervisor");
	assert_rejected("hypervisor = onn", 1, "hypervisor");
	assert_rejected("hypervisor = o", 1, "hypervisor");
	assert_rejected("console = com5", 1, "console");
	assert_rejected("console = ", 1, "console");
	assert_rejected("console = com", 1, "console");
	assert_rejected("triple_fault = com1", 1, "triple_fault"); /* another key's word */
}

static void unknown_keys(void **state)
{
	assert_rejected("rings = 64", 1, "rings");
	assert_rejected("rin = 64", 1, "rin");
	assert_rejected("Ring = 64", 1, "Ring");
	assert_rejected("\n\n = 64", 3, "");
	assert_rejected("ring 64", 1, "ring 64");
	assert_rejected("ring", 1, "ring");
}

static void did_you_mean(void **state)
{
	static const char *const cases[][2] = {{"rings", "ring"}, {"Ring", "ring"},
		{"hide-console", "hide_console"}, {"copybuffer", "copy_buffer"},
		{"tripple_fault", "triple_fault"}, {"opitons", "options"}, {"NXET", "next"},
		{"blackbox-flie", "blackbox_file"}, {"symbol", "symbols"}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[64], words[64];

		snprintf(line, sizeof(line), "%s = 64", cases[i][0]);
		snprintf(words, sizeof(words), "unknown key '%s', did you mean '%s'?; ignored", cases[i][0],
			cases[i][1]);
		assert_rejected(line, 1, words);
	}
	parse_options("rings=64");
	assert_non_null(strstr(reports.message[0], "did you mean 'ring'?"));
}

/* A word that is near to no key gets no advice, however short or long. */
static void nothing_to_mean(void **state)
{
	static const char *const cases[] = {"colour", "x", "", "nt", "ringring", "consol_input_hide",
		"a_name_that_is_longer_than_every_key_of_the_list", "\"ring\""};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[80], words[80];

		snprintf(line, sizeof(line), "%s = 64", cases[i]);
		assert_rejected(line, 1, "unknown key");
		snprintf(words, sizeof(words), "unknown key '%.40s", cases[i]);
		assert_non_null(strstr(reports.message[0], words));
		if (strstr(reports.message[0], "did you mean"))
			fail_msg("%s", reports.message[0]);
	}
}

static void vectors(void **state)
{
	static const struct {
		const char *value;
		uint32_t mask;
	} cases[] = {
		{"all", 0xffffffff},
		{"none", 0},
		{"pf", 1u << 14},
		{"PF", 1u << 14},
		{"#pf", 1u << 14},
		{"#PF,#GP", 1u << 14 | 1u << 13},
		{"#PF, #GP", 1u << 14 | 1u << 13},
		{"0", 1},
		{"31", 1u << 31},
		{"0x1f", 1u << 31},
		{"nmi", 1u << 2},
		{"de db bp of br ud nm df ts np ss gp mf ac mc xm ve cp hv vc sx",
			0xfffffffb & ~(1u << 9 | 1u << 14 | 1u << 15 | 0x3fu << 22 | 1u << 31)},
		{"all -pf -nm", 0xffffffff & ~(1u << 14 | 1u << 7)},
		{"none +ud", 1u << 6},
		{"pf +ud -pf", 1u << 6},
		{"all -0 -31", 0x7ffffffe},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[128];

		snprintf(line, sizeof(line), "intercept = %s\n", cases[i].value);
		parse(line);
		assert_int_equal(reports.count, 0);
		if (config.intercept != cases[i].mask)
			fail_msg("%s: 0x%x, not 0x%x", cases[i].value, config.intercept, cases[i].mask);
	}
}

static void bad_vectors(void **state)
{
	static const char *const values[] = {"", "32", "256", "4294967296", "-1x", "pg", "p", "pff",
		"all none x", "pf -", "+", "#", "pf;gp", "##pf", "--pf"};

	for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
		char line[64];

		snprintf(line, sizeof(line), "intercept = %s", values[i]);
		assert_rejected(line, 1, "intercept");
	}
}

static void quotes(void **state)
{
	parse("next = \"\\EFI\\my boot.efi\"\noptions = \"  two  blanks  \"\nring = \"64\"\nreport_file = "
	      "\"\"\n");
	assert_int_equal(reports.count, 0);
	assert_string_equal(config.next, "\\EFI\\my boot.efi");
	assert_string_equal(config.options, "  two  blanks  ");
	assert_int_equal(config.ring, 64);
	assert_string_equal(config.report_file, "");
	parse("options = a=b # c = d\n"); /* only whole lines are comments */
	assert_string_equal(config.options, "a=b # c = d");
	parse("options = name=\"a b\"\n"); /* quotes inside belong to the value */
	assert_string_equal(config.options, "name=\"a b\"");
}

static void open_quote(void **state)
{
	parse("ring = 64\nnext = \"\\EFI\\boot.efi\nbaud = 9600\n");
	assert_int_equal(reports.count, 1);
	assert_int_equal(reports.line[0], 2);
	assert_string_equal(config.next, "");
	assert_int_equal(config.baud, 9600); /* an unclosed quote ends with its line */
	assert_rejected("next = \"", 1, "");
}

static void parse_long(const char *key, size_t length)
{
	char *text = malloc(length + 32);
	int n = sprintf(text, "%s = ", key);

	memset(text + n, 'x', length);
	text[n + (int)length] = '\n';
	parse_bytes(text, (size_t)n + length + 1);
	free(text);
}

static void overlong_values(void **state)
{
	parse_long("next", CONFIG_PATH_MAX - 1);
	assert_int_equal(reports.count, 0);
	assert_int_equal(strlen(config.next), CONFIG_PATH_MAX - 1);
	parse_long("options", CONFIG_TEXT_MAX - 1);
	assert_int_equal(reports.count, 0);
	assert_int_equal(strlen(config.options), CONFIG_TEXT_MAX - 1);

	static const size_t lengths[] = {CONFIG_PATH_MAX, CONFIG_TEXT_MAX, CONFIG_TEXT_MAX + 1, 100000};
	for (unsigned i = 0; i < ARRAY_SIZE(lengths); i++) {
		parse_long("next", lengths[i]);
		assert_int_equal(reports.count, 1);
		assert_int_equal(reports.line[0], 1);
		assert_non_null(strstr(reports.message[0], "next"));
		assert_defaults();
		parse_long("ring", lengths[i]);
		assert_int_equal(reports.count, 1);
		assert_defaults();
	}
	parse_long("options", CONFIG_TEXT_MAX);
	assert_int_equal(reports.count, 1);
	assert_defaults();
}

static void shorter_value_replaces_longer(void **state)
{
	parse("next = \\long\\path\\to\\a.efi\nnext = b\n");
	assert_int_equal(reports.count, 0);
	assert_string_equal(config.next, "b");
}

static void embedded_nul(void **state)
{
	static const char text[] = "ring = 64\nnext = a\0b\nbaud = 9600\n";

	parse_bytes(text, sizeof(text) - 1);
	assert_int_equal(reports.count, 1);
	assert_int_equal(reports.line[0], 2);
	assert_string_equal(
		config.next, ""); /* not "a", because that would start another image than the file says */
	assert_int_equal(config.baud, 9600);
	parse_bytes("\0\0\0\0", 4);
	assert_true(reports.count > 0);
	assert_defaults();
}

static void not_ascii(void **state)
{
	parse("next = \\EFI\\b\xc3\xb6se.efi\nring = 64\n");
	assert_int_equal(reports.count, 1);
	assert_int_equal(reports.line[0], 1);
	assert_string_equal(config.next, "");
	assert_int_equal(config.ring, 64);
}

static void last_one_counts(void **state)
{
	parse("ring = 64\nring = 128\n");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 128);
}

static void file_and_then_options(void **state)
{
	parse("ring = 64\nbaud = 9600\n");
	config_parse_options(&config, "trapline.efi ring=128", keep_report, &reports);
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 128);
	assert_int_equal(config.baud, 9600);
}

static void options(void **state)
{
	parse_options("ring=64 baud=9600 next=\\a.efi");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 64);
	assert_int_equal(config.baud, 9600);
	assert_string_equal(config.next, "\\a.efi");
	parse_options("  ring=64\t baud=9600  ");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.ring, 64);
	assert_int_equal(config.baud, 9600);
	parse_options("");
	assert_int_equal(reports.count, 0);
	assert_defaults();
	parse_options("   ");
	assert_int_equal(reports.count, 0);
	assert_defaults();
}

static void options_after_program_name(void **state)
{
	static const char *const texts[] = {"trapline.efi ring=64", "FS0:\\EFI\\trapline.efi ring=64",
		"ring=64", "\"my trapline.efi\" ring=64", " trapline.efi  ring=64 "};

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		parse_options(texts[i]);
		assert_int_equal(reports.count, 0);
		assert_int_equal(config.ring, 64);
	}
	parse_options("trapline.efi");
	assert_int_equal(reports.count, 0);
	assert_defaults();
}

static void quoted_options(void **state)
{
	parse_options("options=\"root=/dev/sda1 quiet\" ring=64");
	assert_int_equal(reports.count, 0);
	assert_string_equal(config.options, "root=/dev/sda1 quiet");
	assert_int_equal(config.ring, 64);
	parse_options("intercept=\"all -pf\"");
	assert_int_equal(reports.count, 0);
	assert_int_equal(config.intercept, 0xffffffff & ~(1u << 14));
	parse_options("intercept=pf,gp");
	assert_int_equal(config.intercept, 1u << 14 | 1u << 13);
}

static void bad_options(void **state)
{
	static const char *const texts[] = {
		"ring=65", "x=y", "trapline.efi word ring=64", "ring=", "options=\"open"};

	for (unsigned i = 0; i < ARRAY_SIZE(texts); i++) {
		parse_options(texts[i]);
		assert_int_equal(reports.count, 1);
		assert_int_equal(reports.line[0], 0);
	}
	parse_options("trapline.efi stray ring=64");
	assert_int_equal(config.ring, 64); /* the rest still counts */
}

static void nobody_to_report_to(void **state)
{
	config_defaults(&config);
	config_parse_file(&config, "ring = x\n", 9, NULL, NULL);
	config_parse_options(&config, "ring=x", NULL, NULL);
	assert_defaults();
}

static void ignore_report(void *ctx, unsigned line, const char *message)
{
	++*(unsigned *)ctx;
}

/* Any bytes: only the sanitizers check. */
static void any_file(void **state)
{
	static const char alphabet[] = "ringnextbaud=== \t\n\r\"\"##0x6\\-+,\x80\xff";
	uint64_t seed = 1;

	for (unsigned i = 0; i < 20000; i++) {
		char text[200];
		size_t len = i % sizeof(text);
		unsigned complaints = 0;

		for (size_t k = 0; k < len; k++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			text[k] = alphabet[(seed >> 33) % sizeof(alphabet)]; /* NUL included */
		}
		config_defaults(&config);
		config_parse_file(&config, text, len, ignore_report, &complaints);
		text[len ? len - 1 : 0] = '\0';
		config_parse_options(&config, text, ignore_report, &complaints);
		assert_true(memchr(config.next, 0, sizeof(config.next)) != NULL);
		assert_true(memchr(config.options, 0, sizeof(config.options)) != NULL);
		assert_true(!config.ring || (config.ring >= 64 && config.ring <= 65536));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(every_key),
		cmocka_unit_test(every_default_is_valid),
		cmocka_unit_test(old_names),
		cmocka_unit_test(every_choice),
		cmocka_unit_test(comments_and_blanks),
		cmocka_unit_test(blanks_around),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(byte_order_mark),
		cmocka_unit_test(utf16),
		cmocka_unit_test(line_numbers),
		cmocka_unit_test(bad_numbers),
		cmocka_unit_test(number_limits),
		cmocka_unit_test(place),
		cmocka_unit_test(bad_words),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(did_you_mean),
		cmocka_unit_test(nothing_to_mean),
		cmocka_unit_test(vectors),
		cmocka_unit_test(bad_vectors),
		cmocka_unit_test(quotes),
		cmocka_unit_test(open_quote),
		cmocka_unit_test(overlong_values),
		cmocka_unit_test(shorter_value_replaces_longer),
		cmocka_unit_test(embedded_nul),
		cmocka_unit_test(not_ascii),
		cmocka_unit_test(last_one_counts),
		cmocka_unit_test(file_and_then_options),
		cmocka_unit_test(options),
		cmocka_unit_test(options_after_program_name),
		cmocka_unit_test(quoted_options),
		cmocka_unit_test(bad_options),
		cmocka_unit_test(nobody_to_report_to),
		cmocka_unit_test(any_file),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
