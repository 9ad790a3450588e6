// SPDX-License-Identifier: MIT
/*
 * States that a CPU, or an emulator of one, lets a guest reach, and that a VM entry checks.
 *
 * The manual: a code segment with L and D both set is reserved (SDM vol. 3A 5.2.1, APM vol. 2 4.8.1): a far
 * transfer to one raises #GP with its selector. SYSENTER in long mode raises #UD on AMD's CPUs (APM vol. 3 SYSENTER), and
 * enters 64-bit code on Intel's.
 *
 * The difficulty for a hypervisor: the next VM entry has to accept every state that the CPU lets the guest reach. QEMU 7.2 carries
 * all of this out, and leaves CS with L and D both set; its VMRUN refuses that (APM vol. 2 15.5.1).
 *
 * Each row gets into such a state in its own way, and then runs code that exits. A line must be the
 * same bare and under Trapline, on the same machine.
 */
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/trap.h"

const char guest_name[] = "entered";

#define USER_BOTH_L_D 0x00effb000000ffffull /* ring 3, 64-bit, and D */
#define SEG_USER_BOTH SEG_ABSENT_CODE       /* whose place it takes */
#define DATA          (PAGE_DATA + 0x100)

/* The ways into the state. RBX and RCX are the destination. */
TRAP_STUB(sysenter, "sysenter");
TRAP_STUB(far_jump, "rex.w ljmp *(%rsi)");
TRAP_STUB(far_call, "rex.w lcall *(%rsi)");
TRAP_STUB(far_return, "push %rcx; push %rbx; lretq");
TRAP_STUB(iret, "mov %rsp, %rax; push %rdx; push %rax; mov $0, %eax; pushfq; push %rcx; push %rbx; iretq");

/* The code that runs there: the first exit of each is different. */
#define LANDINGS(X)                                                                                          \
	X(cpuid, "xor %eax, %eax; cpuid; xor %eax, %eax; cpuid")                                             \
	X(rdmsr, "mov $0xc0000080, %ecx; rdmsr")                                                             \
	X(ud, "ud2")                                                                                         \
	X(int3, "int3")                                                                                      \
	X(page_fault, "movabs $0x400000000000, %rdi; mov (%rdi), %eax")                                      \
	X(apic, "mov $0xfee000b0, %edi; xor %eax, %eax; mov %eax, (%rdi)")                                   \
	X(io, "mov $0xcf9, %edx; in %dx, %al; xor %eax, %eax; cpuid")                                        \
	X(nothing, "nop")

#define X(name, code) TRAP_STUB(landing_##name, code);
LANDINGS(X)
#undef X

struct landing {
	const char *name;
	const uint8_t *code;
};

static const struct landing landings[] = {
#define X(name, code) {#name, stub_landing_##name},
	LANDINGS(X)
#undef X
};

struct way {
	const char *name;
	const uint8_t *code; /* NULL: IRETQ of the test's own */
	uint16_t cs, target; /* where it starts, and its destination */
};

static const struct way ways[] = {
	{"sysenter_user", stub_sysenter, SEG_USER_CODE32 | 3, SEG_CODE},
	{"sysenter", stub_sysenter, SEG_CODE32, SEG_CODE},
	{"far_jump", stub_far_jump, SEG_CODE, SEG_BOTH_L_D},
	{"far_call", stub_far_call, SEG_CODE, SEG_BOTH_L_D},
	{"far_return", stub_far_return, SEG_CODE, SEG_BOTH_L_D},
	{"iret", stub_iret, SEG_CODE, SEG_BOTH_L_D},
	{"far_jump_user", stub_far_jump, SEG_USER_CODE | 3, SEG_USER_BOTH | 3},
	{"far_return_user", stub_far_return, SEG_USER_CODE | 3, SEG_USER_BOTH | 3},
	{"iret_to_user", NULL, SEG_USER_BOTH | 3, SEG_USER_BOTH | 3},
};

/* 32-bit code is below 4 GiB: ring 3 gets the image's page of stubs through the firmware's own tables. */
static void open_to_user(uint64_t address)
{
	uint64_t *table = (uint64_t *)(read_cr3() & PTE_ADDRESS);

	write_cr0(read_cr0() & ~CR0_WP);
	for (unsigned shift = 39; shift >= 12; shift -= 9) {
		uint64_t *entry = &table[address >> shift & 511];

		*entry |= PTE_USER;
		if (shift < 39 && *entry & PTE_LARGE)
			break;
		table = (uint64_t *)(*entry & PTE_ADDRESS);
	}
	write_cr0(read_cr0() | CR0_WP);
	write_cr3(read_cr3());
}

static void set_descriptor(unsigned selector, uint64_t descriptor)
{
	struct descriptor_table gdt;

	__asm__ volatile("sgdt %0" : "=m"(gdt));
	*(uint64_t *)(gdt.base + selector) = descriptor;
}

static uint64_t landing_of(const struct way *way, const struct landing *landing)
{
	return way->target & 3 ? machine_user_alias(landing->code) : (uint64_t)landing->code;
}

static void prepare(const struct way *way, const struct landing *landing)
{
	volatile uint64_t *pointer = (uint64_t *)paging_data() + 0x100 / 8;

	machine_reset();
	machine_idt[VECTOR_BP].type |= GATE_DPL3;
	open_to_user((uint64_t)stub_sysenter);
	set_descriptor(SEG_USER_BOTH, USER_BOTH_L_D);
	wrmsr(MSR_SYSENTER_CS, SEG_CODE);
	wrmsr(MSR_SYSENTER_ESP, machine_stub_stack());
	wrmsr(MSR_SYSENTER_EIP, (uint64_t)landing->code);
	pointer[0] = landing_of(way, landing);
	pointer[1] = way->target;
}

static struct trap_state start_of(const struct way *way, const struct landing *landing)
{
	bool user = way->cs & 3, low = way->code == stub_sysenter;
	struct trap_state s = {
		.rip = (uint64_t)way->code,
		.cs = way->cs,
		.ss = user ? SEG_USER_DATA | 3 : SEG_DATA,
		.rsp = user ? machine_user_stack() : machine_stub_stack(),
		.rflags = RFLAGS_FIXED | RFLAGS_CF,
	};

	if (!way->code)
		s.rip = landing_of(way, landing);
	else if (user && !low)
		s.rip = machine_user_alias(way->code);
	s.gpr[REG_RBX] = landing_of(way, landing);
	s.gpr[REG_RCX] = way->target;
	s.gpr[REG_RDX] = s.ss;
	s.gpr[REG_RSI] = DATA;
	return s;
}

/* At the IRETQ of trap_enter() the status flags come from addresses, which are others bare than under Trapline. */
static void print_flags(uint64_t flags, bool elsewhere)
{
	print("rflags=%lx ", elsewhere ? flags & ~RFLAGS_STATUS : flags);
}

static bool is_elsewhere(uint64_t rip, uint64_t start, uint64_t landing)
{
	return rip - landing >= 64 && rip - start >= 64;
}

/* The code's position, from one of its two possible addresses. */
static void print_place(uint64_t rip, uint64_t start, uint64_t landing)
{
	if (rip - landing < 64)
		print("at=landing+%lu", rip - landing);
	else if (rip - start < 64)
		print("at=start+%lu", rip - start);
	else
		print("at=elsewhere");
}

static void run(const struct way *way, const struct landing *landing)
{
	struct trap_state start;
	const struct trap_event *e;
	const struct trap_log *log;

	prepare(way, landing);
	start = start_of(way, landing);
	log = trap_run(&start, 0);
	e = &log->event[log->count - 1];
	machine_reset();
	print("case name=%s/%s vec=%u err=%x cs=%lx ss=%lx ", way->name, landing->name, e->vector,
		e->has_error ? e->error : 0, e->state.cs, e->state.ss);
	print_flags(e->state.rflags, is_elsewhere(e->state.rip, start.rip, landing_of(way, landing)));
	print("rax=%lx rbx=%lx ", e->state.gpr[REG_RAX],
		e->state.gpr[REG_RBX] == start.gpr[REG_RBX] ? 0 : e->state.gpr[REG_RBX]);
	print_place(e->state.rip, start.rip, landing_of(way, landing));
	print("\n");
}

EFI_STATUS guest_main(void)
{
	uint64_t cs = rdmsr(MSR_SYSENTER_CS), esp = rdmsr(MSR_SYSENTER_ESP), eip = rdmsr(MSR_SYSENTER_EIP);

	machine_take();
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++)
		for (unsigned n = 0; n < ARRAY_SIZE(landings); n++)
			run(&ways[i], &landings[n]);
	wrmsr(MSR_SYSENTER_CS, cs); /* other programs of the suite look at them */
	wrmsr(MSR_SYSENTER_ESP, esp);
	wrmsr(MSR_SYSENTER_EIP, eip);
	machine_give_back();
	return EFI_SUCCESS;
}
