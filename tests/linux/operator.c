// SPDX-License-Identifier: MIT
/*
 * The operator's side of a share and of messages: makes a share, announces it, and waits until the operator has
 * written to it and has sent a message. "operator waits", then "operator share=... message=...".
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../guest-tools/lib/trapline.h"

#define BYTES    8192ul
#define PLACE    4090 /* over the edge of a page */
#define ATTEMPTS 600

static char message[TRAPLINE_TEXT_MAX + 1];

static int heard(void)
{
	struct trapline_registers r = {
		TRAPLINE_CALL_hear, (uint64_t)message, TRAPLINE_TEXT_MAX, TRAPLINE_PAGE_IN, 0, 0};

	return trapline_call(&r) > 0;
}

int main(void)
{
	size_t bytes = BYTES;
	int64_t error;
	volatile char *memory = trapline_share("operator", &bytes, &error);
	int got = 0;

	if (!memory) {
		printf("operator: %s\n", trapline_error(error));
		return 1;
	}
	strcpy((char *)memory + PLACE, "from the guest");
	printf("operator waits\n");
	for (int i = 0; i < ATTEMPTS && !(got && memory[0]); i++) {
		got = got || heard();
		usleep(100000);
	}
	printf("operator share=\"%s\" message=\"%s\"\n", (const char *)memory, message);
	return 0;
}
