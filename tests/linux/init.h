// SPDX-License-Identifier: MIT
/* Shared by the files of the Linux guest's init. */
#ifndef INIT_H
#define INIT_H

#include <time.h>

/*
 * Provokes the exceptions of the table in faults.c, each in a child of its own, and prints a line for each:
 *
 *   fault name=ud want=SIGILL got=SIGILL si_code=2 addr=0x401d30 vec=6 err=0x0 at=33:401d30 code=0f0b...
 *
 * got is what the kernel sent ("none" when nothing happened); addr is si_addr; vec, err and, for a #PF, cr2
 * are what the CPU gave the kernel; at is the place that Trapline's trap line names, code the up to 15 bytes
 * that are readable there. Addresses do not change from run to run.
 *
 * icebp: INT1 as well.
 */
void run_faults(int icebp);

/*
 * Runs the items of a comma-separated list, with a line before and after each ("run name=foo_virtual
 * status=0"; a program that a signal killed has 128 more than its number): name[:argument...] /bin/name
 *   nobody:name[:argument...]  the same without privileges
 *   exec:name[:argument...]    in the place of init itself, which the kernel cannot do without
 *   insmod:name  rmmod:name    /lib/name.ko
 *   log:word                   prints the kernel's lines with this word
 */
void run_programs(const char *list);

/*
 * UD2, n times on each CPU at once, by a thread that is bound to it; a line for each CPU:
 *
 *   allstorm cpu=1 n=10000 seen=10000 wrong=0 trapline=1 us=730112
 *
 * seen: signals for the right instruction on the right CPU; wrong: others; trapline: whether CPUID has its
 * signature there.
 */
void run_allstorm(long n);

/* Takes all CPUs but the first offline and online again, `rounds` times, and looks at each as above, once. */
void run_hotplug(long rounds);

/*
 * stress-ng, one instance of each of a comma-separated list of stressors, all at once; then the kernel's warnings
 * and worse since it booted, without their times:
 *
 *   stress seconds=20 stressors=cpu,fork status=0
 *   kernel: level=4 ...
 */
void run_stress(long seconds, const char *stressors);

/*
 * Runs each program of /selftests in turn, with a time limit of its own, and prints how it ended: an exit code, a signal
 * or the time limit; and at the end how many there were. Those of a comma-separated list run on the first CPU alone.
 *
 *   selftest name=iopl_32 status=0
 *   selftest name=ldt_gdt_64 status=signal-11
 *   selftests n=44
 */
void run_selftests(const char *one_cpu);

/*
 * In a capture kernel: what /proc/vmcore says, and reads all of it.
 *
 *   vmcore type=4 machine=62 programs=5
 *   vmcore cpu thread=1 rip=0xffffffff81000000 rsp=... cs=0x10
 *   vmcore info OSRELEASE=6.1.0-56-amd64
 *   vmcore memory at=0x100000 bytes=7340032 read=7340032 sum=0x1234
 */
void print_vmcore(void);

long microseconds_since(const struct timespec *start);

#endif
