// SPDX-License-Identifier: MIT
/*
 * The capture area: one range of memory below 4 GiB that the guest does not have. Its first 2 MiB are not memory of the capture kernel:
 * they hold what it starts with, and what it reads of the dead guest. The loader fills in all but the core, which the VMM
 * writes when the guest has died.
 */
#ifndef TRAPLINE_CAPTURE_LAYOUT_H
#define TRAPLINE_CAPTURE_LAYOUT_H

/* Offsets from the area's beginning. */
#define CAPTURE_START   0x0      /* the code of boot/capture_start.S */
#define CAPTURE_TABLES  0x1000   /* CAPTURE_TABLE_PAGES page tables, the PML4 first */
#define CAPTURE_PARAMS  0x8000   /* Linux' boot_params */
#define CAPTURE_CMDLINE 0x9000   /* its command line, CAPTURE_CMDLINE_MAX bytes with the NUL */
#define CAPTURE_CORE    0x10000  /* the ELF header, and the program headers */
#define CAPTURE_NOTES   0x20000  /* the CPUs' registers, as ELF notes */
#define CAPTURE_LOW     0x100000 /* a copy of the dead guest's memory below CAPTURE_LOW_END */
#define CAPTURE_RAM     0x200000 /* from here on the memory of the capture kernel, with kernel and initrd in it */

#define CAPTURE_TABLE_PAGES 7
#define CAPTURE_CMDLINE_MAX 4096
#define CAPTURE_CORE_MAX    (CAPTURE_NOTES - CAPTURE_CORE)
#define CAPTURE_NOTES_MAX   (CAPTURE_LOW - CAPTURE_NOTES)

/* The end of conventional memory on a PC. Linux cannot start without memory below 1 MiB, so the guest's is copied. */
#define CAPTURE_LOW_END 0xa0000

/*
 * The start code runs as after a SIPI with this vector, at the address that is the vector and 12 bits. The page tables lead that address,
 * which is the firmware's ROM, to the code in the area.
 */
#define CAPTURE_VECTOR 0xff
#define CAPTURE_LINEAR 0xff000

#endif
