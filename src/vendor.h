// SPDX-License-Identifier: MIT
/*
 * The seam: everything that common code asks of VT-x or AMD-V. main.c chooses the vendor once. There is no vendor test
 * elsewhere outside src/svm and src/vmx.
 */
#ifndef TRAPLINE_VENDOR_H
#define TRAPLINE_VENDOR_H

#include "hw/asm.h"
#include "cpu/cpu.h"
#include "mem/code_seen.h"
#include "mem/guest_walk.h"

/* Guest registers that are in the VMCB or VMCS, and values derived from it. The other registers are in cpu->gpr. */
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

	/* Read-only. */
	GUEST_CODE_MODE, /* 16, 32 or 64 */
	GUEST_CALLER, /* GUEST_CODE_MODE, and from bit 8 on the CPL: 0 in real mode, 3 in virtual-8086 mode */
	GUEST_EVENT,  /* whether an event is injected at the next entry */
	GUEST_IO_LENGTH, /* with EXIT_IO: of the instruction, in bytes */

	/* The shadow of a STI or MOV SS. Writing 0 ends it, as before a restartable instruction; no other value may be written. */
	GUEST_SHADOW,

	/* Can only be written. */
	GUEST_GDTR_BASE,
	GUEST_GDTR_LIMIT,
	GUEST_IDTR_BASE,
	GUEST_IDTR_LIMIT
};

struct segment_state {
	uint16_t selector;
	uint8_t type; /* of the descriptor */
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

/* Differences between the vendors that matter to common code. Filled by probe(). */
struct vendor_traits {
	/* Chipsets reset the CPU alone by INIT, which exits here and resets nothing. */
	bool reset_is_init;

	/* INIT and SIPI both exit: an INIT finds the CPU in wait-for-SIPI when its SIPI comes. */
	bool reports_init_sipi;

	/* A boot CPU whose interrupts exit also exits from time to time without any. */
	bool has_timer;

	/* WATCH_WAITS makes waiting loops exit. */
	bool watches_waits;

	/* The level of the largest leaf of second-level paging: 2 is 2 MiB, 3 is 1 GiB. */
	unsigned stage2_largest;

	/* Loads and stores of GDTR, IDTR, LDTR and TR can exit. */
	bool watches_tables;

	/* The bits of CR4 that the guest may set. */
	uint64_t cr4_bits;
	/* Bits of a leaf that the CPU sets by itself. */
	uint64_t stage2_set;
	/* A leaf can let user mode alone execute: STAGE2_FETCH_USER. */
	bool stage2_by_mode;
};

/* Exits that can be requested, in addition to those that are always on. */
enum watched {
	WATCH_INTERRUPTS, /* external interrupts, for the console */
	WATCH_WAITS,      /* the instructions of waiting loops, if nothing else exits: with watches_waits */
	WATCH_CONFIGURED, /* the exceptions that boot_info.config names at present */
	WATCH_REGISTERS, /* shared maps of the registers that watches name; WATCH_CONFIGURED follows on each CPU */
	WATCH_TABLES, /* off: no instruction that loads or stores GDTR, IDTR, LDTR and TR; on: as the watches want it */
	WATCH_STEP, /* one step on this CPU's own tables (stage2/private.h): an instruction, or an event's delivery */
	WATCH_ENTRY /* the next entry, because work may have come after this exit's last test of it */
};

/* Start-up. probe() and the inits return NULL, or one line with the reason and a remedy. */
struct vendor_life {
	/* Tests this CPU. vendor_absent: CPUID does not report the extension; another line: it exists, but is not usable. */
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

	/* Writing CR0, CR3 or CR4 does all that a legal MOV does: paging, long mode, PDPTEs, the TLB. */
	void (*set)(struct cpu *cpu, enum guest_register r, uint64_t value);
	void (*segment)(const struct cpu *cpu, enum segment s, struct segment_state *out);

	/* The same as four get(). It is a separate call, because each store to the APIC and each VMCALL with an address needs it. */
	void (*paging)(const struct cpu *cpu, struct guest_paging *out);

	/* guest_fetch() at CS:RIP. Every recorded exception calls it, and the vendor has already read all that it needs. */
	unsigned (*fetch)(struct cpu *cpu, uint8_t *code);

	/* Fills a record, except seq, tsc, event and code. */
	void (*capture)(struct cpu *cpu, struct trap_record *record);

	/*
	 * Sets the guest's state as INIT does, except cpu->gpr.
	 *   sipi  NO_SIPI, or the vector of the SIPI that follows, at which the guest starts
	 */
	void (*reset)(struct cpu *cpu, unsigned sipi);
};

/* Events that come from outside of the guest's code. */
struct vendor_events {
	/* Sets the event of the next entry. */
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
	/* Takes effect at the next entry. The host's handlers of NMI and #MC may call it with WATCH_ENTRY, at any point. */
	void (*watch)(struct cpu *cpu, enum watched what, bool on);

	/*
	 * Handles the kinds of exit_own(). NMI: lets the host's handler take it (cpu->nmi_pending); it is injected at the end of this exit,
	 * if the guest can take it. INIT: ends it, and has init_sipi_note_init() or init_sipi_wait() carry it out.
	 */
	void (*own)(struct cpu *cpu);

	/*
	 * The vendor's part of exit_dispatch()'s skip, for instructions whose length the CPU does not report.
	 *   length  in bytes; 0 for an instruction that is repeated
	 *   met     bits of DR6: the guest's breakpoints that the instruction has matched. #DB is raised for them
	 */
	void (*skip)(struct cpu *cpu, unsigned length, uint64_t met);

	/*
	 * Whether the guest is at an instruction that was seen before, in 64-bit mode. If so, it is skipped as by skip(). Every store to the
	 * APIC calls it, and the vendor has all that it needs.
	 *   length  0: the instruction is not skipped yet
	 */
	bool (*skip_seen)(struct cpu *cpu, const struct code_seen *seen, unsigned length);

	/* RDMSR and WRMSR of MSRs that are part of the vendor's state, or that it hides. */
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
	 *   size    in: bytes of interest from gpa on; out: bytes for which these bits are right, a multiple of 4096
	 *   rights  of STAGE2_READ, STAGE2_WRITE, STAGE2_FETCH and, with stage2_by_mode, STAGE2_FETCH_USER. The CPU may not allow a combination: then the leaf has fewer
	 */
	uint64_t (*bits)(uint64_t gpa, uint64_t *size, unsigned rights);

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

/* 0 in real mode, 3 in virtual-8086 mode. */
static inline unsigned guest_cpl(const struct cpu *cpu)
{
	return (unsigned)(vendor->state.get(cpu, GUEST_CALLER) >> 8);
}

/* What RDMSR returns to the guest. False: it raises #GP. */
static inline bool guest_read_msr(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	enum msr_result result = vendor->exits.msr(cpu, msr, false, value);

	return result == MSR_DONE || (result == MSR_NOT_MINE && rdmsr_safe(msr, value));
}

#endif
