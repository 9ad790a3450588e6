/* The host's own descriptor tables and what happens when the VMM itself faults. */
#ifndef TRAPLINE_IDT_H
#define TRAPLINE_IDT_H

#include <stdbool.h>
#include <stdint.h>
#include "hw/asm.h"

#define SEL_HOST_CS 0x08
#define SEL_HOST_DS 0x10

/* What src/cpu/idt.asm pushes. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error;
	uint64_t rip, cs, rflags, rsp, ss;
};

/* Fills the IDT; once. */
void idt_init(void);

/* Loads it on this CPU. */
void idt_load(void);

/* Loads the IDT for the window in which the VMM lets external interrupts in: every vector is taken for one. */
void idt_load_window(void);

/* Loads a GDT and the host's selectors (src/cpu/idt.asm). */
void gdt_load(const struct descriptor_table *gdtr);

/*
 * Halts until an NMI has come, unless *word is not `old` any more; cpu_timed_halt() also until an external interrupt has,
 * with the IDT of the window. moment_wait() calls them.
 */
typedef void cpu_waiter(const _Atomic uint32_t *word, uint32_t old);
cpu_waiter cpu_wait, cpu_timed_halt;

/* RFLAGS as this CPU pushes them for a fault: raises one of the host's own, #DE, #UD, #SS, #GP or #PF; CR2 is lost. */
uint64_t fault_rflags(unsigned vector);

/* Moves a fault's RIP to its fix-up, where the instruction has one (FIXUP_ENTRY). False: it has none. */
bool idt_fix_up(struct trap_frame *frame);

#endif
