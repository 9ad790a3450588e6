// SPDX-License-Identifier: MIT
/*
 * The example service of the articles, in its three versions: registers, a guest-physical buffer, a
 * guest-virtual one. It prints what the articles' VMM prints. Off unless trapline.conf turns one on:
 * `physical` lets any process write four bytes to any address.
 */
#include "log/log.h"
#include "lib/string.h"
#include "mem/guest_ram.h"
#include "vmcall/caller.h"
#include "vmcall/check.h"

#define TEXT_MAX    200
#define VIRTUAL_MAX 64
#define ANSWER      "foo"

/* Characters of the guest for the operator's screen: nothing that moves the cursor. */
static char printable(char c)
{
	return c >= ' ' && c <= '~' ? c : '.';
}

static int64_t foo_registers(struct vmcall *call)
{
	log_line("rbx = %ld", (long)call->arg[ARG_RBX]);
	log_line("rcx = %ld", (long)call->arg[ARG_RCX]);
	log_line("rdx = %ld", (long)call->arg[ARG_RDX]);
	return 10;
}

static void print_text(const char *raw, uint64_t n)
{
	char text[TEXT_MAX + 1];
	uint64_t i;

	for (i = 0; i < n && raw[i]; i++)
		text[i] = printable(raw[i]);
	text[i] = '\0';
	log_line("[vmmcall foo] buf = %s", text);
}

/* Checks every page of a range; a range with a wrong length reaches a page that is not RAM. */
static bool is_ram(uint64_t physical, uint64_t bytes)
{
	return guest_is_ram(physical) && guest_is_ram(physical + bytes - 1);
}

static int64_t foo_physical(struct vmcall *call)
{
	uint64_t address = call->arg[ARG_RBX], bytes = call->arg[ARG_RCX];
	uint64_t n = bytes < TEXT_MAX ? bytes : TEXT_MAX,
		 write = bytes < sizeof(ANSWER) ? bytes : sizeof(ANSWER);
	struct check_limits limits;
	char raw[TEXT_MAX];

	caller_limits(call, &limits);
	if (!bytes || !check_physical(address, bytes, limits.physical_bits) || !is_ram(address, n)) {
		log_line("[vmmcall foo] mapmem_gphys error: %ld, %ld", (long)address, (long)bytes);
		return 1;
	}
	guest_ram_read(address, raw, n);
	print_text(raw, n);
	guest_ram_write(address, ANSWER, write);
	return 0;
}

static int64_t foo_virtual(struct vmcall *call)
{
	uint64_t address = call->arg[ARG_RBX], n = call->arg[ARG_RCX];
	uint64_t touched = n > sizeof(ANSWER) ? n : sizeof(ANSWER);
	struct check_limits limits;
	char raw[VIRTUAL_MAX];
	int64_t error;

	caller_limits(call, &limits);
	if (n > VIRTUAL_MAX)
		return TRAPLINE_E_ARGUMENT;
	if (!check_linear(address, touched, limits.linear_bits))
		return TRAPLINE_E_ADDRESS;
	error = caller_read(call, address, raw, n, true);
	if (!error)
		error = caller_write(call, address, ANSWER, sizeof(ANSWER), true);
	for (uint64_t i = 0; !error && i < n; i++)
		log_line("[vmmcall foo] %c", printable(raw[i]));
	return error;
}

int64_t vmcall_foo(struct vmcall *call)
{
	switch (boot_info.config.example_foo) {
	case EXAMPLE_FOO_REGISTERS:
		return foo_registers(call);
	case EXAMPLE_FOO_PHYSICAL:
		return foo_physical(call);
	default:
		return foo_virtual(call);
	}
}
