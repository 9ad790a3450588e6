// SPDX-License-Identifier: MIT
/* The host's own descriptor tables, and the handling of faults in the VMM itself. */
#ifndef TRAPLINE_IDT_H
#define TRAPLINE_IDT_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/asm.h"

#define SEL_HOST_CS 0x08
#define SEL_HOST_DS 0x10

/* The stack frame that src/cpu/idt.asm pushes. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Fills the IDT, once. */
void idt_init(void);

/* Loads the IDT on this CPU. */
void idt_load(void);

/* Loads the IDT for the window in which the VMM takes external interrupts: every vector is one. */
void idt_load_window(void);

/* Loads a GDT and the host's selectors (src/cpu/idt.asm). */
void gdt_load(const struct descriptor_table *gdtr);

/*
 * Halts until an NMI comes, unless *word is no longer `old`. cpu_timed_halt() also ends with an external interrupt,
 * through the window's IDT. moment_wait() calls them.
 */
typedef void cpu_waiter(const _Atomic uint32_t *word, uint32_t old);
cpu_waiter cpu_wait, cpu_timed_halt;

/* The RFLAGS that this CPU pushes for a fault. Raises a fault of the host: #DE, #UD, #SS, #GP or #PF; CR2 is lost. */
uint64_t fault_rflags(unsigned vector);

/* Moves a fault's RIP to its fix-up (FIXUP_ENTRY). False: the instruction has none. */
bool idt_fix_up(struct trap_frame *frame);

#endif
