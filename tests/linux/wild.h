// SPDX-License-Identifier: MIT
/* Shared by the files of `wild`, which runs random code in ring 3: its contents, and its addresses. */
#ifndef WILD_H
#define WILD_H

#include <stddef.h>
#include <stdint.h>

/* No other memory is near these, and they are below 4 GiB for 32-bit code. Random code can write nothing else. */
#define CODE         0x20000000UL
#define CODE_SIZE    0x1000UL
#define SCRATCH      0x20100000UL
#define SCRATCH_SIZE 0x10000UL

/* The LDT of every child; all of them have RPL 3 and the table's bit. */
enum ldt_entry {
	LDT_CODE16, /* the code page */
	LDT_FAR16,  /* the same at offset FAR_OFFSET: EIP has more than 16 bits in 16-bit code */
	LDT_CODE32, /* the code page */
	LDT_DATA,   /* the scratch memory, with a 32-bit stack pointer */
	LDT_ABSENT, /* not present */
	LDT_ENTRIES,
};

#define LDT_SELECTOR(entry) ((uint16_t)((entry) << 3 | 7))
#define FAR_OFFSET          0x20000UL
#define USER_CS32           0x23
#define USER_DS             0x2b
#define USER_CS64           0x33

/* A sequence of numbers that depends on its seed alone. */
struct dice {
	uint64_t state;
};

uint64_t dice_next(struct dice *dice);
unsigned dice_below(struct dice *dice, unsigned n);

/*
 * Fills `code` with random bytes, or with valid instructions: prefixes, privileged and
 * system instructions, software interrupts, far jumps, segment registers, and plain ones between them.
 *
 * all: include instructions that QEMU 7.2 does not survive, bare as well. INT1 hangs it. An IRET in ring 3 loads RFLAGS.VM, and
 * now and then ends the guest's kernel.
 */
void wild_code(struct dice *dice, uint8_t *code, size_t size, int long_mode, int all);

#endif
