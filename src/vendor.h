/*
 * The seam: everything that common code asks of VT-x or AMD-V. Chosen once, in main.c; there is no vendor test
 * elsewhere outside src/svm and src/vmx.
 */
#ifndef TRAPLINE_VENDOR_H
#define TRAPLINE_VENDOR_H

#include "hw/asm.h"
#include "cpu/cpu.h"
#include "cpu/idt.h"
#include "mem/guest_walk.h"

/* Guest registers that live in the VMCB or VMCS. The rest is in cpu->gpr. */
enum guest_register {
	GUEST_RIP,
	GUEST_RSP,
	GUEST_RFLAGS,
	GUEST_CR0,
	GUEST_CR2,
	GUEST_CR3,
	GUEST_CR4,
	GUEST_EFER,
	GUEST_DR6,
	GUEST_DR7,
	GUEST_REGISTERS
};

enum guest_table {
	GUEST_GDT,
	GUEST_IDT
};

struct segment_state {
	uint16_t selector;
	uint8_t dpl;
	bool present;
	bool long_mode; /* CS.L */
	bool big;       /* CS.D, SS.B */
	uint32_t limit;
	uint64_t base;
};

enum msr_result {
	MSR_DONE,
	MSR_NOT_MINE,
	MSR_FAULT
};

struct vendor {
	const char *name; /* "svm" or "vmx", as on the console */

	bool (*present)(void); /* whether CPUID has it, usable or not */

	/* Start. probe() and the inits return NULL or one line that says why not and what to do. */
	const char *(*probe)(void);
	const char *(*init)(void); /* once: permission maps, second-level tables */
	const char *(*cpu_init)(
		struct cpu *cpu, const struct boot_launch *launch); /* may come again after cpu_undo() */
	void (*cpu_undo)(struct cpu *cpu); /* this CPU is again as it was before cpu_init(), EFER apart */
	__attribute__((noreturn)) void (*run)(struct cpu *cpu);

	/* The guest's state. */
	uint64_t (*get)(const struct cpu *cpu, enum guest_register r);
	void (*set)(struct cpu *cpu, enum guest_register r, uint64_t value);
	void (*segment)(const struct cpu *cpu, enum segment s, struct segment_state *out);
	void (*table)(const struct cpu *cpu, enum guest_table table, struct descriptor_table *out);
	void (*paging)(const struct cpu *cpu, struct guest_paging *out);
	uint64_t (*code_address)(const struct cpu *cpu);   /* linear address of CS:RIP */
	unsigned (*fetch)(struct cpu *cpu, uint8_t *code); /* guest_fetch() from there */
	unsigned (*code_mode)(const struct cpu *cpu);      /* 16, 32 or 64 */
	unsigned (*cpl)(const struct cpu *cpu); /* 0 to 3; 0 in real mode, 3 in virtual-8086 mode */
	void (*capture)(struct cpu *cpu, struct trap_record *record); /* all but seq, tsc, event and code */

	/* What chipsets make of a reset of the CPU alone is INIT, which exits here and resets nothing. */
	bool reset_is_init;

	/* Going on. */
	void (*end_shadow)(struct
		cpu *cpu); /* of a STI or MOV SS, in front of an instruction that is carried out in parts */
	void (*inject)(struct cpu *cpu, const struct event *event, uint64_t cr2); /* at the next entry */
	bool (*has_event)(const struct cpu *cpu); /* an event goes in at the next entry */
	void (*take_interrupt)(struct cpu
			*cpu); /* acknowledges it on the host: cpu->host_interrupt; or cpu->pass_interrupt */
	void (*drop_interrupt)(struct cpu *cpu); /* acknowledges it, whatever the guest's state */
	void (*take_nmi)(struct cpu *cpu);       /* lets the host's handler have it: cpu->nmi_pending */
	void (*nmi_taken)(struct cpu *cpu);      /* the host's handler had one, at any point; may be NULL */
	void (*wait)(cpu_waiter *how, const _Atomic uint32_t *word, uint32_t old); /* with NMIs let in */
	void (*let_in)(
		bool on); /* what is held back while the VMM runs: cpu/moment.h; NULL where nothing is */
	bool (*inject_nmi)(struct cpu *cpu);    /* false: the guest cannot take it now */
	void (*nmi_unblocked)(struct cpu *cpu); /* EXIT_IRET: the guest's NMI handler is at its IRET */
	void (*watch_interrupts)(
		struct cpu *cpu, bool on); /* exits on external interrupts, to serve the console */
	void (*watch_waits)(struct cpu *cpu,
		bool on); /* exits on what a loop that waits has in it, where nothing else exits; NULL: its timer does */
	bool (*has_timer)(
		void); /* a boot CPU whose interrupts are watched exits now and then without any; NULL: never */
	void (*set_intercepts)(struct cpu *cpu); /* of exceptions, as boot_info.config has them now */
	void (*own_exit)(struct cpu *cpu); /* kinds that only this vendor has; NULL where there are none */

	/* What src/apic carries out in software. */
	void (*init_state)(struct cpu *cpu); /* as INIT leaves the guest's state, cpu->gpr apart */
	void (*start_at)(struct cpu *cpu, uint8_t vector); /* from there, as a SIPI starts it */
	bool (*starts_exit)(
		void); /* INIT and SIPI both exit on this CPU, as the manual has it; NULL: never */
	void (*take_init)(struct cpu *cpu); /* EXIT_INIT: ends the INIT; start_note_init() carries it out */
	void (*wait_sipi)(
		struct cpu *cpu);        /* with starts_exit: the next entry waits for the exit of a SIPI */
	void (*reload)(struct cpu *cpu); /* RBP or R12 to R15 were changed */
	void (*skip_to)(struct cpu *cpu, uint64_t rip); /* skip(), where the next instruction is known */

	/* Past an instruction that exited and met breakpoints of the guest's, bits of DR6: #DB, for a single step as well */
	void (*skip_met)(struct cpu *cpu, uint64_t met);

	/* MSRs that the vendor's state holds or hides. */
	enum msr_result (*rdmsr)(struct cpu *cpu, uint32_t msr, uint64_t *value);
	enum msr_result (*wrmsr)(struct cpu *cpu, uint32_t msr, uint64_t value);
	void (*hide_cpuid)(uint32_t leaf, uint32_t subleaf, struct cpuid *r);

	/* Second-level paging, for all CPUs. */
	/*
	 * Bits of a leaf that maps gpa one to one; write: also writable. *size, in: how many bytes from gpa on are
	 * asked for; out: for how many of them these are the right bits, a multiple of 4096.
	 */
	uint64_t (*stage2_bits)(uint64_t gpa, uint64_t *size, bool write);
	unsigned (*stage2_largest)(void); /* level of the largest leaf: 2 2 MiB, 3 1 GiB */
	void (*stage2_flush)(struct cpu *cpu);

	/* Exits of the vendor's own for the report of an exit nobody knows. */
	const char *(*exit_name)(uint64_t reason);
	void (*dump)(const struct cpu *cpu); /* every field, on the console: fault screen and fatal reports */
};

extern const struct vendor *vendor;
extern const struct vendor svm_vendor;
extern const struct vendor vmx_vendor;

#endif
