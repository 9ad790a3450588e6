// SPDX-License-Identifier: MIT
/* One exception after the other, each in a process of its own: init.h describes the output. */
#define _GNU_SOURCE
#include "init.h"

#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

/* Fixed addresses, so that two runs print the same. Nothing else of this program is there. */
#define PAGE_UNMAPPED  0x10000000UL
#define PAGE_READ_ONLY 0x11000000UL
#define PAGE_NO_EXEC   0x12000000UL
#define PAGE_CODE32    0x13000000UL
#define NON_CANONICAL  0x8000000000000000UL

#define CODE_MAX      15
#define VECTOR_PF     14
#define CHILD_SECONDS 5

/* The signal of a child, in memory that it shares with its parent. */
struct seen {
	int signal, si_code;
	uint64_t addr, vec, err, cr2, rip;
	uint16_t cs;
	uint8_t code[CODE_MAX];
	int code_len;
};

struct fault {
	const char *name;
	const char *want;
	void (*provoke)(void);
	int back; /* how far the frame's RIP lies behind an INT instruction, which traps */
};

static struct seen *seen;
static const struct fault *running;

/* Asks the kernel to copy, because that fails without a fault if the memory cannot be read. */
static int read_code(uint8_t *code, uint64_t rip)
{
	int pipes[2];

	if (pipe(pipes))
		return 0;
	for (int size = CODE_MAX; size > 0; size--)
		if (write(pipes[1], (const void *)rip, size) == size)
			return read(pipes[0], code, size);
	return 0;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	const greg_t *gregs = ((ucontext_t *)context)->uc_mcontext.gregs;

	seen->si_code = info->si_code;
	seen->addr = (uint64_t)info->si_addr;
	seen->vec = gregs[REG_TRAPNO];
	seen->err = gregs[REG_ERR];
	seen->cr2 = gregs[REG_CR2];
	seen->rip = gregs[REG_RIP] - running->back;
	seen->cs = gregs[REG_CSGSFS];
	seen->code_len = read_code(seen->code, seen->rip);
	seen->signal = signal;
	_exit(0);
}

static void catch_signals(void)
{
	static const int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP};
	static char stack[64 * 1024];
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&alternate, NULL);
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
}

static void map_page(uint64_t address, int protection, const uint8_t *bytes, size_t size)
{
	void *page = mmap((void *)address, 4096, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	memcpy(page, bytes, size);
	mprotect(page, 4096, protection);
}

static void divide_error(void)
{
	__asm__ volatile("xor %%edx, %%edx; xor %%ecx, %%ecx; div %%ecx" : : "a"(1) : "rdx", "rcx", "cc");
}

static void single_step(void)
{
	__asm__ volatile("pushfq; orq $0x100, (%%rsp); popfq; nop; nop" : : : "memory", "cc");
}

static void int1(void)
{
	__asm__ volatile(".byte 0xf1");
}

static void int3(void)
{
	__asm__ volatile("int3");
}

static void int4(void)
{
	__asm__ volatile("int $4");
}

static void invalid_opcode(void)
{
	__asm__ volatile("ud2");
}

static void privileged(void)
{
	__asm__ volatile("hlt");
}

/* An interrupt gate that user space may not use: the error code names the gate. */
static void int32(void)
{
	__asm__ volatile("int $0x20");
}

/* A selector beyond the GDT: the error code names it. */
static void bad_selector(void)
{
	__asm__ volatile("mov %0, %%ds" : : "r"(0x1238));
}

static void non_canonical_read(void)
{
	__asm__ volatile("mov (%0), %%rax" : : "r"(NON_CANONICAL) : "rax");
}

/* Through RBP the access is to the stack segment: #SS. QEMU 7.2 makes it a #GP. */
static void non_canonical_stack(void)
{
	__asm__ volatile("push %%rbp; mov %0, %%rbp; mov (%%rbp), %%rax; pop %%rbp"
			 :
			 : "r"(NON_CANONICAL)
			 : "rax");
}

static void write_null(void)
{
	__asm__ volatile("movl $1, (%0)" : : "r"(0UL) : "memory");
}

static void read_unmapped(void)
{
	__asm__ volatile("mov 0x123(%0), %%eax" : : "r"(PAGE_UNMAPPED) : "rax");
}

static void write_read_only(void)
{
	map_page(PAGE_READ_ONLY, PROT_READ, (const uint8_t *)"", 1);
	__asm__ volatile("movb $1, 0x10(%0)" : : "r"(PAGE_READ_ONLY) : "memory");
}

static void execute_no_exec(void)
{
	static const uint8_t nops[CODE_MAX] = {0x90, 0x90, 0xc3};

	map_page(PAGE_NO_EXEC, PROT_READ, nops, sizeof nops);
	__asm__ volatile("call *%0" : : "r"(PAGE_NO_EXEC) : "memory");
}

static void execute_unmapped(void)
{
	__asm__ volatile("call *%0" : : "r"(PAGE_UNMAPPED) : "memory");
}

/* QEMU 7.2 checks no alignment. */
static void misaligned(void)
{
	__asm__ volatile(
		"pushfq; orq $0x40000, (%%rsp); popfq; mov %0, %%eax; pushfq; andq $~0x40000, (%%rsp); popfq"
		:
		: "m"(*(const char *)(PAGE_READ_ONLY + 1))
		: "rax", "memory", "cc");
}

static void align_check(void)
{
	map_page(PAGE_READ_ONLY, PROT_READ, (const uint8_t *)"", 1);
	misaligned();
}

static void x87_error(void)
{
	const uint16_t unmasked = 0x037b; /* all but division by zero masked */

	__asm__ volatile("fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(unmasked));
}

/* QEMU 7.2 raises no #XM. */
static void simd_error(void)
{
	const uint32_t unmasked = 0x1d80; /* all but division by zero masked */
	const float one = 1, zero = 0;

	__asm__ volatile("ldmxcsr %0; movss %1, %%xmm0; divss %2, %%xmm0"
			 :
			 : "m"(unmasked), "m"(one), "m"(zero)
			 : "xmm0");
}

/* Runs a few bytes as 32-bit code, in the code segment that Linux has for it. */
static void run32(const uint8_t *code, size_t size)
{
	const struct {
		uint32_t offset;
		uint16_t selector;
	} __attribute__((packed)) target = {PAGE_CODE32, 0x23};

	map_page(PAGE_CODE32, PROT_READ | PROT_EXEC, code, size);
	__asm__ volatile("ljmpl *%0" : : "m"(target) : "memory");
}

static void invalid_opcode32(void)
{
	static const uint8_t code[] = {0x0f, 0x0b};

	run32(code, sizeof code);
}

static void into32(void)
{
	/* mov al, 0x7f; add al, 1; into */
	static const uint8_t code[] = {0xb0, 0x7f, 0x04, 0x01, 0xce};

	run32(code, sizeof code);
}

static void bound32(void)
{
	/* mov eax, 9; bound eax, [PAGE_CODE32 + 16], where the bounds are 0 and 0 */
	static const uint8_t code[32] = {0xb8, 9, 0, 0, 0, 0x62, 0x05, 0x10, 0x00, 0x00, PAGE_CODE32 >> 24};

	run32(code, sizeof code);
}

static void privileged32(void)
{
	static const uint8_t code[] = {0x90, 0xf4}; /* nop; hlt */

	run32(code, sizeof code);
}

static const struct fault faults[] = {
	{"de", "SIGFPE", divide_error, 0},
	{"db_step", "SIGTRAP", single_step, 0},
	{"bp", "SIGTRAP", int3, 1},
	{"of_int4", "SIGSEGV", int4, 2},
	{"ud", "SIGILL", invalid_opcode, 0},
	{"gp_hlt", "SIGSEGV", privileged, 0},
	{"gp_int32", "SIGSEGV", int32, 0},
	{"gp_selector", "SIGSEGV", bad_selector, 0},
	{"gp_noncanonical", "SIGSEGV", non_canonical_read, 0},
	{"ss_noncanonical", "SIGBUS", non_canonical_stack, 0},
	{"pf_write_null", "SIGSEGV", write_null, 0},
	{"pf_read", "SIGSEGV", read_unmapped, 0},
	{"pf_write_protected", "SIGSEGV", write_read_only, 0},
	{"pf_no_exec", "SIGSEGV", execute_no_exec, 0},
	{"pf_exec_unmapped", "SIGSEGV", execute_unmapped, 0},
	{"ac", "SIGBUS", align_check, 0},
	{"mf", "SIGFPE", x87_error, 0},
	{"xm", "SIGFPE", simd_error, 0},
	{"ud32", "SIGILL", invalid_opcode32, 0},
	{"of_into32", "SIGSEGV", into32, 1},
	{"br_bound32", "SIGSEGV", bound32, 0},
	{"gp_hlt32", "SIGSEGV", privileged32, 0},
};

static const struct fault icebp_fault = {"db_icebp", "SIGTRAP", int1, 0};

static const char *signal_name(int signal)
{
	static char name[16];

	if (!signal)
		return "none";
	snprintf(name, sizeof name, "SIG%s", sigabbrev_np(signal));
	return name;
}

static void print_code(const uint8_t *code, int size)
{
	for (int i = 0; i < size; i++)
		printf("%02x", code[i]);
}

static void print_seen(const struct fault *fault)
{
	printf("fault name=%s want=%s got=%s", fault->name, fault->want, signal_name(seen->signal));
	if (seen->signal) {
		printf(" si_code=%d addr=%#lx vec=%lu err=%#lx", seen->si_code, seen->addr, seen->vec,
			seen->err);
		if (seen->vec == VECTOR_PF)
			printf(" cr2=%#lx", seen->cr2);
		printf(" at=%x:%lx code=", seen->cs, seen->rip);
		print_code(seen->code, seen->code_len);
	}
	putchar('\n');
}

static void run_child(const struct fault *fault)
{
	running = fault;
	catch_signals();
	alarm(CHILD_SECONDS);
	fault->provoke();
	_exit(0);
}

static void run_fault(const struct fault *fault)
{
	int status;

	memset(seen, 0, sizeof *seen);
	pid_t child = fork();
	if (child == 0)
		run_child(fault);
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("fault name=%s want=%s got=killed by=%s\n", fault->name, fault->want,
			signal_name(WTERMSIG(status)));
	else
		print_seen(fault);
}

void run_faults(int icebp)
{
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
		run_fault(&faults[i]);
	if (icebp)
		run_fault(&icebp_fault);
}
