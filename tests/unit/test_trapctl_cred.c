// SPDX-License-Identifier: MIT
/* trapctl watch cred: whose writes are excepted, and what moves when the process has other credentials. */
#define _GNU_SOURCE
#include "unit.h"
#include <stdio.h>
#include <string.h>
#undef fail /* trapctl has one of its own */
#include "../../guest-tools/trapctl/cmd_cred.c"

static FILE *fake_open(const char *path, const char *mode);
#define fopen fake_open
#define look  look_at_line
#include "../../guest-tools/trapctl/find_symbol.c"
#undef look
#undef fopen

#define WATCHES_MAX 8

static const char *kallsyms;
static char added[WATCHES_MAX][256];
static unsigned adds, refused_from; /* the number of the first watch that is refused; 0: none */
static bool deleted[WATCHES_MAX];
static struct trapline_cred task;
static void (*while_followed)(struct follow *f);

static FILE *fake_open(const char *path, const char *mode)
{
	assert_string_equal(path, "/proc/kallsyms");
	return fmemopen((void *)kallsyms, strlen(kallsyms), mode);
}

unsigned watch_add(const char *words, int *status)
{
	*status = STATUS_FAILED;
	if (refused_from && adds + 1 >= refused_from)
		return 0;
	*status = STATUS_OK;
	snprintf(added[++adds], sizeof(added[0]), "%s", words);
	return adds;
}

int64_t trapline_watch_delete(unsigned id)
{
	deleted[id] = true;
	return 0;
}

int64_t trapline_cred(struct trapline_cred *c, int *file)
{
	*c = task;
	*file = -1;
	return 0;
}

int follow_watches(struct follow *f)
{
	if (while_followed)
		while_followed(f);
	return STATUS_OK;
}

bool follow_take(struct follow *f, char **argv, int *i)
{
	return false;
}

const char *option_value(const char *word, const char *option)
{
	size_t n = strlen(option);

	return !strncmp(word, option, n) && word[n] == '=' ? word + n + 1 : NULL;
}

bool number(const char *text, uint64_t *value)
{
	return sscanf(text, "%lu", value) == 1;
}

int fail(const char *what, int64_t error)
{
	return STATUS_FAILED;
}

int usage(const char *command)
{
	return STATUS_USAGE;
}

void print_fields(const char *format, ...)
{
}

static int run(const char *symbols, void (*meanwhile)(struct follow *f))
{
	static char pid[] = "--pid=7";
	char *argv[] = {pid, NULL};

	kallsyms = symbols;
	while_followed = meanwhile;
	adds = refused_from = 0;
	memset(deleted, 0, sizeof(deleted));
	task = (struct trapline_cred){
		.pid = 7, .pointers = 0x1000, .pointer_bytes = 16, .ids = 0x2000, .id_bytes = 76};
	return watch_cred(argv);
}

/* Only the kernel's own functions write credentials: a module gives its own any name. */
static void names_of_modules(void **state)
{
	assert_int_equal(
		run("ffffffff81000100 T commit_creds\nffffffff81000180 T other\n"
		    "ffffffffc0000000 t revert_creds\t[evil]\nffffffffc0000100 t rest\t[evil]\n"
		    "ffffffffc0100000 t abort_creds\t[vmlinux]\nffffffffc0100100 t rest\t[vmlinux]\n",
			NULL),
		STATUS_OK);
	assert_string_equal(added[1], "w linear 0x1000+16 except=0xffffffff81000100+128");
	assert_string_equal(added[2], "w linear 0x2000+76 except=0xffffffff81000100+128");
}

/* A module that has the name as well does not take the kernel's function out. */
static void names_in_both(void **state)
{
	run("ffffffff81000100 T commit_creds\nffffffff81000180 T other\n"
	    "ffffffffc0000000 t commit_creds\t[evil]\nffffffffc0000100 t rest\t[evil]\n",
		NULL);
	assert_string_equal(added[1], "w linear 0x1000+16 except=0xffffffff81000100+128");
}

static void new_credentials(struct follow *f)
{
	assert_true(f->look(f) && adds == 2);
	task.ids = 0x3000;
	assert_true(f->look(f));
	assert_int_equal(adds, 3);
	assert_string_equal(added[3], "w linear 0x3000+76");
	assert_true(deleted[2] && !deleted[1]);
	assert_true(f->watch[0] == 1 && f->watch[1] == 3);
}

/* A thread that is not the first one calls execve(): it has the process's number afterwards, and a task of its own. */
static void new_task(struct follow *f)
{
	bool followed = false;

	task.pointers = 0x5000;
	task.ids = 0x6000;
	assert_true(f->look(f));
	assert_int_equal(adds, 4);
	assert_string_equal(added[3], "w linear 0x5000+16");
	assert_string_equal(added[4], "w linear 0x6000+76");
	assert_true(deleted[1] && deleted[2]);
	assert_true(f->watch[0] == 3 && f->watch[1] == 4);
	for (unsigned i = 0; i < WATCHES_FOLLOWED; i++)
		followed |= f->watch[i] == 1;
	assert_true(followed); /* its last hits are still printed */
	assert_true(f->look(f) && adds == 4);
}

static void same_credentials_new_task(struct follow *f)
{
	task.pointers = 0x5000;
	assert_true(f->look(f));
	assert_int_equal(adds, 3);
	assert_true(deleted[1] && !deleted[2]);
}

static void no_room(struct follow *f)
{
	task.pointers = 0x5000;
	task.ids = 0x6000;
	refused_from = 4;
	assert_false(f->look(f));
	assert_true(deleted[1] && !deleted[2] && f->watch[0] == 3 && f->watch[1] == 2);
}

static void moves(void **state)
{
	run("", new_credentials);
	run("", new_task);
	run("", same_credentials_new_task);
	run("", no_room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_modules),
		cmocka_unit_test(names_in_both),
		cmocka_unit_test(moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
