// SPDX-License-Identifier: MIT
/*
 * One CPU under which Trapline runs. The fault path and NMIs find struct cpu through GS; all other code gets it as an
 * argument.
 */
#ifndef TRAPLINE_CPU_H
#define TRAPLINE_CPU_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hw/asm.h"
#include "hw/cache_line.h"
#include "hw/machine.h"
#include "hw/mitigations.h"
#include "cpu/exit.h"
#include "mem/guest_walk.h"
#include "trace/core_file.h"
#include "trace/history.h"
#include "trace/reserve.h"
#include "trace/print_queue.h"

#define CPU_STACK_SIZE     (32 * 1024)
#define CPU_IST_STACK_SIZE (16 * 1024)
#define CPU_POLL_RECORDS                                                                                     \
	1024 /* records between two polls of the console; the ring's length if that is smaller */

/* Code that most exits do not run: not inlined, so that its callers stay short. */
#define SLOW_PATH __attribute__((noinline, cold))

/* Work for the end of an exit, in one word, so that the hot path tests it once. */
#define CPU_WORK_CONSOLE 0x01 /* there is text to print or a record to format */
#define CPU_WORK_NMI     0x02 /* an NMI of the guest's waits to be injected */
#define CPU_WORK_SCRATCH 0x04 /* the page behind hidden memory was opened for one store */
#define CPU_WORK_RELOAD                                                                                      \
	0x80 /* RBP or R12 to R15 of cpu->gpr were changed, which C keeps as they are: the entry loads them */
#define CPU_WORK_VENDOR  0x08  /* the vendor's work, before the next handler or the next entry */
#define CPU_WORK_KICK    0x10  /* another CPU has sent a command or request: src/exit/init_sipi.h */
#define CPU_WORK_MC      0x40  /* a machine check for the guest came to the VMM: src/cpu/machine_check.h */
#define CPU_WORK_WATCH   0x100 /* a hit has changed the table of watches: src/exit/watch_change.h */
#define CPU_WORK_OPEN    0x200 /* with watch_open: src/exit/watch_tables.c */
#define CPU_WORK_THAW    0x400 /* a part of the records beside the ring moves into it: src/exit/freeze.h */
#define CPU_WORK_CAPTURE 0x800 /* the guest is dead, and the capture kernel starts: src/exit/capture.h */
#define CPU_WORK_EVENT   0x20  /* the event whose delivery this exit interrupted has to be injected again */
/*
 * The guest is let through one access to a watched page: src/exit/watch_access.h. The bit is that of DR7.GD, so that VT-x's decoder of
 * #DB tests both at once.
 */
#define CPU_WORK_STEP 0x2000

/* Segment registers in the encoding order of the manuals (SDM vol. 2A 3.1.1.3), as vendor->state.segment() takes them. */
/* The tables' have a base and a limit only. */
enum segment {
	SEG_ES,
	SEG_CS,
	SEG_SS,
	SEG_DS,
	SEG_FS,
	SEG_GS,
	SEG_LDTR,
	SEG_TR,
	SEG_COUNT,
	SEG_GDTR = SEG_COUNT,
	SEG_IDTR
};

/* Refusals that are printed, by kind: the first CPU_REPORTS of each on each CPU. */
enum refusal {
	REFUSED_MEMORY,
	REFUSED_COMMAND, /* INIT or SIPI to an APIC identifier without a CPU of Trapline's */
	REFUSED_STORE,   /* a store to the APIC that is not to a register */
	REFUSED_BASE,    /* an APIC address that cannot be watched */
	REFUSED_CODE,    /* not a refusal: an instruction whose bytes cannot be read */
	REFUSAL_KINDS
};

#define CPU_REPORTS 16

/* Denied requests of the guest, as they are counted. X(name, text, meaning) */
#define BAD_GUEST_KINDS(X)                                                                                   \
	X(BAD_MEMORY, "memory",                                                                              \
		"accesses to memory that is not the guest's: Trapline's own, a hidden device's")             \
	X(BAD_MSR, "msr",                                                                                    \
		"RDMSR and WRMSR of registers that the guest does not have, or with values that they "       \
		"cannot have")                                                                               \
	X(BAD_VMCALL, "vmcall",                                                                              \
		"VMCALLs that were answered with an error, unless it only says that nothing is there")       \
	X(BAD_PORT, "port", "string I/O to a port that switches address line 20")                            \
	X(BAD_APIC, "apic",                                                                                  \
		"INIT and SIPI to an unknown CPU, and stores to the local APIC's page that hit no "          \
		"register")

#define X(name, text, meaning) name,
enum bad_guest_kind {
	BAD_GUEST_KINDS(X) BAD_KINDS
};
#undef X

struct cpu_stats {
	uint64_t exits[EXIT_KIND_COUNT];
	uint64_t longest[EXIT_KIND_COUNT]; /* TSC ticks; exit/longest.h says which exits are measured */
	uint64_t vectors[32][4];           /* recorded exceptions, by vector and CPL */
	uint64_t bad_guest[BAD_KINDS];
	uint64_t mended; /* guest states that VM entry would have refused: exit/mended.h */
};

/* Why a CPU stopped for a debugger. */
enum run_stop {
	RUN_NOT, /* it did not, or that was told */
	RUN_STEPPED,
	RUN_BREAKPOINT,
	RUN_WATCH,
	RUN_EXCEPTION,
	RUN_RESET
};

struct cpu_run {
	_Atomic uint8_t stop; /* enum run_stop */
	bool steps;           /* it has to stop after one instruction */
	bool holds;      /* in a step for that: interrupts wait, because one is always pending after a stop */
	bool admits;     /* in a step: an interrupt is let in, and its delivery is the step */
	uint64_t rip;    /* before the step */
	bool told_reset; /* it has stopped for its reset at reset_rip, which is carried out next */
	uint64_t reset_rip;
	uint8_t vector; /* RUN_EXCEPTION */
	uint16_t watch; /* RUN_BREAKPOINT, RUN_WATCH: its number */
};

struct cpu {
	/* The entry stubs use the first members, by asm_offsets.c. Small offsets make their instructions short. */
	struct cpu *self;        /* for this_cpu() */
	uint64_t gpr[TRAP_GPRS]; /* the guest's; gpr[TRAP_RSP] is filled only if the vendor says so */
	uint64_t vendor_asm[4];  /* the vendor's own words for its stub */
	uint64_t host_stack_top;
	uint64_t host_stacks;   /* lowest address of its stacks; host_stack_top is the end of the last one */
	uint8_t host_interrupt; /* vector of an interrupt that the host has acknowledged (idt.asm) */
	bool host_interrupt_valid; /* there is one, not yet injected */
	uint32_t mitigating;       /* MITIGATE_... bits for the stub (mitigate.inc) */
	/* with MITIGATE_IBRS; guest_spec_ctrl is the value at the exit */
	uint32_t host_spec_ctrl, guest_spec_ctrl;

	uint32_t number;
	uint32_t apic_id;
	/* On a line of their own (hw/cache_line.h): what other CPUs read and write while this one runs. */
	LINE_ALIGNED _Atomic uint32_t start; /* INIT and SIPI that this CPU has received: src/apic/icr.h */
	_Atomic uint8_t kicked;              /* a kick is under way to it: src/apic/park.h */
	_Atomic bool
		waits_for_sipi; /* in the activity state wait-for-SIPI: it executes nothing and takes no NMI */
	_Atomic bool beneath;   /* it has reached its first entry: before that it must not get NMIs */
	_Atomic bool aside, flush_due; /* src/apic/flush.h */
	_Atomic uint32_t flushed;      /* generation of the second-level tables at its last flush */
	_Atomic bool paused, released; /* src/apic/pause.h */
	LINE_ALIGNED uint32_t work;    /* CPU_WORK_... */
	uint64_t scratch_gpa[2];       /* with CPU_WORK_SCRATCH: pages, 0 for none; one store may use two */
	bool guest_nmi_blocked;        /* an NMI was injected and its IRET has not been seen */
	bool nmi_pending;              /* the host took an NMI that is not yet injected */
	bool pass_interrupt; /* interrupts do not exit after the next entry: the guest takes this one itself */
	struct exit exit;
	struct code_page code_page;
	struct seen_store *seen_stores; /* a page: src/exit/apic_seen.h */
	/* On a line of their own: what the printer reads. beside: the second ring, used while the ring is frozen: exit/freeze.h */
	LINE_ALIGNED struct trace_ring ring;
	struct trace_ring beside;
	struct trace_ring *_Atomic writing;      /* the ring that is written */
	uint64_t not_kept;                       /* records without room while the ring was frozen */
	LINE_ALIGNED struct ring_reader thawing; /* what of it has to move into the ring; NULL: nothing */
	struct reserve *reserve;                 /* beside the ring: the newest records of each vector */
	_Atomic uint32_t noted; /* vectors whose next record takes the slow path: exit/record.h */
	uint32_t frequent;      /* vectors beyond the printer's rate that the reserve skips */
	struct exit_history history;
	_Atomic uint32_t intercepts; /* number of the last order of exit/intercept.h that it carried out */
	uint8_t recorded_vector, recorded_type; /* of the newest record */
	uint8_t turn_watches; /* what its last turn asked to exit: console/poll.c; 0: not known */
	bool turn_due; /* the last exit was too long for the console's turn, which comes first at the next one */
	uint64_t poll_ticks;      /* minimum ticks between two polls of the console: log/turn.h */
	uint32_t poll_mask;       /* a record whose seq has these bits clear also polls: exit/record.h */
	struct print_queue print; /* records to print */
	uint64_t new_site;        /* seq of the newest record that was the first of an important site */
	struct cpu_stats stats;
	struct {
		uint64_t rip, gpa;
	} refused; /* the newest access that second-level paging refused */
	uint8_t told[REFUSAL_KINDS];
	struct watch_open { /* an instruction that runs without its intercept until the next exit */
		struct trap_record record;
		uint64_t old;
		uint8_t segment, access, reg;
		bool now; /* it is this exit's */
	} watch_open;
	void *vendor;                          /* struct svm_cpu or struct vmx_cpu */
	struct stage2_private *private_tables; /* NULL until there was a watch: stage2/private.h */
	struct watching *watching;             /* the same: exit/watch_access.h */
	struct known_insn *known;              /* the same: guest/known_insn.h */
	bool stepped;        /* with CPU_WORK_STEP: this exit came after the step, not before or in it */
	struct host_before { /* the state that cpu_load_host() replaced */
		struct descriptor_table gdt, idt;
		uint16_t es, cs, ss, ds, fs, gs;
		uint64_t fs_base, gs_base;
	} before;
	uint64_t gdt[8];
	uint32_t tss[26];
	uint8_t fault_depth;
	struct mitigations mitigations;
	struct cpu_run run; /* src/exit/run.h */
	struct trap_record paused_at;
	struct stopped { /* for good: src/apic/park.h */
		_Atomic bool is;
		uint64_t reason;       /* of its last exit */
		struct trap_record at; /* the guest's registers */
	} stopped;
	struct core_registers
		registers; /* for a core: since it stopped or paused. Others cannot read them on VT-x */
};

static inline struct cpu *this_cpu(void)
{
	struct cpu *c;

	__asm__ volatile("mov %%gs:%c1, %0" : "=r"(c) : "i"(offsetof(struct cpu, self)));
	return c;
}

/*
 * The CPU whose host stack contains this address; the boot CPU if none does. For the fault path, where GS may
 * still be the guest's.
 */
struct cpu *cpu_of_stack(uint64_t address);

/* From here on this CPU runs on this stack as well: console/slice.h. There are CPU_LENT_STACKS of them, by number. */
#define CPU_LENT_STACKS 3
void cpu_lend_stack(unsigned n, struct cpu *cpu, uint64_t low, uint64_t high);

static inline uint64_t cpu_bad_guest(const struct cpu *cpu)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < BAD_KINDS; k++)
		n += cpu->stats.bad_guest[k];
	return n;
}

/* Counts a refusal of this kind. Returns whether to print it. */
static inline bool cpu_tells(struct cpu *cpu, enum refusal kind)
{
	return cpu->told[kind] < CPU_REPORTS && ++cpu->told[kind];
}

/*
 * Set and clear bits of this CPU's own cpu->work, each in one instruction: an NMI's handler sets bits
 * too, and on VT-x it interrupts the VMM.
 */
static inline void cpu_add_work(struct cpu *cpu, uint32_t bits)
{
	__asm__ volatile("orl %1, %0" : "+m"(cpu->work) : "ri"(bits) : "cc");
}

static inline void cpu_end_work(struct cpu *cpu, uint32_t bits)
{
	__asm__ volatile("andl %1, %0" : "+m"(cpu->work) : "ri"(~bits) : "cc");
}

/* Whether an NMI to this CPU reaches the VMM: not while the firmware has the CPU, nor in the state wait-for-SIPI. */
static inline bool cpu_takes_nmis(const struct cpu *cpu)
{
	return atomic_load(&cpu->beneath) && !atomic_load(&cpu->waits_for_sipi);
}

extern struct cpu *cpus[BOOT_MAX_CPUS];   /* by number; NULL: there is none */
extern const uint16_t host_data_selector; /* in the GDT of each CPU, for VERW */
extern _Atomic uint32_t cpus_active;

/* The first CPU from number n on; NULL: there is none. */
static inline struct cpu *cpu_from(uint32_t n)
{
	while (n < boot_info.cpus && !cpus[n])
		n++;
	return n < boot_info.cpus ? cpus[n] : NULL;
}

/* A loop over all CPUs; declares `c`. */
#define for_each_cpu(c) for (struct cpu *c = cpu_from(0); c; c = cpu_from(c->number + 1))

/* Of all CPUs: exits of a kind, and recorded exceptions of a vector, `user` those from CPL 3, otherwise from CPL 0 to 2. */
static inline uint64_t cpus_exits(enum exit_kind kind)
{
	uint64_t n = 0;

	for_each_cpu (c)
		n += c->stats.exits[kind];
	return n;
}

static inline uint64_t cpu_exceptions(const struct cpu *cpu, unsigned vector, bool user)
{
	const uint64_t *n = cpu->stats.vectors[vector];

	return user ? n[3] : n[0] + n[1] + n[2];
}

static inline uint64_t cpus_exceptions(unsigned vector, bool user)
{
	uint64_t n = 0;

	for_each_cpu (c)
		n += cpu_exceptions(c, vector, user);
	return n;
}

/*
 * Allocates and fills the state of a CPU, with stacks and descriptor tables. Boot time only.
 * Returns NULL if the pool is empty.
 */
struct cpu *cpu_create(uint32_t number, uint32_t apic_id);

/* Chooses this CPU's mitigations (hw/mitigations.h). Call it after cpu_load_host(), whose IDT catches a missing MSR. */
void cpu_mitigate(struct cpu *cpu);

/* Loads this CPU's GDT, TSS, IDT and GS. From here on faults of the VMM are caught. */
void cpu_load_host(struct cpu *cpu);

/* Restores what cpu_load_host() replaced, except the task register: LTR cannot load an empty one. */
void cpu_unload_host(const struct cpu *cpu);

/* The vendor's run() calls this on the CPU's own stack, before the first entry. */
void cpu_entered(void);

#endif
