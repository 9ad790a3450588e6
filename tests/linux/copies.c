// SPDX-License-Identifier: MIT
/*
 * The copy buffer from user space, without privileges: buffers that were never touched, that are copied on write,
 * read-only or unmapped. One line for each case, "copies name=... ok"; the exit status is the number of cases that
 * failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../guest-tools/lib/trapline.h"
#include "hw/x86.h"

#define MIB         (1ul << 20)
#define COPY_BUFFER (16 * MIB)
#define PAGE        4096ul
#define KERNEL      0xffff800000000000ul
#define UNMAPPED    0x10000000ul

static int failed;

static void report(const char *name, int good)
{
	printf("copies name=%s %s\n", name, good ? "ok" : "FAILED");
	failed += !good;
}

static unsigned char pattern(size_t i)
{
	return (unsigned char)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

static int holds_pattern(const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != pattern(i))
			return 0;
	return 1;
}

static unsigned char *fresh(size_t n)
{
	return mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* 16 MiB each way, into memory for which the kernel has not yet allocated pages. */
static void largest(void)
{
	unsigned char *from = malloc(COPY_BUFFER), *to = malloc(COPY_BUFFER);

	for (size_t i = 0; i < COPY_BUFFER; i++)
		from[i] = pattern(i);
	report("put_16_mib", trapline_put(from, COPY_BUFFER, 0) == 0);
	report("get_16_mib_untouched",
		trapline_get(to, COPY_BUFFER, 0) == 0 && holds_pattern(to, COPY_BUFFER));
	free(from);
	free(to);
}

/* Untouched memory reads as zeros, from the kernel's single zero page. */
static void untouched(void)
{
	unsigned char *from = fresh(5 * PAGE), to[5 * PAGE];

	memset(to, 1, sizeof(to));
	report("put_untouched", trapline_put(from, 5 * PAGE, 0) == 0 &&
					trapline_get(to, sizeof(to), 0) == 0 &&
					!memcmp(from, to, sizeof(to)));
	munmap(from, 5 * PAGE);
}

/* A child's pages are shared with its parent until one of them writes. */
static void copy_on_write(void)
{
	unsigned char *page = fresh(2 * PAGE);
	int status = 1;

	memset(page, 0x11, 2 * PAGE);
	memset(page + PAGE, 0x22, PAGE);
	trapline_put(page + PAGE, PAGE, 0);
	pid_t child = fork();
	if (child == 0) {
		unsigned char mine[16] = "from the child";
		int good = trapline_put(mine, sizeof(mine), 0) == 0 &&
			   trapline_get(page + 100, sizeof(mine), 0) == 0 &&
			   !memcmp(page + 100, mine, sizeof(mine)) && page[99] == 0x11;
		_exit(!good);
	}
	waitpid(child, &status, 0);
	report("copy_on_write", status == 0 && page[100] == 0x11);
	munmap(page, 2 * PAGE);
}

static sigjmp_buf back;
static void *fault_address;

static void on_fault(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	fault_address = info->si_addr;
	siglongjmp(back, 1);
}

/* If the OS cannot page in, it sends SIGSEGV, for the address at which a MOV would have faulted. */
static void segmentation_fault(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, before;
	unsigned char *pages = fresh(3 * PAGE);

	mprotect(pages + 2 * PAGE, PAGE, PROT_READ);
	memset(pages, 0x33, 2 * PAGE);
	sigaction(SIGSEGV, &action, &before);
	trapline_put(pages, 2 * PAGE, 0);
	trapline_put(pages, PAGE, 2 * PAGE);
	if (!sigsetjmp(back, 1)) {
		trapline_get(pages + 10, 3 * PAGE - 10, 0);
		report("segv_read_only", 0);
	} else {
		report("segv_read_only", fault_address == pages + 2 * PAGE);
	}
	if (!sigsetjmp(back, 1)) {
		trapline_put((void *)(UNMAPPED + 5), 10, 0);
		report("segv_unmapped", 0);
	} else {
		report("segv_unmapped", fault_address == (void *)(UNMAPPED + 5));
	}
	if (!sigsetjmp(back, 1)) {
		trapline_put((void *)(KERNEL + 5), 10, 0);
		report("segv_kernel", 0);
	} else {
		report("segv_kernel", 1);
	}
	sigaction(SIGSEGV, &before, NULL);
	munmap(pages, 3 * PAGE);
}

static int64_t copy(int call, const void *at, uint64_t bytes, uint64_t offset, struct trapline_registers *r)
{
	*r = (struct trapline_registers){call, (uint64_t)at, bytes, offset, 0, 77};
	return trapline_call(r);
}

/* Without TRAPLINE_PAGE_IN the caller learns how far the copy came, and why it ended. */
static void progress(void)
{
	unsigned char *pages = fresh(4 * PAGE);
	struct trapline_registers r;
	int64_t error;

	memset(pages, 0x44, 4 * PAGE);
	trapline_put(pages, 4 * PAGE, 0);
	madvise(pages + 2 * PAGE, PAGE, MADV_DONTNEED);
	error = copy(TRAPLINE_CALL_get_virtual, pages + 8, 4 * PAGE - 8, 0, &r);
	report("progress", error == TRAPLINE_E_FAULT && r.rbx == (uint64_t)pages + 2 * PAGE &&
				   r.rcx == 2 * PAGE && r.rdx == 2 * PAGE - 8 && r.rdi == (PF_W | PF_U));
	mprotect(pages, PAGE, PROT_READ);
	error = copy(TRAPLINE_CALL_get_virtual, pages, PAGE, 0, &r);
	report("read_only", error == TRAPLINE_E_FAULT && r.rbx == (uint64_t)pages && r.rcx == PAGE &&
				    r.rdi == (PF_P | PF_W | PF_U));
	error = copy(TRAPLINE_CALL_put_virtual, (void *)0xffffffff81000000ul, 8, 0, &r);
	report("kernel_memory", error == TRAPLINE_E_FAULT && (r.rdi & PF_U));
	munmap(pages, 4 * PAGE);
}

static void refused(void)
{
	struct trapline_registers r;
	char byte = 0;

	report("non_canonical",
		copy(TRAPLINE_CALL_put_virtual, (void *)(1ul << 47), 1, 0, &r) == TRAPLINE_E_ADDRESS);
	report("across_the_hole", copy(TRAPLINE_CALL_put_virtual, (void *)0x7ffffffff000ul, 2 * PAGE, 0,
					  &r) == TRAPLINE_E_ADDRESS);
	report("wraps", copy(TRAPLINE_CALL_put_virtual, (void *)~0ul, 2, 0, &r) == TRAPLINE_E_ADDRESS);
	report("giant", copy(TRAPLINE_CALL_put_virtual, (void *)PAGE, ~0ul >> 20, 0, &r) == TRAPLINE_E_RANGE);
	report("beyond_the_copy_buffer", copy(TRAPLINE_CALL_put_virtual, &byte, 1, COPY_BUFFER, &r) != 0);
	r = (struct trapline_registers){TRAPLINE_CALL_put_virtual, (uint64_t)&byte, 1, 0, 8, 0};
	report("unknown_flag", trapline_call(&r) == TRAPLINE_E_ARGUMENT);
	r = (struct trapline_registers){63, 0, 0, 0, 0, 0};
	report("unknown_number", trapline_call(&r) == TRAPLINE_E_NUMBER);
	r = (struct trapline_registers){(int64_t)0xffffffff00000000ul, 0, 0, 0, 0, 0};
	report("wild_number", trapline_call(&r) == TRAPLINE_E_NUMBER);
	report("unknown_name", trapline_lookup("no such service") == 0 && trapline_lookup("") == 0);
}

static void registers(void)
{
	struct trapline_registers r = {TRAPLINE_CALL_put_registers, 1, ~2ul, 3, 4, 0};
	int good = trapline_call(&r) == 0 && r.rbx == 1 && r.rcx == ~2ul;

	r = (struct trapline_registers){TRAPLINE_CALL_get_registers, 0, 0, 0, 0, 0};
	good = good && trapline_call(&r) == 0;
	report("registers", good && r.rbx == 1 && r.rcx == ~2ul && r.rdx == 3 && r.rsi == 4 && r.rdi == 0);
}

/* User mode of one address space does not get what another has put. */
static void foreign(void)
{
	char secret[16] = "secret", seen[16] = "";
	int status = 1;

	trapline_put(secret, sizeof(secret), 0);
	pid_t child = fork();
	if (child == 0)
		_exit(trapline_get(seen, sizeof(seen), 0) != TRAPLINE_E_DENIED);
	waitpid(child, &status, 0);
	report("foreign", status == 0 && seen[0] == '\0');
}

int main(void)
{
	if (!trapline_present()) {
		puts("copies: no Trapline");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	largest();
	untouched();
	copy_on_write();
	segmentation_fault();
	progress();
	refused();
	registers();
	foreign();
	report("mark", trapline_mark("a line \"of\" the guest's own") > 0);
	return failed;
}
