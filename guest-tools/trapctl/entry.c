// SPDX-License-Identifier: MIT
/*
 * The first access to each page of this program is a #PF, and its record pushes another one out of the ring. A program of
 * this size takes twenty at its start. So trapctl asks the kernel to map all pages first, before the C library's start; that takes
 * no exception. If the limit of locked memory is too low, trapctl continues without.
 */
#include "trapctl.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT(x)     VALUE_OF(x)
#define VALUE_OF(x) #x

/* RDX, RSP and the memory that they point to belong to the C library. */
__asm__(".globl trapctl_start\n"
	"trapctl_start:\n"
	"	mov $" TEXT(SYS_mlockall) ", %eax\n"
					  "	mov $" TEXT(MCL_CURRENT) ", %edi\n"
									 "	syscall\n"
									 "	jmp _start\n");

/* Locks future pages as well. For others than root that would leave no memory beyond their limit. */
void lock_memory(void)
{
	if (!geteuid())
		mlockall(MCL_CURRENT | MCL_FUTURE);
}
