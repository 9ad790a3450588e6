// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <stdio.h>
#include <string.h>
#include <trace/vector.h>

static const char *names_of(uint32_t mask, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (unsigned i = 0; i < VECTOR_COUNT; i++) {
		char number[8];

		snprintf(number, sizeof(number), "%u", i);
		if (mask >> i & 1)
			n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "",
				vector_name(i) ? vector_name(i) : number);
	}
	return n ? text : "none";
}

static void print_masks(uint32_t printed, uint32_t recorded)
{
	char p[512], r[512];

	print_fields(json ? "filter printed=\"%s\" recorded=\"%s\"" : "printed: %s\nrecorded: %s",
		names_of(printed, p, sizeof(p)), names_of(recorded, r, sizeof(r)));
}

int command_filter(int argc, char **argv)
{
	struct trapline_registers now = {.rax = TRAPLINE_CALL_filter_get},
				  set = {.rax = TRAPLINE_CALL_filter_set};
	char list[1024] = "";
	uint32_t mask;

	if (trapline_call(&now) < 0)
		return fail("filter", now.rax);
	if (argc == 1) {
		print_masks((uint32_t)now.rbx, (uint32_t)now.rcx);
		return STATUS_OK;
	}
	for (int i = 1; i < argc; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s ", argv[i]);
	mask = (uint32_t)now.rbx;
	if (!vector_list(list, &mask))
		return usage(argv[0]);
	set.rbx = mask;
	return trapline_call(&set) < 0 ? fail("filter", set.rax) : STATUS_OK;
}
