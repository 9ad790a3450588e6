// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Dies in the way that its argument names: user-... in this process; module in the initialisation of a module that is loaded
 * wrongly (wrong/wrong.c); any other in the kernel (module/death.c). First it writes a mark into the trace, which separates the
 * report of the death from earlier lines, and a line in the kernel's format:
 *
 *   death name=user-write at=0x5555555551d9 address=0x30
 *
 * With flood- in front of it, thousands of page faults and invalid opcodes come in between, which this process handles: a JIT compiler
 * leaves its checks for null pointers to such a handler.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "../../../guest-tools/lib/trapline.h"

#define FLOOD       3000
#define FLOOD_BYTES 2 /* of each instruction that floods */

typedef void death(uintptr_t target);

/* Each begins with the fatal instruction. */
death user_write, user_read, user_call, user_jump, user_divide, user_overflow, library_write;
extern const char user_overflow_top[], user_divide_at[];

__asm__(".text\n"
	"user_write: movl $1, 0x30(%rdi)\n ret\n"
	"user_read: mov 0x18(%rdi), %rax\n ret\n"
	"user_call: call *%rdi\n ret\n"
	"user_jump: jmp *%rdi\n"
	"user_overflow: push %rdi\n jmp user_overflow\n"
	"user_divide: xor %edx, %edx\n xor %ecx, %ecx\n"
	"user_divide_at: div %ecx\n ret\n");

static const struct {
	const char *name;
	death *die;
	const char *at;
	uintptr_t offset; /* of what is touched */
} deaths[] = {
	{"user-write", user_write, (const char *)user_write, 0x30},
	{"user-read", user_read, (const char *)user_read, 0x18},
	{"user-call", user_call, (const char *)user_call, 0},
	{"user-jump", user_jump, (const char *)user_jump, 0},
	{"user-divide", user_divide, user_divide_at, 0},
	{"user-library", library_write, (const char *)library_write, 0x10},
};

static bool is_flood;
static int left = 2 * FLOOD; /* exceptions of the flood */

/* What comes after the flood is deadly at its second try. */
static void pass_over(int number, siginfo_t *info, void *context)
{
	(void)info;
	if (left-- > 0)
		((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += FLOOD_BYTES;
	else
		signal(number, SIG_DFL);
}

/* All at two places. Nothing lies between the last one and the death, so that no line of the rate is free again. */
static void flood(void)
{
	struct sigaction action = {.sa_sigaction = pass_over, .sa_flags = SA_SIGINFO};

	if (!is_flood)
		return;
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGILL, &action, NULL);
	for (int i = 0; i < FLOOD; i++) {
		__asm__ volatile("mov (%%rax), %%eax" ::"a"(0) : "memory");
		__asm__ volatile("ud2" ::: "memory");
	}
}

static int in_kernel(const char *name)
{
	int file = open("/proc/death", O_WRONLY);

	flood();
	return file < 0 || write(file, name, strlen(name)) < 0 ? 1 : 0;
}

static int load_wrong(void)
{
	int file = open("/lib/wrong.ko", O_RDONLY);

	return file < 0 || syscall(SYS_finit_module, file, "", 0) ? 1 : 0;
}

int main(int argc, char **argv)
{
	char mark[64];
	const char *how;

	if (argc != 2) {
		fputs("usage: die [flood-]HOW\n", stderr);
		return 2;
	}
	how = strncmp(argv[1], "flood-", 6) ? argv[1] : argv[1] + 6;
	is_flood = how != argv[1];
	snprintf(mark, sizeof mark, "die %s", argv[1]);
	trapline_mark(mark);
	for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
		if (strcmp(how, deaths[i].name))
			continue;
		printf("death name=%s at=%p address=0x%lx\n", argv[1], (const void *)deaths[i].at,
			deaths[i].offset);
		fflush(stdout);
		flood();
		deaths[i].die(0);
	}
	return strcmp(how, "module") ? in_kernel(how) : load_wrong();
}
