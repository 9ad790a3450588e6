// SPDX-License-Identifier: MIT
/*
 * `trapctl watch exec`: a watch of supervisor code outside of the running kernel's own. The ranges are those of the kernel, its modules, and
 * what the kernel makes by itself; the module of Trapline keeps them up to date.
 */
#define _GNU_SOURCE
#include "trapctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE        4096ull
#define MODULES_MAX 1024
#define FLAG_FILE   "/sys/module/trapline/parameters/exec"
#define NAME_ROOM   512 /* KSYM_NAME_LEN */
#define TEXT_ROOM   512 /* of a command */
#define LOW_MEMORY  "0x1000-0xfffff"
/* The window in which Linux maps the firmware's runtime services: EFI_VA_END to EFI_VA_START. */
#define FIRMWARE "0xffffffef00000000-0xfffffffeffffffff"

struct module {
	char name[64];
	uint64_t first, bytes; /* as in /proc/modules */
	uint64_t newest;       /* where its last function begins */
};

static struct module modules[MODULES_MAX];

static struct {
	uint64_t first, last; /* the kernel's own text */
	unsigned modules, made;
	int status;
} found;

static void allow(const char *range)
{
	char text[TEXT_ROOM];
	int status;

	snprintf(text, sizeof(text), "watch allow %s", range);
	status = console_command(text, true);
	if (status)
		found.status = status;
}

static void allow_bytes(uint64_t first, uint64_t bytes)
{
	char range[64];

	snprintf(range, sizeof(range), "0x%" PRIx64 "+%" PRIu64, first, bytes);
	allow(range);
}

/* The symbol's module is in brackets. */
static bool is_of(const struct module *m, const char *module)
{
	size_t n = strlen(m->name);

	return !strncmp(module + 1, m->name, n) && !strcmp(module + 1 + n, "]");
}

static void note_function(uint64_t address, const char *module)
{
	for (unsigned i = 0; i < found.modules; i++) {
		struct module *m = &modules[i];

		if (address - m->first < m->bytes && address >= m->newest && is_of(m, module))
			m->newest = address;
	}
}

/* Code that the kernel makes while it runs has a symbol without a size: two pages from there. A module may have symbols of any name. */
static void take_symbol(uint64_t address, char type, const char *name, const char *module)
{
	if (!*module && !strcmp(name, "_stext"))
		found.first = address;
	else if (!*module && !strcmp(name, "_etext"))
		found.last = address - 1;
	if (*module && strchr("tTwW", type))
		note_function(address, module);
	if (strcmp(module, "[bpf]") && strcmp(module, "[__builtin__ftrace]") &&
		strcmp(module, "[__builtin__kprobes]"))
		return;
	allow_bytes(address & ~(PAGE - 1), 2 * PAGE);
	found.made++;
}

static void read_symbol(const char *line)
{
	char name[NAME_ROOM], module[64] = "", type;
	uint64_t address;

	if (sscanf(line, "%" SCNx64 " %c %511s %63s", &address, &type, name, module) >= 3 && address)
		take_symbol(address, type, name, module);
}

/* Lines are as long as they like: that of a module names all modules that use it. */
static void read_lines(const char *path, void (*take)(const char *line))
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;

	while (f && getline(&line, &room, f) > 0)
		take(line);
	free(line);
	if (f)
		fclose(f);
}

static void take_module(const char *line)
{
	struct module *m = &modules[found.modules];
	const char *at = strstr(line, " 0x");

	if (found.modules < MODULES_MAX && at && sscanf(line, "%63s %" SCNu64, m->name, &m->bytes) == 2 &&
		sscanf(at, "%" SCNx64, &m->first) == 1 && m->first)
		found.modules++;
}

/* Since Linux 6.4 a module's memory is several regions: the address is that of its code, and the size is the sum of all. */
static bool has_regions(void)
{
	unsigned major, minor;
	struct utsname u;

	return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 4));
}

/* A symbol has no size: the last function may end in the page behind the one that it begins in. */
static uint64_t code_bytes(const struct module *m)
{
	uint64_t bytes = (m->newest & ~(PAGE - 1)) + 2 * PAGE - m->first;

	return !m->newest ? 0 : bytes < m->bytes ? bytes : m->bytes;
}

static void allow_modules(void)
{
	bool regions = has_regions();

	for (unsigned i = 0; i < found.modules; i++) {
		uint64_t bytes = regions ? code_bytes(&modules[i]) : modules[i].bytes;

		if (bytes)
			allow_bytes(modules[i].first, bytes);
	}
}

/* From here on the module tells what comes and goes. */
static void turn_module_on(void)
{
	FILE *f = fopen(FLAG_FILE, "w");

	if (!f || fputs("1\n", f) < 0)
		fprintf(stderr, "trapctl: watch: the module is not loaded: code of modules that come later "
				"is told\n");
	if (f)
		fclose(f);
}

int watch_exec(const char *words)
{
	char text[TEXT_ROOM];

	turn_module_on();
	found.modules = 0;
	memset(modules, 0, sizeof(modules));
	read_lines("/proc/modules", take_module);
	read_lines("/proc/kallsyms", read_symbol);
	if (!found.first || found.last <= found.first) {
		fprintf(stderr,
			"trapctl: watch: /proc/kallsyms does not tell where the kernel is: root only\n");
		return STATUS_NO_ACCESS;
	}
	allow_modules();
	allow(LOW_MEMORY);
	if (!access("/sys/firmware/efi", F_OK))
		allow(FIRMWARE);
	if (found.status)
		return found.status;
	print_fields("watch kernel=0x%" PRIx64 "-0x%" PRIx64 " modules=%u made=%u", found.first, found.last,
		found.modules, found.made);
	snprintf(text, sizeof(text), "watch add exec supervisor outside=0x%" PRIx64 "-0x%" PRIx64 " %s",
		found.first, found.last, words);
	return console_command(text, false);
}
