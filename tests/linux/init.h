/* Shared by the files of the Linux guest's init. */
#ifndef INIT_H
#define INIT_H

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

#endif
