// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS  5
#define BUFFER_MAX (1u << 20)

struct buffer {
	unsigned char *bytes;
	uint64_t size;
};

/* Takes an argument: a number, text:TEXT (its address), or buffer:BYTES (its address; it is printed afterwards). */
static bool take(const char *word, uint64_t *value, struct buffer *b)
{
	if (!strncmp(word, "text:", 5)) {
		*value = (uint64_t)(word + 5);
		return true;
	}
	if (strncmp(word, "buffer:", 7))
		return number(word, value);
	if (b->bytes || !number(word + 7, &b->size) || !b->size || b->size > BUFFER_MAX)
		return false; /* one buffer is enough for every service */
	b->bytes = calloc(1, b->size);
	*value = (uint64_t)b->bytes;
	return b->bytes != NULL;
}

static void print_registers(const struct trapline_registers *r)
{
	print_fields("%srax=%lld rbx=0x%llx rcx=0x%llx rdx=0x%llx rsi=0x%llx rdi=0x%llx", json ? "call " : "",
		(long long)r->rax, (unsigned long long)r->rbx, (unsigned long long)r->rcx,
		(unsigned long long)r->rdx, (unsigned long long)r->rsi, (unsigned long long)r->rdi);
}

static void dump_row(const struct buffer *b, uint64_t from, uint64_t to)
{
	char bytes[2 * 16 + 1];

	for (uint64_t i = from; i < to; i++)
		snprintf(bytes + 2 * (i - from), 3, "%02x", b->bytes[i]);
	print_fields("buffer offset=%llu bytes=\"%s\"", (unsigned long long)from, bytes);
}

static void dump(const struct buffer *b)
{
	for (uint64_t i = 0; json && i < b->size; i += 16)
		dump_row(b, i, i + 16 < b->size ? i + 16 : b->size);
	if (json)
		return;
	for (uint64_t i = 0; i < b->size; i += 16) {
		printf("%06llx ", (unsigned long long)i);
		for (uint64_t j = i; j < i + 16 && j < b->size; j++)
			printf(" %02x", b->bytes[j]);
		printf("  ");
		for (uint64_t j = i; j < i + 16 && j < b->size; j++)
			putchar(isprint(b->bytes[j]) ? b->bytes[j] : '.');
		printf("\n");
	}
}

static uint64_t service(const char *word)
{
	uint64_t n;

	return number(word, &n) ? n : trapline_lookup(word);
}

int command_call(int argc, char **argv)
{
	uint64_t arg[ARGUMENTS] = {0};
	struct buffer b = {0};
	struct trapline_registers r;

	if (argc < 2 || argc > 2 + ARGUMENTS)
		return usage(argv[0]);
	for (int i = 2; i < argc; i++)
		if (!take(argv[i], &arg[i - 2], &b))
			return usage(argv[0]);
	r = (struct trapline_registers){(int64_t)service(argv[1]), arg[0], arg[1], arg[2], arg[3], arg[4]};
	if (!r.rax) {
		fprintf(stderr, "trapctl: no service has the name %s\n", argv[1]);
		return STATUS_NOTHING;
	}
	trapline_call(&r);
	print_registers(&r);
	dump(&b);
	free(b.bytes);
	return r.rax < 0 ? fail(argv[1], r.rax) : STATUS_OK;
}
