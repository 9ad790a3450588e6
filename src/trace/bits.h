/* Registers whose bits have names, written out: cr0=0x80010033 (PE MP ET NE WP PG). SDM vol. 3A 2.3 to 2.5,
 * APM vol. 2 3.1. */
#ifndef TRAPLINE_BITS_H
#define TRAPLINE_BITS_H

#include <stdint.h>
#include "trace/text.h"

/* X(register, bit, name) */
/* clang-format off */
#define REGISTER_BITS(X)                                                                                     \
	X(CR0, 0, "PE") X(CR0, 1, "MP") X(CR0, 2, "EM") X(CR0, 3, "TS") X(CR0, 4, "ET") X(CR0, 5, "NE")      \
	X(CR0, 16, "WP") X(CR0, 18, "AM") X(CR0, 29, "NW") X(CR0, 30, "CD") X(CR0, 31, "PG")                 \
	X(CR4, 0, "VME") X(CR4, 1, "PVI") X(CR4, 2, "TSD") X(CR4, 3, "DE") X(CR4, 4, "PSE") X(CR4, 5, "PAE") \
	X(CR4, 6, "MCE") X(CR4, 7, "PGE") X(CR4, 8, "PCE") X(CR4, 9, "OSFXSR") X(CR4, 10, "OSXMMEXCPT")      \
	X(CR4, 11, "UMIP") X(CR4, 12, "LA57") X(CR4, 13, "VMXE") X(CR4, 14, "SMXE") X(CR4, 16, "FSGSBASE")   \
	X(CR4, 17, "PCIDE") X(CR4, 18, "OSXSAVE") X(CR4, 20, "SMEP") X(CR4, 21, "SMAP") X(CR4, 22, "PKE")    \
	X(CR4, 23, "CET") X(CR4, 24, "PKS") X(CR4, 25, "UINTR")                                              \
	X(EFER, 0, "SCE") X(EFER, 8, "LME") X(EFER, 10, "LMA") X(EFER, 11, "NXE") X(EFER, 12, "SVME")        \
	X(EFER, 13, "LMSLE") X(EFER, 14, "FFXSR") X(EFER, 15, "TCE") X(EFER, 21, "AIBRSE")                   \
	X(RFLAGS, 0, "CF") X(RFLAGS, 2, "PF") X(RFLAGS, 4, "AF") X(RFLAGS, 6, "ZF") X(RFLAGS, 7, "SF")       \
	X(RFLAGS, 8, "TF") X(RFLAGS, 9, "IF") X(RFLAGS, 10, "DF") X(RFLAGS, 11, "OF") X(RFLAGS, 12, "IOPL0") \
	X(RFLAGS, 13, "IOPL1") X(RFLAGS, 14, "NT") X(RFLAGS, 16, "RF") X(RFLAGS, 17, "VM") X(RFLAGS, 18, "AC") \
	X(RFLAGS, 19, "VIF") X(RFLAGS, 20, "VIP") X(RFLAGS, 21, "ID")
/* clang-format on */

enum bits_register {
	BITS_CR0,
	BITS_CR4,
	BITS_EFER,
	BITS_RFLAGS
};

/* Adds the value in hexadecimal, and the names of the bits that are set in brackets. */
void bits_add(struct text *t, enum bits_register which, uint64_t value);

/*
 * A segment's attributes as both vendors keep them, in words: "code, readable, DPL 0, present, 64-bit, 4K
 * units". attributes  bits 7:0: the descriptor's bits 47:40; bits 11:8: its bits 55:52
 */
void bits_add_segment(struct text *t, unsigned attributes);

#endif
