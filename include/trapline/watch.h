// SPDX-License-Identifier: MIT
/*
 * The words of a watch that both sides share: accesses, actions, and the registers that can be watched. The grammar, the records' text
 * and tables of the docs are generated from these lists.
 */
#ifndef TRAPLINE_WATCH_WORDS_H
#define TRAPLINE_WATCH_WORDS_H

/* clang-format off */
/* X(letter, enumerator, bit, meaning) */
#define WATCH_ACCESSES(X)                                                                                    \
	X('r', WATCH_READ,    0, "reads")                                                                    \
	X('w', WATCH_WRITE,   1, "writes")                                                                   \
	X('x', WATCH_EXECUTE, 2, "instruction fetches")

/* X(enumerator, word, meaning) */
#define WATCH_ACTIONS(X)                                                                                     \
	X(WATCH_LOG,  "log",  "each hit is recorded; the default")                                           \
	X(WATCH_ONCE, "once", "the first hit is recorded, then the watch is gone")                           \
	X(WATCH_STOP, "stop", "a hit is recorded, and all CPUs stop for the operator")                       \
	X(WATCH_DENY, "deny", "a hit is recorded, and the access is refused with #GP(0)")

/*
 * X(enumerator, number, word, accesses, list of bits or NO_BITS, meaning). The number is in records. A register with a list hits if a
 * watched bit changes; the others hit at each write, unless bits are named.
 */
#define WATCH_REGISTERS(X)                                                                                   \
	X(WATCH_CR0,  1,  "cr0",  WATCH_WRITE, CR0_BITS,  "writes that change it: MOV, LMSW, CLTS")          \
	X(WATCH_CR3,  2,  "cr3",  WATCH_WRITE, NO_BITS,   "MOV to CR3")                                      \
	X(WATCH_CR4,  3,  "cr4",  WATCH_WRITE, CR4_BITS,  "writes that change it")                           \
	X(WATCH_EFER, 4,  "efer", WATCH_WRITE, EFER_BITS, "WRMSR that changes it")                           \
	X(WATCH_DR7,  5,  "dr7",  WATCH_WRITE, DR7_BITS,  "writes that change it")                           \
	X(WATCH_XCR0, 6,  "xcr0", WATCH_WRITE, NO_BITS,   "XSETBV")                                          \
	X(WATCH_GDTR, 7,  "gdtr", WATCH_READ | WATCH_WRITE, NO_BITS, "LGDT; reads: SGDT")                    \
	X(WATCH_IDTR, 8,  "idtr", WATCH_READ | WATCH_WRITE, NO_BITS, "LIDT; reads: SIDT")                    \
	X(WATCH_LDTR, 9,  "ldtr", WATCH_READ | WATCH_WRITE, NO_BITS, "LLDT; reads: SLDT")                    \
	X(WATCH_TR,   10, "tr",   WATCH_READ | WATCH_WRITE, NO_BITS, "LTR; reads: STR")                      \
	X(WATCH_MSR,  11, "msr",  WATCH_READ | WATCH_WRITE, NO_BITS, "WRMSR of one register; reads: RDMSR")

/* What a watch consists of, for the docs: X(words, meaning) */
#define WATCH_FORMS(X)                                                                                       \
	X("[ACCESS] [physical] RANGE",  "guest-physical memory")                                             \
	X("[ACCESS] linear RANGE",      "linear memory, through the page tables of the CPU that adds it, or of `cr3=`") \
	X("[ACCESS] reg NAME[.BITS]",   "a register of the table below, or an MSR by its name, in letters of any case, with or without `IA32_` and `MSR_`") \
	X("[ACCESS] msr NUMBER",        "an MSR by its number or name")                                      \
	X("exec supervisor outside=RANGES", "the first execution of each page of supervisor code outside of these linear ranges, and again if its contents are others; one such watch")
#define WATCH_WORDS(X)                                                                                       \
	X("ACCESS", "letters of `r`, `w` and `x`, as in `perf mem`; `w` if it is left out")                  \
	X("RANGE",  "bytes, not pages: `ADDRESS`, `ADDRESS+BYTES`, `ADDRESS/BYTES` or `FIRST-LAST`, in decimal or 0x hexadecimal") \
	X("RANGES", "one to four RANGE with commas between them")                                             \
	X("BITS",   "names as in the manuals, with commas (`cr4.smep,smap`), or a number that is a mask; only a change of one of them is a hit") \
	X("rate=N", "records per second at most; further hits are counted (`limited=`)")                     \
	X("cr3=N",  "linear: another address space")                                                         \
	X("except=RANGE,...", "accesses by instructions at these addresses, 4 ranges at most, are no hits; they are counted (`excepted=`). Not with `exec`, whose ranges are behind `outside=`") \
	X("follow", "linear: the pages that are mapped there, now and later; otherwise those that are mapped now")
/* clang-format on */

#define X(letter, name, bit, meaning) name = 1 << (bit),
enum watch_access {
	WATCH_ACCESSES(X)
};
#undef X

#define X(name, word, meaning) name,
enum watch_action {
	WATCH_ACTIONS(X) WATCH_ACTION_COUNT
};
#undef X

#define X(name, number, word, accesses, bits, meaning) name = (number),
enum watch_register {
	WATCH_REGISTERS(X) WATCH_REGISTER_COUNT
};
#undef X

#endif
