// SPDX-License-Identifier: MIT
/* Dies of an exception that nothing else in the guest raises: dies ud, dies null. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static volatile int *volatile nowhere = (int *)0x30;

int main(int argc, char **argv)
{
	printf("dies pid=%d\n", (int)getpid());
	fflush(stdout);
	if (argc > 1 && !strcmp(argv[1], "null"))
		*nowhere = 1;
	__asm__ volatile("ud2");
	return 0;
}
