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

/* The start. probe() and the inits return NULL, or one line that says why not and what to do. */
struct vendor_life {
	/* Whether CPUID has it, usable or not. */
	bool (*present)(void);
	const char *(*probe)(void);

	/* Once: permission maps, second-level tables. */
	const char *(*init)(void);

	/* On each CPU; may come again after cpu_undo(). */
	const char *(*cpu_init)(struct cpu *cpu, const struct boot_launch *launch);

	/* Leaves this CPU as it was before cpu_init(), EFER apart. */
	void (*cpu_undo)(struct cpu *cpu);
	__attribute__((noreturn)) void (*run)(struct cpu *cpu);
};

/* The guest's state. */
struct vendor_state {
	uint64_t (*get)(const struct cpu *cpu, enum guest_register r);
	void (*set)(struct cpu *cpu, enum guest_register r, uint64_t value);
	void (*segment)(const struct cpu *cpu, enum segment s, struct segment_state *out);
	void (*table)(const struct cpu *cpu, enum guest_table table, struct descriptor_table *out);
	void (*paging)(const struct cpu *cpu, struct guest_paging *out);

	/* Linear address of CS:RIP, and guest_fetch() from there. */
	uint64_t (*code_address)(const struct cpu *cpu);
	unsigned (*fetch)(struct cpu *cpu, uint8_t *code);

	/* 16, 32 or 64. */
	unsigned (*code_mode)(const struct cpu *cpu);

	/* 0 to 3; 0 in real mode, 3 in virtual-8086 mode. */
	unsigned (*cpl)(const struct cpu *cpu);

	/* Fills a record, but for seq, tsc, event and code. */
	void (*capture)(struct cpu *cpu, struct trap_record *record);

	/* Ends the STI or MOV SS shadow before a restartable instruction. */
	void (*end_shadow)(struct cpu *cpu);

	/* RBP, or one of R12 to R15, was changed in cpu->gpr. */
	void (*reload)(struct cpu *cpu);

	/* INIT and SIPI in software. init_state() leaves the guest's state as INIT does, cpu->gpr apart. */
	void (*init_state)(struct cpu *cpu);

	/* Starts the guest as a SIPI with this vector does. */
	void (*start_at)(struct cpu *cpu, uint8_t vector);
};

/* What comes to the guest from outside of its code. */
struct vendor_events {
	/* For the next entry; has_event() says that one goes in then. */
	void (*inject)(struct cpu *cpu, const struct event *event, uint64_t cr2);
	bool (*has_event)(const struct cpu *cpu);

	/* Acknowledges an interrupt on the host: cpu->host_interrupt. Or leaves it to the guest: cpu->pass_interrupt. */
	void (*take_interrupt)(struct cpu *cpu);

	/* The host's handler had an NMI, or a machine check, at any point. NULL: nothing follows from that. */
	void (*nmi_taken)(struct cpu *cpu);

	/* Lets in what is held back while the VMM runs: cpu/moment.h. */
	void (*let_in)(bool on);

	/* False: the guest cannot take an NMI now. */
	bool (*inject_nmi)(struct cpu *cpu);

	/* Whether INIT and SIPI both exit on this CPU. NULL: never. */
	bool (*reports_init_sipi)(void);
};

/* What exits, and what an exit's end is. */
struct vendor_exits {
	/* Makes external interrupts exit, to serve the console. */
	void (*watch_interrupts)(struct cpu *cpu, bool on);

	/* Makes the instructions of waiting loops exit, where nothing else does. NULL: the vendor's timer exits. */
	void (*watch_waits)(struct cpu *cpu, bool on);

	/* A boot CPU whose interrupts are watched exits now and then without any. NULL: never. */
	bool (*has_timer)(void);

	/* Intercepts the exceptions that boot_info.config names now. */
	void (*set_intercepts)(struct cpu *cpu);

	/*
	 * Handles the kinds of exit_own(). NMI: the host's handler has it (cpu->nmi_pending), and it goes to the guest at the end of this exit,
	 * if the guest can take it. INIT: it is over, and init_sipi_note_init() or init_sipi_wait() has carried it out.
	 */
	void (*own)(struct cpu *cpu);

	/* The vendor's skip of exit_dispatch(), where the next instruction's address is known. */
	void (*skip_to)(struct cpu *cpu, uint64_t rip);

	/*
	 * Moves RIP behind an instruction that exited and met breakpoints of the guest's. Raises #DB for them, and for a single
	 * step as well.
	 *   met  bits of DR6
	 */
	void (*skip_met)(struct cpu *cpu, uint64_t met);

	/* MSRs that the vendor's state holds or hides. */
	enum msr_result (*rdmsr)(struct cpu *cpu, uint32_t msr, uint64_t *value);
	enum msr_result (*wrmsr)(struct cpu *cpu, uint32_t msr, uint64_t value);
	void (*hide_cpuid)(uint32_t leaf, uint32_t subleaf, struct cpuid *r);

	/* The hardware's own name of an exit, for the report of an unknown one. */
	const char *(*name)(uint64_t reason);

	/* Prints every field on the console: fault screen and fatal reports. */
	void (*dump)(const struct cpu *cpu);
};

/* Second-level paging, for all CPUs. */
struct vendor_stage2 {
	/*
	 * Bits of a leaf that maps gpa one to one.
	 *   size   in: how many bytes from gpa on are asked for; out: for how many of them these are the right bits, a multiple
	 *          of 4096
	 *   write  also writable
	 */
	uint64_t (*bits)(uint64_t gpa, uint64_t *size, bool write);

	/* Level of the largest leaf: 2 2 MiB, 3 1 GiB. */
	unsigned (*largest)(void);
	void (*flush)(struct cpu *cpu);
};

struct vendor {
	/* "svm" or "vmx", as on the console. */
	const char *name;

	/* Chipsets reset the CPU alone by INIT, which exits here and resets nothing. */
	bool reset_is_init;
	struct vendor_life life;
	struct vendor_state state;
	struct vendor_events events;
	struct vendor_exits exits;
	struct vendor_stage2 stage2;
};

extern const struct vendor *vendor;
extern const struct vendor svm_vendor;
extern const struct vendor vmx_vendor;

#endif
