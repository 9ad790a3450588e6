#define _GNU_SOURCE
#include "trapctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KERNEL_HALF (1ull << 63)

struct named {
	uint64_t address;
	char *name;
};

static struct named *kernel;
static size_t kernel_count;

static int by_address(const void *a, const void *b)
{
	uint64_t x = ((const struct named *)a)->address, y = ((const struct named *)b)->address;

	return x < y ? -1 : x > y;
}

/* Text symbols only; without privileges the kernel gives every address as 0. */
static void read_kallsyms(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	size_t room = 0;
	char line[512], name[256], type;
	uint64_t address;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 " %c %255s", &address, &type, name) != 3 || !address ||
			!strchr("tTwW", type))
			continue;
		if (kernel_count == room) {
			room = room ? 2 * room : 4096;
			kernel = realloc(kernel, room * sizeof(*kernel));
			if (!kernel)
				exit(STATUS_FAILED);
		}
		kernel[kernel_count++] = (struct named){address, strdup(name)};
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
	snprintf(
		text, sizeof(text), "%s+0x%" PRIx64, kernel[low - 1].name, address - kernel[low - 1].address);
	return text;
}

/* A process has files at its addresses; the place in the file is what addr2line and objdump want. */
static const char *process_symbol(uint64_t address, int pid)
{
	static char text[SYMBOL_MAX];
	char path[64], line[512], file[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "r");
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

const char *symbol(uint64_t address, int pid)
{
	if (address & KERNEL_HALF)
		return kernel_symbol(address);
	return pid ? process_symbol(address, pid) : "";
}
