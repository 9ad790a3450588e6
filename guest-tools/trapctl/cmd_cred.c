// SPDX-License-Identifier: MIT
/*
 * trapctl watch cred: two watches, one of the task's pointers to its credentials and one of the identifiers and capabilities in them. The
 * kernel never changes credentials in use: setuid() and the like make new ones and exchange the pointers (commit_creds). So another
 * writer is told, and after an exchange the second watch moves to the new ones.
 */
#define _GNU_SOURCE
#include "follow.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX   128
#define RANGES_MAX  4
#define FUNCTIONS   (sizeof(functions) / sizeof(*functions))
#define PADDING_MAX 64 /* between two functions */
#define POINTERS    0  /* numbers of the watches */
#define IDENTIFIERS 1
#define BEFORE      2 /* added to one of these: the watch before it, some hits of which may not be printed yet */

/*
 * Linux's functions that exchange the pointers, and those that lie between them, so that there is one range. A module may give the same names
 * to its own.
 */
static const char *const functions[] = {"vmlinux:override_creds", "vmlinux:cred_fscmp",
	"vmlinux:get_task_cred", "vmlinux:set_security_override", "vmlinux:set_security_override_from_ctx",
	"vmlinux:set_create_files_as", "vmlinux:put_cred_rcu", "vmlinux:__put_cred", "vmlinux:revert_creds",
	"vmlinux:abort_creds", "vmlinux:prepare_creds", "vmlinux:commit_creds", "vmlinux:prepare_kernel_cred",
	"vmlinux:exit_creds", "vmlinux:prepare_exec_creds", "vmlinux:cred_alloc_blank", "vmlinux:copy_creds"};

struct range {
	uint64_t first, end;
};

struct watched {
	struct trapline_cred at;
	int file; /* holds the credentials in memory */
	char words[WORDS_MAX];
	char except[WORDS_MAX];
};

static int by_first(const void *a, const void *b)
{
	uint64_t x = ((const struct range *)a)->first, y = ((const struct range *)b)->first;

	return x < y ? -1 : x > y;
}

static unsigned merge(struct range *r, unsigned n)
{
	unsigned kept = 0;

	qsort(r, n, sizeof(*r), by_first);
	for (unsigned i = 0; i < n; i++)
		if (kept && r[i].first <= r[kept - 1].end + PADDING_MAX)
			r[kept - 1].end = r[i].end > r[kept - 1].end ? r[i].end : r[kept - 1].end;
		else
			r[kept++] = r[i];
	return kept;
}

/* The word except=RANGES. Ranges beyond those that fit are left out: then more is told, and not less. */
static void find_functions(char text[WORDS_MAX])
{
	struct found_symbol s[FUNCTIONS] = {0};
	struct range r[FUNCTIONS];
	unsigned n = 0;
	size_t length = 0;

	for (unsigned i = 0; i < FUNCTIONS; i++)
		s[i].name = functions[i];
	find_symbols(s, FUNCTIONS);
	for (unsigned i = 0; i < FUNCTIONS; i++)
		if (s[i].count == 1 && s[i].bytes)
			r[n++] = (struct range){s[i].address, s[i].address + s[i].bytes};
	n = merge(r, n);
	*text = '\0';
	for (unsigned i = 0; i < n && i < RANGES_MAX && length < WORDS_MAX; i++)
		length += (size_t)snprintf(text + length, WORDS_MAX - length, "%s0x%" PRIx64 "+%" PRIu64,
			i ? "," : " except=", r[i].first, r[i].end - r[i].first);
}

static unsigned add(const struct watched *w, uint64_t address, uint64_t bytes, int *status)
{
	char words[3 * WORDS_MAX];

	snprintf(words, sizeof(words), "w linear 0x%" PRIx64 "+%" PRIu64 "%s%s", address, bytes, w->words,
		w->except);
	return watch_add(words, status);
}

static void tell(const struct watched *w, const struct follow *f)
{
	print_fields("cred pid=%d pointers=0x%" PRIx64 " watch=%u ids=0x%" PRIx64 "+%" PRIu64 " watch=%u",
		w->at.pid, (uint64_t)w->at.pointers, f->watch[POINTERS], (uint64_t)w->at.ids,
		(uint64_t)w->at.id_bytes, f->watch[IDENTIFIERS]);
	fflush(stdout);
}

/* The new watch is there before the old one goes. */
static bool exchange(
	const struct watched *w, struct follow *f, unsigned which, uint64_t address, uint64_t bytes)
{
	int status;
	unsigned before = f->watch[which], id = add(w, address, bytes, &status);

	if (!id)
		return false;
	f->watch[which + BEFORE] = before;
	f->watch[which] = id;
	trapline_watch_delete(before);
	return true;
}

/* A thread that calls execve() takes over the number of its process, and the pointers are those in its own task then. */
static bool move(struct watched *w, struct follow *f, const struct trapline_cred *to, int file)
{
	if ((to->pointers != w->at.pointers && !exchange(w, f, POINTERS, to->pointers, to->pointer_bytes)) ||
		(to->ids != w->at.ids && !exchange(w, f, IDENTIFIERS, to->ids, to->id_bytes))) {
		close(file);
		return false;
	}
	close(w->file);
	w->file = file;
	w->at = *to;
	tell(w, f);
	return true;
}

/* False: the process has ended. */
static bool look(struct follow *f)
{
	struct watched *w = f->own;
	struct trapline_cred at = {.pid = w->at.pid};
	int64_t error;
	int file;

	error = trapline_cred(&at, &file);
	if (error == TRAPLINE_SYSTEM && errno == ESRCH)
		return false;
	if (error < 0) {
		fail("watch cred", error);
		return false;
	}
	if (at.ids != w->at.ids || at.pointers != w->at.pointers)
		return move(w, f, &at, file);
	close(file);
	return true;
}

static bool take_pid(struct watched *w, char **argv, int *i)
{
	const char *value = option_value(argv[*i], "--pid");
	uint64_t n;

	if (!value && !strcmp(argv[*i], "--pid") && argv[*i + 1])
		value = argv[++*i];
	if (!value || !number(value, &n) || !n || n > INT32_MAX)
		return false;
	w->at.pid = (int)n;
	return true;
}

static bool take_words(struct watched *w, struct follow *f, char **argv)
{
	for (int i = 0; argv[i]; i++) {
		size_t n = strlen(w->words);

		if (*argv[i] != '-')
			snprintf(w->words + n, sizeof(w->words) - n, " %s", argv[i]);
		else if (!follow_take(f, argv, &i) && !take_pid(w, argv, &i))
			return false;
	}
	return w->at.pid;
}

int watch_cred(char **argv)
{
	struct watched w = {0};
	struct follow f = {.look = look, .own = &w};
	int64_t error;
	int status;

	if (!take_words(&w, &f, argv))
		return usage("watch");
	error = trapline_cred(&w.at, &w.file);
	if (error < 0)
		return fail("watch cred", error);
	find_functions(w.except);
	f.watch[POINTERS] = add(&w, w.at.pointers, w.at.pointer_bytes, &status);
	if (f.watch[POINTERS])
		f.watch[IDENTIFIERS] = add(&w, w.at.ids, w.at.id_bytes, &status);
	if (f.watch[IDENTIFIERS]) {
		tell(&w, &f);
		status = follow_watches(&f);
	} else if (f.watch[POINTERS]) {
		trapline_watch_delete(f.watch[POINTERS]);
	}
	close(w.file);
	return status;
}
