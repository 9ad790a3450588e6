// SPDX-License-Identifier: MIT OR GPL-2.0-only
/*
 * Dies in the way that its argument names: user-... in this process; module in the initialisation of a module that is loaded
 * wrongly (wrong/wrong.c); any other in the kernel (module/death.c). First it writes a mark into the trace, which separates the
 * report of the death from earlier lines, and a line in the kernel's format:
 *
 *   death name=user-write at=0x5555555551d9 address=0x30
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../../guest-tools/lib/trapline.h"

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

static int in_kernel(const char *name)
{
	int file = open("/proc/death", O_WRONLY);

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

	if (argc != 2) {
		fputs("usage: die HOW\n", stderr);
		return 2;
	}
	snprintf(mark, sizeof mark, "die %s", argv[1]);
	trapline_mark(mark);
	for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
		if (strcmp(argv[1], deaths[i].name))
			continue;
		printf("death name=%s at=%p address=0x%lx\n", argv[1], (const void *)deaths[i].at,
			deaths[i].offset);
		fflush(stdout);
		deaths[i].die(0);
	}
	return strcmp(argv[1], "module") ? in_kernel(argv[1]) : load_wrong();
}
