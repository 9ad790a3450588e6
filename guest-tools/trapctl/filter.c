#include "trapctl.h"

#include <stdio.h>
#include <string.h>
#include <trace/vector.h>

static void print_mask(const char *what, uint32_t mask)
{
	printf("%s:", what);
	for (unsigned i = 0; i < VECTOR_COUNT; i++) {
		const char *name = vector_name(i);

		if (!(mask >> i & 1))
			continue;
		if (name)
			printf(" %s", name);
		else
			printf(" %u", i);
	}
	printf("%s\n", mask ? "" : " none");
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
		print_mask("printed", (uint32_t)now.rbx);
		print_mask("recorded", (uint32_t)now.rcx);
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
