// SPDX-License-Identifier: MIT
/*
 * Prints the tables of docs/ from the lists in the sources, so that they always agree. `make docs` writes them
 * into the pages.
 */
#include <stdio.h>
#include <string.h>
#include <trapline/services.h>
#include <trapline/watch.h>
#include <boot/config.h>
#include "services.def"
#include "console/command.h"
#include "cpu/cpu.h"
#include "hw/mitigations.h"
#include "exit/intercept.h"
#include "../guest-tools/decode/options.h"
#include "svm/svm_check.h"
#include "trace/filter.h"
#include "trace/format.h"
#include "trace/important.h"
#include "trace/vector.h"
#include "vmx/vmx_check.h"

/* A cell of a table must not contain a bare '|'. */
static const char *escaped(const char *text)
{
	static char out[256];
	size_t n = 0;

	for (; *text && n < sizeof(out) - 2; text++) {
		if (*text == '|')
			out[n++] = '\\';
		out[n++] = *text;
	}
	out[n] = '\0';
	return out;
}

static void print_config(void)
{
	puts("| key | kind | default | what it does |\n|---|---|---|---|");
#define X(key, kind, member, dflt, help)                                                                     \
	printf("| `%s` | %s | %s%s%s | %s |\n", #key, #kind, dflt[0] ? "`" : "", dflt, dflt[0] ? "`" : "",   \
		help);
	CONFIG_KEYS(X)
#undef X
	puts("\n| key | words |\n|---|---|");
#define X(key, word, value, enumerator) printf("| `%s` | `%s` |\n", #key, #word);
	CONFIG_CHOICES(X)
#undef X
	puts("\n| old name | key |\n|---|---|");
#define X(old, key) printf("| `%s` | `%s` |\n", #old, #key);
	CONFIG_RENAMED(X)
#undef X
	puts("\n| key | from | to |\n|---|---|---|");
#define X(key, min, max) printf("| `%s` | %u | %u |\n", #key, (unsigned)(min), (unsigned)(max));
	CONFIG_LIMITS(X)
#undef X
}

static void print_mitigations(void)
{
	puts("| word | what it does |\n|---|---|");
#define X(bit, enumerator, word, meaning) printf("| `%s` | %s |\n", word, meaning);
	MITIGATIONS(X)
#undef X
}

static void print_fields(void)
{
	puts("| field | what it says |\n|---|---|");
#define X(name, kind, meaning) printf("| `%s=` | %s |\n", #name, meaning);
	TRAP_FIELDS(X)
#undef X
}

static void print_vectors(void)
{
	puts("| vector | name | | error code |\n|---|---|---|---|");
#define X(number, enumerator, mnemonic, name, has_error, class)                                              \
	printf("| %d | %s | %s | %s |\n", number, mnemonic, name, (has_error) ? "yes" : "");
	VECTORS(X)
#undef X
}

static void print_types(void)
{
	puts("| number | `type=` | what |\n|---|---|---|");
#define X(name, number, text, meaning) printf("| %d | %s | %s |\n", number, text, meaning);
	TRAP_TYPES(X)
#undef X
}

static void print_exits(void)
{
	puts("| kind | what |\n|---|---|");
#define EXIT_KIND(kind, name, handler, what, switches, stays) printf("| `%s` | %s |\n", name, what);
#include "cpu/exit_kinds.def"
}

static void print_interceptions(void)
{
	puts("| exit | can be switched | what of it stays, and why |\n|---|---|---|");
#define EXIT_KIND(kind, name, handler, what, switches, stays)                                                \
	printf("| `%s` | %s | %s |\n", name, switches, stays);
#include "cpu/exit_kinds.def"
}

static void print_commands(void)
{
	puts("| command | arguments | what it does |\n|---|---|---|");
#define X(name, arguments, where, help)                                                                      \
	printf("| `%s` | %s%s%s | %s |\n", #name, arguments[0] ? "`" : "", escaped(arguments),               \
		arguments[0] ? "`" : "", help);
	COMMANDS(X)
#undef X
}

static void print_watch_words(void)
{
	puts("| words after `watch add` | what is watched |\n|---|---|");
#define X(words, meaning) printf("| `%s` | %s |\n", words, meaning);
	WATCH_FORMS(X)
	puts("\n| word | what it says |\n|---|---|");
	WATCH_WORDS(X)
#undef X
#define X(name, word, meaning) printf("| `%s` | %s |\n", word, meaning);
	WATCH_ACTIONS(X)
#undef X
}

static void print_watch_registers(void)
{
	puts("| name | reads too | what is a hit |\n|---|---|---|");
#define X(enumerator, number, word, accesses, bits, meaning)                                                 \
	if ((number) != WATCH_MSR)                                                                           \
		printf("| `%s` | %s | %s |\n", word, (accesses)&WATCH_READ ? "yes" : "", meaning);
	WATCH_REGISTERS(X)
#undef X
}

static void print_refusals(void)
{
	puts("| word | what is counted |\n|---|---|");
#define X(name, text, meaning) printf("| `%s=` | %s |\n", text, meaning);
	BAD_GUEST_KINDS(X)
#undef X
}

static void print_filter(void)
{
	puts("| key | values | what it looks at |\n|---|---|---|");
#define X(key, values, meaning) printf("| `%s` | %s | %s |\n", #key, values, meaning);
	FILTER_KEYS(X)
#undef X
}

static void print_service_errors(uint32_t errors)
{
	const char *between = "";

#define X(name, number, meaning)                                                                             \
	if (errors & TL_ERR_BIT(name)) {                                                                     \
		printf("%s%s", between, &#name[sizeof("TRAPLINE_E_") - 1]);                                  \
		between = ", ";                                                                              \
	}
#define TL_ERR_BIT(name) (1u << -(name))
	TRAPLINE_ERRORS(X)
#undef TL_ERR_BIT
#undef X
}

struct argument_text {
	const char *what, *checked;
};

struct service_text {
	const char *help, *results;
};

#define X(kind, what, checked) static const struct argument_text argument_##kind = {what, checked};
ARGUMENT_TEXTS(X)
#undef X

#define X(name, help, results) static const struct service_text service_##name = {help, results};
SERVICE_TEXTS(X)
#undef X

static void print_services(void)
{
#define X(kind, errors) const uint32_t errors_##kind = errors;
	TRAPLINE_ARGUMENTS(X)
#undef X
#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	printf("### %d `%s`\n\nDoes: %s.\n\n", number, #name, service_##name.help);                          \
	printf("| who | RBX | RCX | RDX | RSI | RDI |\n|---|---|---|---|---|---|\n");                        \
	printf("| %s | %s | %s | %s | %s | %s |\n\n", #who, #rbx, #rcx, #rdx, #rsi, #rdi);                   \
	printf("%s. Errors: ", service_##name.results);                                                      \
	print_service_errors((errors) | TL_ERR(NUMBER) | TL_ERR(DENIED) | errors_##rbx | errors_##rcx |      \
			     errors_##rdx | errors_##rsi | errors_##rdi);                                    \
	printf(".\n\n");
	TRAPLINE_SERVICES(X)
#undef X
}

static void print_errors(void)
{
	puts("| RAX | name | meaning |\n|---|---|---|");
#define X(name, number, meaning) printf("| -%d | `%s` | %s |\n", number, #name, meaning);
	TRAPLINE_ERRORS(X)
#undef X
}

static void print_arguments(void)
{
	puts("| kind | what it is | what is checked, and the error |\n|---|---|---|");
#define X(kind, errors) printf("| %s | %s | %s |\n", #kind, argument_##kind.what, argument_##kind.checked);
	TRAPLINE_ARGUMENTS(X)
#undef X
}

static void print_svm_entry(void)
{
	puts("| field | is refused where it | the guest does not bring it about |\n|---|---|---|");
	for (const struct svm_check_row *r = svm_check_rows; r->field; r++)
		printf("| %s | %s | %s |\n", r->field, r->why, r->guest);
}

static void print_vmx_entry(void)
{
	puts("| field | is refused where it | the guest does not bring it about | mended "
	     "|\n|---|---|---|---|");
	for (const struct vmx_check_row *r = vmx_check_rows; r->fields; r++)
		printf("| %s | %s | %s | %s |\n", r->fields, r->why, r->guest,
			r->clear | r->set ? "yes" : "");
}

static void print_important(void)
{
	puts("| which exceptions | why they matter |\n|---|---|");
#define X(name, condition, which, why) puts("| " which " | " why " |");
	IMPORTANT_RULES(X)
#undef X
}

/* An option's name as it is typed: --debug-dir; in a manual page with \\ before each "-". */
static const char *spelt(const char *name, bool manual)
{
	static char out[64];
	size_t n = 0;

	for (; *name && n < sizeof(out) - 3; name++) {
		if (manual && (*name == '_' || *name == '-'))
			out[n++] = '\\';
		out[n++] = *name == '_' ? '-' : *name;
	}
	out[n] = '\0';
	return out;
}

static void print_decode_options(void)
{
	puts("| option | what it does |\n|---|---|");
#define OPTION(letter, name, argument, help)                                                                 \
	printf("| `-%c`, `--%s%s%s` | %s |\n", letter, spelt(#name, false), argument[0] ? "=" : "",          \
		escaped(argument), help);
#include "../guest-tools/decode/options.def"
#undef OPTION
}

static void print_decode_formats(void)
{
	puts("| format | file | what it is |\n|---|---|---|");
#define WRITER(name, suffix, help) printf("| `%s` | `%s` | %s |\n", #name, suffix, help);
#include "../guest-tools/decode/writers.def"
#undef WRITER
}

static void print_decode_status(void)
{
	puts("| exit status | when |\n|---|---|");
#define X(name, number, meaning) printf("| %d | %s |\n", number, meaning);
	EXIT_CODES(X)
#undef X
}

/* The same for the manual page (man(7)). */
static void print_decode_manual(void)
{
	puts(".SH OPTIONS");
#define OPTION(letter, name, argument, help)                                                                 \
	printf(".TP\n.BR \\-%c \", \" \\-\\-%s%s%s\n%s.\n", letter, spelt(#name, true),                      \
		argument[0] ? "=\\fI" : "", argument, help);
#include "../guest-tools/decode/options.def"
#undef OPTION
	puts(".SH FORMATS");
#define WRITER(name, suffix, help) printf(".TP\n.B %s\n%s; %s.\n", #name, help, suffix);
#include "../guest-tools/decode/writers.def"
#undef WRITER
	puts(".SH EXIT STATUS");
#define X(name, number, meaning) printf(".TP\n.B %d\n%s.\n", number, meaning);
	EXIT_CODES(X)
#undef X
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} tables[] = {
		{"config", print_config},
		{"mitigations", print_mitigations},
		{"fields", print_fields},
		{"vectors", print_vectors},
		{"types", print_types},
		{"exits", print_exits},
		{"services", print_services},
		{"errors", print_errors},
		{"arguments", print_arguments},
		{"commands", print_commands},
		{"interceptions", print_interceptions},
		{"filter", print_filter},
		{"watch_words", print_watch_words},
		{"watch_registers", print_watch_registers},
		{"important", print_important},
		{"svm_entry", print_svm_entry},
		{"vmx_entry", print_vmx_entry},
		{"refusals", print_refusals},
		{"decode_options", print_decode_options},
		{"decode_formats", print_decode_formats},
		{"decode_status", print_decode_status},
		{"decode_manual", print_decode_manual},
	};

	for (size_t i = 0; argc == 2 && i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (!strcmp(argv[1], tables[i].name)) {
			tables[i].print();
			return 0;
		}
	}
	fputs("usage: tables NAME; the names are", stderr);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		fprintf(stderr, " %s", tables[i].name);
	fputc('\n', stderr);
	return 2;
}
