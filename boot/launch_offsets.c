// SPDX-License-Identifier: MIT
/* Offsets in struct boot_launch for launch.S. This is compiled to assembly and never linked; build.mk makes a header of it. */
#include <stddef.h>
#include <boot/boot_info.h>

#define DEFINE(name, member) __asm__ volatile("-> " name " %c0" : : "i"(offsetof(struct boot_launch, member)))

void launch_offsets(void);

void launch_offsets(void)
{
	DEFINE("LAUNCH_RIP", rip);
	DEFINE("LAUNCH_RSP", rsp);
	DEFINE("LAUNCH_RFLAGS", rflags);
	DEFINE("LAUNCH_CR3", cr3);
}
