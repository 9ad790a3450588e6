/*
 * Every page that this program touches for the first time is a #PF, and its record pushes another one out of the ring: a
 * program of this size starts with twenty. So the first thing that it does, before the C library's start, is to have the
 * kernel bring them all in, which takes no exception. Where the limit of locked memory refuses that, it goes on without.
 */
#include "trapctl.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEXT(x)     VALUE_OF(x)
#define VALUE_OF(x) #x

/* RDX, RSP and what they lead to are the C library's. */
__asm__(".globl trapctl_start\n"
	"trapctl_start:\n"
	"	mov $" TEXT(SYS_mlockall) ", %eax\n"
					  "	mov $" TEXT(MCL_CURRENT) ", %edi\n"
									 "	syscall\n"
									 "	jmp _start\n");

/* What is to come as well; others than root would have no memory at all beyond their limit. */
void lock_memory(void)
{
	if (!geteuid())
		mlockall(MCL_CURRENT | MCL_FUTURE);
}
