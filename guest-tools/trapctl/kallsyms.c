// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "trapctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_HALF (1ull << 63)
/* the PCID; bit 12 where user mode has page tables of its own, one page further */
#define CR3_FLAGS    0x1fffull
#define MAP_LINE_MAX 1024

struct named {
	uint64_t address;
	char *name, *module; /* module: "" in the kernel itself, else as " [name]" */
};

static struct named *kernel;
static size_t kernel_count;

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct named *)a)->address, y = ((const struct named *)b)->address;

	return x < y ? -1 : x > y;
}

/* Symbols of one module are adjacent, so its name is stored once. */
static char *keep_module(const char *module)
{
	static char none[] = "", *newest = none;

	if (*module && (!*newest || strcmp(newest + 1, module))) {
		newest = malloc(strlen(module) + 2);
		if (!newest)
			exit(STATUS_FAILED);
		sprintf(newest, " %s", module);
	}
	return *module ? newest : none;
}

/* Reads text symbols only. Without privileges the kernel shows every address as 0. */
static void read_kallsyms(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	size_t room = 0;
	char line[512], name[256], module[64], type;
	uint64_t address;

	while (f && fgets(line, sizeof(line), f)) {
		module[0] = '\0';
		if (sscanf(line, "%" SCNx64 " %c %255s %63[^\n]", &address, &type, name, module) < 3 ||
			!address || !strchr("tTwW", type))
			continue;
		if (kernel_count == room) {
			room = room ? 2 * room : 4096;
			kernel = realloc(kernel, room * sizeof(*kernel));
			if (!kernel)
				exit(STATUS_FAILED);
		}
		kernel[kernel_count++] = (struct named){address, strdup(name), keep_module(module)};
	}
	if (f)
		fclose(f);
	qsort(kernel, kernel_count, sizeof(*kernel), by_address);
}

static const char *kernel_symbol(uint64_t address)
{
	static char text[SYMBOL_MAX];
	static bool read;
	size_t low = 0, high;

	if (!read)
		read_kallsyms();
	read = true;
	high = kernel_count;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (kernel[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return "";
	snprintf(text, sizeof(text), "%s+0x%" PRIx64 "%s", kernel[low - 1].name,
		address - kernel[low - 1].address, kernel[low - 1].module);
	return text;
}

/*
 * Opens the maps of a process, alive or ended. Another process may have the number by now, but not page tables at the same
 * address. NULL: the maps are gone.
 */
static FILE *open_maps(int pid, uint64_t cr3)
{
	static const struct trapline_ended *ended;
	static bool looked;
	char path[64];

	if (!looked)
		ended = ended_process(pid == PID_ENDED ? 0 : pid);
	looked = true;
	if (ended && !((ended->cr3 ^ cr3) & ~CR3_FLAGS) && *ended->maps)
		return fmemopen((void *)ended->maps, strlen(ended->maps), "r");
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return pid == PID_ENDED ? NULL : fopen(path, "r");
}

/* The file at an address of a process, and the offset in it, as addr2line and objdump need it. */
static const char *process_symbol(uint64_t address, uint64_t cr3, int pid)
{
	static char text[SYMBOL_MAX];
	char line[MAP_LINE_MAX], file[256];
	FILE *f = open_maps(pid, cr3);

	text[0] = '\0';
	while (f && fgets(line, sizeof(line), f)) {
		uint64_t from, to, offset;

		file[0] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64 " %*s %*s %255[^\n]", &from, &to,
			    &offset, file) < 3 ||
			address < from || address >= to)
			continue;
		snprintf(text, sizeof(text), "%s+0x%" PRIx64, file[0] ? file : "anonymous",
			address - from + offset);
		break;
	}
	if (f)
		fclose(f);
	return text;
}

const char *symbol(uint64_t address, uint64_t cr3, int pid)
{
	if (address & KERNEL_HALF)
		return kernel_symbol(address);
	return pid != PID_NONE ? process_symbol(address, cr3, pid) : "";
}
