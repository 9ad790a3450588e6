// SPDX-License-Identifier: MIT
#include "trapctl.h"

#include <stdio.h>
#include <string.h>

#define NAMES_MAX 1024

/* The names of all services that are in the mask (in), or of all others. */
static const char *services(uint64_t mask, bool in, char names[NAMES_MAX])
{
	size_t n = 0;

	*names = '\0';
#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	if ((mask >> (number)&1) == in && trapline_lookup(#name))                                            \
		n += (size_t)snprintf(names + n, NAMES_MAX - n, "%s%s", n ? " " : "", #name);
	TRAPLINE_SERVICES(X)
#undef X
	return names;
}

/* Prints what needs no rights. */
static void print_what(void)
{
	struct trapline_registers version = {.rax = TRAPLINE_CALL_version};
	char user[NAMES_MAX], kernel[NAMES_MAX], name[ABOUT_MAX], backend[ABOUT_MAX];

	trapline_call(&version);
	print_fields(
		json ? "trapline version=\"%s\" backend=%s abi=%lld copy_buffer_mib=%llu user=\"%s\" "
		       "kernel=\"%s\""
		     : "version: %s\nbackend: %s\nabi: %lld\ncopy buffer: %llu MiB\nuser: %s\nkernel: %s",
		about("version", name), about("backend", backend), (long long)version.rax,
		(unsigned long long)version.rcx >> 20, services(version.rbx, true, user),
		services(version.rbx, false, kernel));
}

static void print_done(const struct trapline_registers *r, int64_t frozen, uint64_t not_kept)
{
	char left[32] = "no";

	if (frozen)
		snprintf(left, sizeof(left), "for %lld s", (long long)frozen);
	if (json)
		print_fields("status cpus=%lld records=%llu ring=%llu frozen=%lld not_kept=%llu refused=%llu "
			     "tsc_khz=%llu",
			(long long)r->rax, (unsigned long long)r->rbx, (unsigned long long)r->rcx,
			(long long)frozen, (unsigned long long)not_kept, (unsigned long long)r->rdx,
			(unsigned long long)r->rdi);
	else
		printf("cpus: %lld\nrecords: %llu, the newest %llu of each cpu are kept\nfrozen: %s\n"
		       "not kept: %llu\nrefused: %llu\ntsc: %llu kHz\n",
			(long long)r->rax, (unsigned long long)r->rbx, (unsigned long long)r->rcx, left,
			(unsigned long long)not_kept, (unsigned long long)r->rdx, (unsigned long long)r->rdi);
}

int command_status(int argc, char **argv)
{
	struct trapline_registers status = {.rax = TRAPLINE_CALL_status};
	uint64_t not_kept;
	int64_t left;

	if (argc != 1)
		return usage(argv[0]);
	print_what();
	if (trapline_call(&status) < 0)
		return fail("what it has done", status.rax);
	left = trapline_frozen(&not_kept);
	if (left < 0)
		return fail("whether its rings are frozen", left);
	print_done(&status, left, not_kept);
	return STATUS_OK;
}
