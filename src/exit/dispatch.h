/* From an exit's kind to its handler. */
#ifndef TRAPLINE_DISPATCH_H
#define TRAPLINE_DISPATCH_H

#include "cpu/cpu.h"

extern void (*const exit_handlers[EXIT_KIND_COUNT])(struct cpu *);

/* What waits for an exit to be looked after (CPU_WORK_...); off the hot path, most exits find nothing here.
 */
void exit_look_after(struct cpu *cpu);

/* For handlers: the instruction was carried out, the guest goes on behind it. */
static inline void exit_skip(struct cpu *cpu)
{
	cpu->exit.skip = true;
}

/* What no exit begins with; the vendor fills the rest. */
static inline void exit_begin(struct exit *x)
{
	x->skip = false;
	x->code_len = EXIT_CODE_UNREAD;
	x->reserved = 0;
	x->during.valid = x->during.has_error = false;
	x->during.vector = x->during.type = 0;
}

/*
 * Handles cpu->exit, then whatever cpu->work asks for. Called by the vendor's exit, the guest's state is up
 * to date. skip  the vendor's: moves RIP behind the instruction that exited, ends an interrupt shadow, raises
 * #DB where TF asks for it. It is called before an NMI may go in: the NMI's frame has the new RIP.
 *   before_entry  the vendor's: what it does besides on the rare entry, last of all
 */
__attribute__((always_inline)) static inline void exit_dispatch(
	struct cpu *cpu, void (*skip)(struct cpu *), void (*before_entry)(struct cpu *))
{
	cpu->stats.exits[cpu->exit.kind]++;
	exit_handlers[cpu->exit.kind](cpu);
	if (cpu->exit.skip)
		skip(cpu);
	if (__builtin_expect(cpu->work != 0, 0)) {
		exit_look_after(cpu);
		before_entry(cpu);
	}
}

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
void exit_init(struct cpu *cpu);
void exit_sipi(struct cpu *cpu);
void exit_shutdown(struct cpu *cpu);

#endif
