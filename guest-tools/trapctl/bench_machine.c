// SPDX-License-Identifier: MIT
/* Where a run of trapctl bench takes place: what Linux says of the machine, and Trapline of itself. */
#define _GNU_SOURCE
#include "bench.h"
#include "lib/array.h"
#include "trapctl.h"

#include <cpuid.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#define WEAK_DIR "/sys/devices/system/cpu/vulnerabilities"

/* The value of a line "name<tabs>: value", if it is one. */
static const char *cpuinfo_value(const char *line, const char *name)
{
	size_t n = strlen(name);
	const char *colon = line + n + strspn(line + n, "\t ");

	return !strncmp(line, name, n) && colon[0] == ':' && colon[1] == ' ' ? colon + 2 : NULL;
}

static void take_cpuinfo(struct bench *b, const char *line)
{
	static const struct {
		const char *name;
		enum bench_text which;
	} lines[] = {{"model name", BENCH_TEXT_cpu}, {"cpu family", BENCH_TEXT_family},
		{"model", BENCH_TEXT_model}, {"stepping", BENCH_TEXT_stepping},
		{"microcode", BENCH_TEXT_microcode}};

	for (unsigned i = 0; i < ARRAY_SIZE(lines); i++) {
		const char *value = cpuinfo_value(line, lines[i].name);

		if (value)
			bench_set(b, lines[i].which, value);
	}
}

/* Each CPU has a paragraph. They may differ in microcode. */
static void read_cpuinfo(struct bench *b)
{
	FILE *in = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool mine = false;

	while (in && fgets(line, sizeof(line), in)) {
		const char *number = cpuinfo_value(line, "processor");

		line[strcspn(line, "\n")] = '\0';
		if (number)
			mine = strtoul(number, NULL, 10) == b->cpu;
		if (mine)
			take_cpuinfo(b, line);
	}
	if (in)
		fclose(in);
}

static void read_text(struct bench *b, enum bench_text which, const char *path)
{
	char text[BENCH_TEXT_MAX] = "";
	FILE *in = fopen(path, "re");

	if (!in)
		return;
	if (fgets(text, sizeof(text), in)) {
		text[strcspn(text, "\n")] = '\0';
		bench_set(b, which, text);
	}
	fclose(in);
}

static void take_first(void *to, const char *line)
{
	char *text = to;

	if (!*text)
		snprintf(text, BENCH_TEXT_MAX, "%s", line + strcspn(line, " "));
}

/* Only root with the module may ask. */
static void ask(struct bench *b, enum bench_text which, const char *command)
{
	char text[BENCH_TEXT_MAX] = "", why[TRAPLINE_WHY_MAX];

	if (trapline_ask(command, take_first, text, why))
		return;
	bench_hide_addresses(text);
	bench_set(b, which, text + (*text == ' '));
}

/* The signature of a hypervisor (CPUID leaf 1 ECX, bit 31, and leaf 0x40000000): Trapline's, or another one's that is beneath as well. */
static void describe_hypervisor(struct bench *b)
{
	uint32_t a, word[3] = {0}, c = 0, d, rest;
	char name[sizeof(word) + 1] = "";

	__cpuid(1, a, rest, c, d);
	if (!(c & 1u << 31))
		return;
	__cpuid(0x40000000, a, word[0], word[1], word[2]);
	memcpy(name, word, sizeof(word));
	bench_set(b, BENCH_TEXT_hypervisor, *name ? name : "without a name");
}

static void describe_trapline(struct bench *b)
{
	char value[ABOUT_MAX];

	if (!trapline_present())
		return;
	bench_set(b, BENCH_TEXT_version, about("version", value));
	bench_set(b, BENCH_TEXT_backend, about("backend", value));
	bench_set(b, BENCH_TEXT_mitigations, about("mitigations", value));
	ask(b, BENCH_TEXT_intercept, "intercept");
	ask(b, BENCH_TEXT_filter, "filter");
}

static void describe_weakness(struct bench *b, const char *name)
{
	char path[sizeof(WEAK_DIR) + 256], state[BENCH_TEXT_MAX] = "";
	FILE *in;

	snprintf(path, sizeof(path), "%s/%s", WEAK_DIR, name);
	in = fopen(path, "re");
	if (!in)
		return;
	if (fgets(state, sizeof(state), in)) {
		state[strcspn(state, "\n")] = '\0';
		bench_set_weakness(b, name, state);
	}
	fclose(in);
}

static void describe_weaknesses(struct bench *b)
{
	DIR *dir = opendir(WEAK_DIR);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (*entry->d_name != '.')
			describe_weakness(b, entry->d_name);
	if (dir)
		closedir(dir);
}

void bench_describe(struct bench *b)
{
	char path[96];
	struct utsname name;

	read_cpuinfo(b);
	describe_hypervisor(b);
	bench_set(b, BENCH_TEXT_trapctl, trapctl_version());
	if (!uname(&name))
		bench_set(b, BENCH_TEXT_kernel, name.release);
	read_text(b, BENCH_TEXT_smt, "/sys/devices/system/cpu/smt/active");
	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/cpufreq/scaling_governor", b->cpu);
	read_text(b, BENCH_TEXT_governor, path);
	describe_trapline(b);
	describe_weaknesses(b);
}
