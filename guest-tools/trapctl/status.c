#include "trapctl.h"

#include <stdio.h>

/* All that are there, those first that user mode may call. */
static void print_services(const char *what, uint64_t mask, bool in)
{
	printf("%s:", what);
#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors, help, results)                                 \
	if ((mask >> (number)&1) == in && trapline_lookup(#name))                                            \
		printf(" %s", #name);
	TRAPLINE_SERVICES(X)
#undef X
	printf("\n");
}

int command_status(int argc, char **argv)
{
	struct trapline_registers version = {.rax = TRAPLINE_CALL_version},
				  status = {.rax = TRAPLINE_CALL_status};

	if (argc != 1)
		return usage(argv[0]);
	trapline_call(&version);
	printf("abi: %lld\n", (long long)version.rax);
	printf("tray: %llu MiB\n", (unsigned long long)version.rcx >> 20);
	print_services("user", version.rbx, true);
	print_services("kernel", version.rbx, false);
	if (trapline_call(&status) < 0)
		return fail("what it has done", status.rax);
	printf("cpus: %lld\n", (long long)status.rax);
	printf("records: %llu, the newest %llu of each cpu are kept\n", (unsigned long long)status.rbx,
		(unsigned long long)status.rcx);
	printf("refused: %llu\n", (unsigned long long)status.rdx);
	printf("tsc: %llu kHz\n", (unsigned long long)status.rdi);
	return STATUS_OK;
}
