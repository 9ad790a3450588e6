// SPDX-License-Identifier: MIT
/*
 * The machine during a test: its own GDT, TSS, IDT and page tables, interrupts off. machine_take()
 * saves the firmware's state and machine_give_back() restores it. machine_reset() makes the standard state
 * again, so a case may change anything.
 */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/x86.h"

/* The GDT: selectors and descriptors are generated from this list. */
#define MACHINE_SEGMENTS(X)                                                                                  \
	X(SEG_NULL, 0)                                                                                       \
	X(SEG_CODE, 0x00af9b000000ffff) /* ring 0, 64-bit */                                                 \
	X(SEG_DATA, 0x00cf93000000ffff)                                                                      \
	X(SEG_USER_CODE32, 0x00cffb000000ffff) /* ring 3: the order that SYSRET wants */                     \
	X(SEG_USER_DATA, 0x00cff3000000ffff)                                                                 \
	X(SEG_USER_CODE, 0x00affb000000ffff)                                                                 \
	X(SEG_CODE32, 0x00cf9b000000ffff)                                                                    \
	X(SEG_CODE16, 0x00009b000000ffff)                                                                    \
	X(SEG_DATA16, 0x000093000000ffff)                                                                    \
	X(SEG_ABSENT_DATA, 0x00cf13000000ffff)                                                               \
	X(SEG_ABSENT_CODE, 0x00af1b000000ffff)                                                               \
	X(SEG_READONLY, 0x00cf91000000ffff)                                                                  \
	X(SEG_BOTH_L_D, 0x00ef9b000000ffff)   /* L and D set: reserved */                                    \
	X(SEG_CODE16_BIG, 0x008f9b000000ffff) /* 16-bit code up to 4 GiB */                                  \
	X(SEG_ABSENT_LDT, 0x0000020000000000)                                                                \
	X(SEG_ABSENT_LDT_HIGH, 0)                                                                            \
	X(SEG_TSS, 0) /* filled in at run time */                                                            \
	X(SEG_TSS_HIGH, 0)                                                                                   \
	X(SEG_SHORT_TSS, 0)                                                                                  \
	X(SEG_SHORT_TSS_HIGH, 0)

#define X(name, descriptor) name##_INDEX,
enum {
	MACHINE_SEGMENTS(X) SEG_COUNT
};
#undef X
#define X(name, descriptor) name = name##_INDEX * 8,
enum {
	MACHINE_SEGMENTS(X) SEG_BEYOND = SEG_COUNT * 8
};
#undef X

/* A gate of the 64-bit IDT, SDM vol. 3A 6.14.1. */
struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type; /* P, DPL, type */
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

#define GATE_PRESENT   0x80
#define GATE_DPL3      0x60
#define GATE_INTERRUPT 0x0e
#define GATE_TRAP      0x0f

/* The end of every stub: a gate that ring 3 may use, so that a stub without a fault returns as well. */
#define VECTOR_END 0x81

/* IST stacks: #DF always has one; cases set the others for their vectors. */
#define IST_DOUBLE_FAULT 1
#define IST_SPARE        2
#define IST_OUTSIDE      7 /* beyond the limit of SEG_SHORT_TSS */

extern struct gate machine_idt[256];

void machine_take(void);
void machine_give_back(void);
void machine_reset(void);

void machine_set_handler(unsigned vector, const void *handler);
void machine_set_idt_limit(uint16_t limit);
void machine_load_short_tss(void);
void machine_set_ist(unsigned ist, uint64_t top);

/* The address where the CPU has to put the frame of an event through gate `vector` from `cpl` with stack pointer `rsp`. */
uint64_t machine_frame_top(unsigned vector, unsigned cpl, uint64_t rsp);

/*
 * The window: pages of the test's own, at addresses that the firmware's map does not use. One row for each page;
 * rows for ring 3 show the same frame as another page if that is useful.
 */
#define WINDOW    0x0000400000000000ull
#define PAGE_SIZE 4096ull
#define WINDOW_PAGES(X)                                                                                      \
	X(PAGE_ABSENT, "not present")                                                                        \
	X(PAGE_DATA, "user, writable")                                                                       \
	X(PAGE_ABSENT_AFTER_DATA, "not present; what straddles into it faults")                              \
	X(PAGE_READONLY, "user, read-only")                                                                  \
	X(PAGE_SUPERVISOR, "supervisor, writable, executable")                                               \
	X(PAGE_NOEXEC, "user, no execute")                                                                   \
	X(PAGE_RESERVED, "a reserved bit set")                                                               \
	X(PAGE_CODE, "user, executable, filled with NOP")                                                    \
	X(PAGE_ABSENT_AFTER_CODE, "not present; fetches run into it")                                        \
	X(PAGE_USER_STACK, "user stack")                                                                     \
	X(PAGE_KEY, "user, writable, protection key 1")                                                      \
	X(PAGE_ABSENT_LAST, "not present")                                                                   \
	X(PAGE_STUBS, "the stubs, for ring 3, from here on")

#define X(name, meaning) name##_INDEX,
enum {
	WINDOW_PAGES(X)
};
#undef X
/*
 * After the pages come large ones, which all map the first memory, and upper entries with fewer
 * rights.
 */
#define LARGE_PAGES(X)                                                                                       \
	X(LARGE_PAGES_ABOVE, 0)                                                                              \
	X(LARGE_DATA, PTE_WRITE | PTE_USER | PTE_NX)                                                         \
	X(LARGE_READONLY, PTE_USER | PTE_NX)                                                                 \
	X(LARGE_SUPERVISOR, PTE_WRITE | PTE_NX)                                                              \
	X(LARGE_RESERVED, PTE_WRITE | PTE_USER | PTE_LARGE_RESERVED)
#define GIB_ENTRIES(X)                                                                                       \
	X(GIB_OF_PAGES, 0)                                                                                   \
	X(GIB_DATA, PTE_WRITE | PTE_USER | PTE_NX | PTE_LARGE)                                               \
	X(GIB_RESERVED, PTE_WRITE | PTE_USER | PTE_LARGE | PTE_LARGE_RESERVED)                               \
	X(GIB_READONLY, PTE_USER)                                                                            \
	X(GIB_SUPERVISOR, PTE_WRITE)                                                                         \
	X(GIB_NOEXEC, PTE_WRITE | PTE_USER | PTE_NX)                                                         \
	X(GIB_BAD, PTE_WRITE | PTE_USER | PTE_RESERVED)
#define WINDOW_AT(index) (WINDOW + (index)*PAGE_SIZE)
#define X(name, meaning) static const uint64_t name = WINDOW_AT(name##_INDEX);
WINDOW_PAGES(X)
#undef X

#define X(name, bits) name##_INDEX,
enum {
	LARGE_PAGES(X) LARGE_COUNT
};
enum {
	GIB_ENTRIES(X) GIB_COUNT
};
#undef X
#define LARGE_AT(name) (WINDOW + name##_INDEX * 0x200000ull)
#define GIB_AT(name)   (WINDOW + name##_INDEX * 0x40000000ull)
/* a top entry with the large bit, which has no meaning there */
#define WINDOW_BAD_UPPER (WINDOW + (1ull << 39))

/* An interrupt of the local APIC that is pending, for IF or for a CR8 below its priority. */
#define VECTOR_IRQ   0x30
#define PRIORITY_IRQ (VECTOR_IRQ >> 4)
void machine_request_interrupt(uint64_t cr8);

/* The address at which ring 3 sees an address of the stub section. */
uint64_t machine_user_alias(const void *stub);
void *machine_data_page(void);

/* The stack of the stubs in ring 0: misaligned by 8, so that the CPU has to align it. */
uint64_t machine_stub_stack(void);
uint64_t machine_user_stack(void);

#endif
