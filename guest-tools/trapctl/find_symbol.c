// SPDX-License-Identifier: MIT
/* Addresses of the kernel's symbols: /proc/kallsyms has them all, also data (CONFIG_KALLSYMS_ALL), but no sizes. */
#define _GNU_SOURCE
#include "trapctl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_ITSELF "vmlinux"

struct line {
	uint64_t address;
	char *name, *module; /* module: KERNEL_ITSELF, or a module's name */
};

/* "ffffffffc0203000 d pump\t[victim]". False: it is none, or, without privileges, one with the address 0. No module is taken for the kernel. */
static bool cut_line(char *text, struct line *l)
{
	static char kernel[] = KERNEL_ITSELF;
	char *rest;

	l->address = strtoull(text, &rest, 16);
	if (!l->address || *rest != ' ' || !rest[1] || rest[2] != ' ')
		return false;
	l->name = rest + 3;
	rest = l->name + strcspn(l->name, "\t\n");
	l->module = *rest == '\t' && rest[1] == '[' ? rest + 2 : kernel;
	*rest = '\0';
	if (l->module == kernel)
		return true;
	l->module[strcspn(l->module, "]")] = '\0';
	return strcmp(l->module, kernel);
}

static bool is_it(const struct line *l, const char *name)
{
	const char *colon = strchr(name, ':');
	size_t n = colon ? (size_t)(colon - name) : 0;

	return !strcmp(l->name, colon ? colon + 1 : name) &&
	       (!colon || (strlen(l->module) == n && !strncmp(l->module, name, n)));
}

static void look(const struct line *l, struct found_symbol *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (is_it(l, s[i].name) && !(s[i].count && s[i].address == l->address)) {
			s[i].address = l->address;
			snprintf(s[i].module, sizeof(s[i].module), "%s", l->module);
			s[i].count++;
		}
}

/* A symbol ends where the next one of its module begins. */
static void look_behind(const struct line *l, struct found_symbol *s, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t bytes = l->address - s[i].address;

		if (s[i].count == 1 && l->address > s[i].address && (!s[i].bytes || bytes < s[i].bytes) &&
			!strcmp(l->module, s[i].module))
			s[i].bytes = bytes;
	}
}

static void for_each_line(void (*each)(const struct line *l, struct found_symbol *s, unsigned n),
	struct found_symbol *s, unsigned n)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char text[512];
	struct line l;

	while (f && fgets(text, sizeof(text), f))
		if (cut_line(text, &l))
			each(&l, s, n);
	if (f)
		fclose(f);
}

void find_symbols(struct found_symbol *s, unsigned n)
{
	for_each_line(look, s, n);
	for_each_line(look_behind, s, n);
}
