// SPDX-License-Identifier: MIT
/*
 * The trace record: what Trapline stores about one event of the guest.
 *
 * The VMM writes it during the exit. The console, VMCALL and the read-only mapping of the rings read it. It has
 * a fixed size, is little endian, and contains no pointers. TRAP_RECORD_VERSION changes with the layout.
 */
#ifndef TRAPLINE_RECORD_H
#define TRAPLINE_RECORD_H

#include <stdint.h>

#define TRAP_RECORD_VERSION 2
#define TRAP_CODE_MAX       15 /* the longest x86 instruction, SDM vol. 2A 2.3.11 */

/*
 * Event types have the numbers that both vendors use (SDM vol. 3C table 25-17, APM vol. 2 15.20). SVM does not
 * use 5 and 6: the SVM code converts its events to these types.
 */
#define TRAP_TYPES(X)                                                                                        \
	X(TRAP_TYPE_EXTINT, 0, "extint", "external interrupt")                                               \
	X(TRAP_TYPE_NMI, 2, "nmi", "non-maskable interrupt")                                                 \
	X(TRAP_TYPE_EXCEPTION, 3, "exception", "fault, trap or abort raised by the CPU")                     \
	X(TRAP_TYPE_SOFTINT, 4, "int", "INT n (CD ib)")                                                      \
	X(TRAP_TYPE_ICEBP, 5, "int1", "INT1, also called ICEBP (F1)")                                        \
	X(TRAP_TYPE_SOFTEXC, 6, "softexc", "INT3 (CC) or INTO (CE)")                                         \
	X(TRAP_TYPE_WATCH, 14, "watch",                                                                      \
		"no event: a hit of a watch, the low byte of whose number is the vector")                    \
	X(TRAP_TYPE_MARK, 15, "mark", "no event: a line of the guest's own (VMCALL mark), its text in gpr[]")

#define X(name, number, text, meaning) name = number,
enum trap_type {
	TRAP_TYPES(X)
};
#undef X

/* Bits of trap_record.flags */
#define TRAP_HAS_ERROR   0x01 /* error_code is valid */
#define TRAP_HAS_CR2     0x02 /* cr2 is the address of this #PF; otherwise it is the earlier value of CR2 */
#define TRAP_HAS_DR6     0x04 /* dr6 is what this #DB reports; otherwise it is the earlier value of DR6 */
#define TRAP_DURING      0x08 /* taken while the event in during_* was being delivered */
#define TRAP_DURING_ERR  0x10 /* during_error is valid */
#define TRAP_SYNTHESIZED 0x20 /* a #DF that Trapline's merge made of the record before it */
#define TRAP_DOUBLED     0x40 /* not delivered: the guest got #DF instead */
#define TRAP_TRIPLED     0x80 /* not delivered: it shut the CPU down */

/* Bits of trap_record.watch_flags, with TRAP_TYPE_WATCH; trap_record.flags is 0 then */
#define TRAP_WATCH_OLD 0x01 /* watch_old is valid */
#define TRAP_WATCH_NEW 0x02 /* watch_new is valid */
#define TRAP_WATCH_LINEAR                                                                                    \
	0x04 /* cr2 is the linear address of the access; otherwise it is the earlier value of CR2 */
#define TRAP_WATCH_PHYSICAL 0x08 /* watch_where is the physical address */
#define TRAP_WATCH_WALK     0x10 /* the CPU's own access, to a page table */
#define TRAP_WATCH_DELIVERY 0x20 /* the CPU's own access, while it delivered an event */
#define TRAP_WATCH_LOCKED   0x40 /* the instruction has a LOCK prefix, or XCHG's own */
#define TRAP_WATCH_DENIED   0x80 /* the access was refused */

/* gpr[] follows the encoding order of the ModRM byte (SDM vol. 2A table 2-2). */
enum trap_gpr {
	TRAP_RAX,
	TRAP_RCX,
	TRAP_RDX,
	TRAP_RBX,
	TRAP_RSP,
	TRAP_RBP,
	TRAP_RSI,
	TRAP_RDI,
	TRAP_R8,
	TRAP_R9,
	TRAP_R10,
	TRAP_R11,
	TRAP_R12,
	TRAP_R13,
	TRAP_R14,
	TRAP_R15,
	TRAP_GPRS
};

#define TRAP_PRIVILEGE(cpl, stack32) ((uint8_t)((cpl) | (stack32) << 4))

struct trap_record {
	uint64_t seq; /* this CPU's running number, from 1; 0 while the record is being written */
	uint64_t tsc; /* the guest's TSC at the exit */
	uint64_t rip; /* of the instruction for faults, INT3, INTO, INT n; of the next one for traps (#DB) */
	uint64_t cr2;
	uint64_t cr3;
	uint64_t gpr[TRAP_GPRS];
	union {
		struct {
			uint64_t fs_base;
			uint64_t gs_base;
		};
		struct { /* TRAP_TYPE_WATCH: before and after the access; of memory up to 8 bytes */
			uint64_t watch_old;
			uint64_t watch_new;
		};
	};
	uint32_t cs_base, ss_base, ds_base, es_base; /* 32 bits: they are 0 in 64-bit mode */
	uint32_t cr0, cr4, efer, rflags;             /* no defined bit lies above 31 */
	union {
		uint32_t dr6; /* the same */
		struct {      /* TRAP_TYPE_WATCH */
			uint16_t watch_id;
			uint8_t watch_size;   /* bytes; 0: not known, or more than 255 */
			uint8_t watch_access; /* enum watch_access: what was done */
		};
	};
	union {
		struct {
			uint32_t error_code;
			uint32_t during_error;
		};
		uint32_t watch_where
			[2]; /* TRAP_TYPE_WATCH: the physical address, or the number of an MSR; the low half first */
	};
	uint16_t cs;
	uint16_t cpu;   /* Trapline's number of the CPU, from 0 (the boot CPU) */
	uint8_t vector; /* 0 to 31; INT n: 0 to 255 */
	uint8_t type;   /* enum trap_type */
	uint8_t flags;  /* TRAP_HAS_... */
	uint8_t mode;   /* 16, 32 or 64: how the CPU decodes the code bytes */
	union {
		struct {
			uint8_t cpl : 4;     /* 0 to 3 */
			uint8_t stack32 : 4; /* outside of 64-bit mode: SS.B, 1 for ESP, 0 for SP */
		};
		uint8_t privilege; /* both of the above, to write them at once: TRAP_PRIVILEGE() */
	};
	union {
		struct {
			uint8_t during_vector; /* with TRAP_DURING */
			uint8_t during_type;   /* with TRAP_DURING: enum trap_type */
		};
		struct {
			uint8_t watch_flags;    /* TRAP_TYPE_WATCH: TRAP_WATCH_... */
			uint8_t watch_register; /* TRAP_TYPE_WATCH: enum watch_register; 0: memory */
		};
	};
	uint8_t link; /* distance in records of this CPU back to the event in during_*; 0: it was not recorded */
	uint8_t code_len;            /* bytes of code[] that could be read, 0 to 15 */
	uint8_t code[TRAP_CODE_MAX]; /* from rip on */
};

_Static_assert(sizeof(struct trap_record) == 256, "a record is 256 bytes, a power of two for the ring");

#endif
