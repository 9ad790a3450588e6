/* From an exit's kind to its handler. */
#ifndef TRAPLINE_DISPATCH_H
#define TRAPLINE_DISPATCH_H

#include "cpu/cpu.h"

/* Handles cpu->exit, then whatever cpu->work asks for. Called by the vendor's exit, the guest's state is up to date. */
void exit_dispatch(struct cpu *cpu);

/* The kind in words, for reports. */
const char *exit_kind_name(enum exit_kind kind);

/* The handlers, one a kind; each in the file of its mechanism. */
void exit_exception(struct cpu *cpu);
void exit_interrupt(struct cpu *cpu);
void exit_nmi(struct cpu *cpu);
void exit_iret(struct cpu *cpu);
void exit_cpuid(struct cpu *cpu);
void exit_rdmsr(struct cpu *cpu);
void exit_wrmsr(struct cpu *cpu);
void exit_xsetbv(struct cpu *cpu);
void exit_invd(struct cpu *cpu);
void exit_io(struct cpu *cpu);
void exit_vmcall(struct cpu *cpu);
void exit_virtualization(struct cpu *cpu);
void exit_stage2(struct cpu *cpu);
void exit_shutdown(struct cpu *cpu);

#endif
