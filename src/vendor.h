/*
 * The seam: everything that common code asks of VT-x or AMD-V. main.c chooses the vendor once. There is no vendor test
 * elsewhere outside src/svm and src/vmx.
 */
#ifndef TRAPLINE_VENDOR_H
#define TRAPLINE_VENDOR_H

#include "hw/asm.h"
#include "cpu/cpu.h"
#include "cpu/idt.h"
#include "mem/guest_walk.h"

/* Guest registers that live in the VMCB or VMCS; the rest is in cpu->gpr. And what else they say in a word. */
enum guest_register {
	GUEST_RIP,
	GUEST_RSP,
	GUEST_RFLAGS,
	GUEST_CR0,
	GUEST_CR2,
	GUEST_CR3,
	GUEST_CR4,
	GUEST_DR6,
	GUEST_DR7,
	GUEST_EFER,

	/* To be read only. */
	GUEST_CODE_MODE, /* 16, 32 or 64 */
	GUEST_CPL,       /* 0 to 3; 0 in real mode, 3 in virtual-8086 mode */
	GUEST_EVENT,     /* an event goes in with the next entry */
	GUEST_IO_LENGTH, /* with EXIT_IO: of the instruction, in bytes */

	/* The shadow of a STI or MOV SS. 0 ends it, as before a restartable instruction; nothing else is to be written. */
	GUEST_SHADOW
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

#define NO_SIPI 256

enum msr_result {
	MSR_DONE,
	MSR_NOT_MINE,
	MSR_FAULT
};

/* In what the two differ, as far as common code has to know. probe() has filled it. */
struct vendor_traits {
	/* Chipsets reset the CPU alone by INIT, which exits here and resets nothing. */
	bool reset_is_init;

	/* INIT and SIPI both exit: an INIT finds the CPU in wait-for-SIPI when its SIPI comes. */
	bool reports_init_sipi;

	/* A boot CPU whose interrupts are watched exits now and then without any. */
	bool has_timer;

	/* WATCH_WAITS makes waiting loops exit. */
	bool watches_waits;

	/* Level of the largest leaf of second-level paging: 2 2 MiB, 3 1 GiB. */
	unsigned stage2_largest;
};

/* What can be asked to exit, besides what always does. */
enum watched {
	WATCH_INTERRUPTS, /* external ones, to serve the console */
	WATCH_WAITS,      /* the instructions of waiting loops, where nothing else does: with watches_waits */
	WATCH_CONFIGURED, /* the exceptions that boot_info.config names now */
	WATCH_ENTRY /* the next entry: something may have come behind this exit's last look at the work */
};

/* Start-up. probe() and the inits return NULL, or one line with the reason and a remedy. */
struct vendor_life {
	/* Of this CPU. vendor_absent: CPUID does not have it; any other line: it is there, and not usable. */
	const char *(*probe)(void);

	/* Called once: makes permission maps and second-level tables. */
	const char *(*init)(void);

	/* Called on each CPU; may be called again after cpu_undo(). */
	const char *(*cpu_init)(struct cpu *cpu, const struct boot_launch *launch);

	/* Restores this CPU's state from before cpu_init(), except EFER. */
	void (*cpu_undo)(struct cpu *cpu);
	__attribute__((noreturn)) void (*run)(struct cpu *cpu);
};

/* The guest's state. */
struct vendor_state {
	uint64_t (*get)(const struct cpu *cpu, enum guest_register r);
	void (*set)(struct cpu *cpu, enum guest_register r, uint64_t value);
	void (*segment)(const struct cpu *cpu, enum segment s, struct segment_state *out);

	/* Four times get(): a call of its own, because each store to the APIC and each VMCALL with an address needs it. */
	void (*paging)(const struct cpu *cpu, struct guest_paging *out);

	/* guest_fetch() at CS:RIP. Every recorded exception comes here: the vendor has all that it needs at hand. */
	unsigned (*fetch)(struct cpu *cpu, uint8_t *code);

	/* Fills a record, except seq, tsc, event and code. */
	void (*capture)(struct cpu *cpu, struct trap_record *record);

	/*
	 * Leaves the guest's state as INIT does, cpu->gpr apart.
	 *   sipi  NO_SIPI; or the vector of the SIPI behind it, with which the guest starts
	 */
	void (*reset)(struct cpu *cpu, unsigned sipi);
};

/* Events that come from outside of the guest's code. */
struct vendor_events {
	/* For the next entry. */
	void (*inject)(struct cpu *cpu, const struct event *event, uint64_t cr2);

	/* Acknowledges an interrupt on the host (cpu->host_interrupt), or leaves it to the guest (cpu->pass_interrupt). */
	void (*take_interrupt)(struct cpu *cpu);

	/* Opens or closes the window for events that are held back while the VMM runs: cpu/moment.h. */
	void (*let_in)(bool on);

	/* Returns false if the guest cannot take an NMI now. */
	bool (*inject_nmi)(struct cpu *cpu);
};

/* What exits, and the end of an exit. */
struct vendor_exits {
	/* From the next entry on. WATCH_ENTRY: also from the host's handlers of NMI and #MC, at any point. */
	void (*watch)(struct cpu *cpu, enum watched what, bool on);

	/*
	 * Handles the kinds of exit_own(). NMI: the host's handler has it (cpu->nmi_pending), and it goes to the guest at the end of this exit,
	 * if the guest can take it. INIT: it is over, and init_sipi_note_init() or init_sipi_wait() has carried it out.
	 */
	void (*own)(struct cpu *cpu);

	/*
	 * The vendor's skip of exit_dispatch(), where the CPU does not say how long the instruction was.
	 *   length  in bytes; 0 for one that is repeated
	 *   met     bits of DR6: breakpoints of the guest's that the instruction has met, for which #DB is raised
	 */
	void (*skip)(struct cpu *cpu, unsigned length, uint64_t met);

	/* RDMSR and WRMSR of what the vendor's state holds or hides. */
	enum msr_result (*msr)(struct cpu *cpu, uint32_t msr, bool write, uint64_t *value);
	void (*hide_cpuid)(uint32_t leaf, uint32_t subleaf, struct cpuid *r);

	/* The hardware's name of an exit, for the report of an unknown one. */
	const char *(*name)(uint64_t reason);

	/* Prints every field on the console, for the fault screen and fatal reports. */
	void (*dump)(const struct cpu *cpu);
};

/* Second-level paging, for all CPUs. */
struct vendor_stage2 {
	/*
	 * The bits of a leaf that maps gpa one to one.
	 *   size   in: bytes of interest from gpa on; out: bytes for which these bits are right, a multiple of 4096
	 *   write  writable as well
	 */
	uint64_t (*bits)(uint64_t gpa, uint64_t *size, bool write);

	void (*flush)(struct cpu *cpu);
};

struct vendor {
	/* "svm" or "vmx", as on the console. */
	const char *name;
	const struct vendor_traits *traits;
	struct vendor_life life;
	struct vendor_state state;
	struct vendor_events events;
	struct vendor_exits exits;
	struct vendor_stage2 stage2;
};

extern const char vendor_absent[];
extern const struct vendor *vendor;
extern const struct vendor svm_vendor;
extern const struct vendor vmx_vendor;

#endif
