// SPDX-License-Identifier: MIT
#include "read_file.h"
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES (1u << 16)
#define MOST_BYTES  (1ull << 30)

/* Reads until the end: a pipe has no length, and a file may grow. */
static char *read_all(FILE *f, size_t *length)
{
	size_t room = FIRST_BYTES, n = 0, more;
	char *bytes = malloc(room);

	while (bytes && (more = fread(bytes + n, 1, room - n, f))) {
		char *larger;

		n += more;
		if (n < room)
			continue;
		room *= 2;
		larger = room <= MOST_BYTES ? realloc(bytes, room) : NULL;
		if (!larger) {
			free(bytes);
			errno = EFBIG;
			return NULL;
		}
		bytes = larger;
	}
	*length = n;
	return bytes;
}

char *read_file(const char *name, size_t *length)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "r") : stdin;
	char *bytes = f ? read_all(f, length) : NULL;
	bool bad = !bytes || ferror(f);

	if (bad)
		complain("%s: %s", name, strerror(errno));
	if (f && f != stdin)
		fclose(f);
	if (!bad)
		return bytes;
	free(bytes);
	return NULL;
}

void free_file(char *bytes)
{
	free(bytes);
}
