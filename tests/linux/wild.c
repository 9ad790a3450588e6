// SPDX-License-Identifier: MIT
/*
 * Random code in ring 3: a child for each seed gets a page of it, random registers and some memory, and runs until an
 * exception ends it. What it came to is one line, the same on every run of the same machine:
 *
 *   wild seed=7 mode=16 how=step end=signal sig=11 code=128 addr=0x0 vec=13 err=0x18 at=7:12 steps=3 flags=0x246
 *        state=93c1f02d4b6a7e58 bytes=cd03...
 *
 *   usage: wild FIRST COUNT [all] [show]
 *
 * mode is 64, 32, 16, or far (16-bit code whose offsets need more than 16 bits); how is free, or step: with TF set, up to
 * BUDGET instructions, state then standing for all registers and memory after each one. end is signal; loop, for code
 * that goes on after LOOP_MS; budget; or killed, when the kernel could not even call the handler. show adds the registers; all is wild.h's.
 *
 * What the code could read that is not the same twice is kept from it: RDTSC raises #GP, there is no RDRAND, and no
 * system call does anything. Its stack is 32-bit in 16-bit code, too: Linux's way to a 16-bit one lets bits of a random
 * address through.
 */
#define _GNU_SOURCE
#include "wild.h"

#include <asm/ldt.h>
#include <asm/prctl.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "hw/x86.h"

#define BUDGET       100
#define LOOP_MS      500
#define REGISTERS    17 /* R8 to RIP: gregs[REG_R8] to gregs[REG_RIP] */
#define BYTES_SHOWN  8
#define TEXT_SIZE    0x100000 /* of this program: system calls from elsewhere are the random code's */
#define FLAGS_RANDOM 0xcd5    /* DF, OF, SF, ZF, AF, PF, CF */
#define FLAGS_FIXED  0x202

enum mode {
	MODE_64,
	MODE_32,
	MODE_16,
	MODE_FAR,
	MODES
};

static const char *const mode_names[] = {"64", "32", "16", "far"};
static const uint16_t mode_cs[] = {USER_CS64, USER_CS32, LDT_SELECTOR(LDT_CODE16), LDT_SELECTOR(LDT_FAR16)};
static const uint64_t mode_rip[] = {CODE, CODE, 0, FAR_OFFSET};

/* The results of the child, in memory that it shares with its parent. */
struct end {
	const char *how;
	int sig, code;
	uint64_t addr, steps, state;
	greg_t gregs[NGREG];
};

/* What enter_wild() pops: registers, then the frame of an IRETQ. */
struct entry {
	uint64_t gpr[15];
	uint64_t rip, cs, flags, rsp, ss;
	uint16_t data; /* DS and ES */
};

static struct end *end;
static struct entry entry;

__attribute__((noreturn)) void enter_wild(const struct entry *first, uint16_t data);
__asm__(".globl enter_wild\n"
	"enter_wild:\n"
	"	mov %esi, %ds\n"
	"	mov %esi, %es\n"
	"	mov %rdi, %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %r11; pop %r10; pop %r9; pop %r8\n"
	"	pop %rbp; pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rbx; pop %rax\n"
	"	iretq\n");

/* The handler uses nothing of libc: FS is the random code's. */
__attribute__((noreturn)) static void leave(void)
{
	for (;;)
		__asm__ volatile("syscall" : : "a"(SYS_exit_group), "D"(0) : "rcx", "r11", "memory");
}

static void mix(const void *data, size_t words)
{
	for (size_t i = 0; i < words; i++)
		end->state = (end->state ^ ((const uint64_t *)data)[i]) * 0x100000001b3 + 1;
}

/* Registers, flags and selectors; x87's and SSE's as FXSAVE has them, without its reserved bytes. */
static void mix_registers(const ucontext_t *context)
{
	mix(context->uc_mcontext.gregs, REG_CSGSFS + 1);
	mix(context->uc_mcontext.fpregs, offsetof(struct _libc_fpstate, __glibc_reserved1) / 8);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	ucontext_t *seen = context;

	/* With AC set this program's own accesses would have to be aligned. */
	__asm__ volatile("pushfq; andl $0xfffbffff, (%%rsp); popfq" : : : "memory", "cc");
	if (signal == SIGPROF) {
		end->how = "loop";
		leave();
	}
	mix_registers(seen);
	if (signal == SIGTRAP && info->si_code == TRAP_TRACE && ++end->steps < BUDGET)
		return;
	for (int i = 0; i < NGREG; i++)
		end->gregs[i] = seen->uc_mcontext.gregs[i];
	end->sig = signal;
	end->code = info->si_code;
	end->addr = (uint64_t)info->si_addr;
	end->how = end->steps == BUDGET ? "budget" : "signal";
	leave();
}

static void catch_signals(void)
{
	static const int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGSYS, SIGPROF};
	static char stack[64 * 1024];
	const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
	const struct itimerval limit = {
		.it_value = {.tv_sec = LOOP_MS / 1000, .tv_usec = LOOP_MS % 1000 * 1000}};
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaltstack(&alternate, NULL);
	sigfillset(&action.sa_mask);
	for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &action, NULL);
	setitimer(ITIMER_PROF, &limit, NULL);
}

/* Two system calls from this program's own text work; all others are answered with ENOSYS. */
static void forbid_system_calls(void)
{
	extern const char __executable_start[];
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 0, 7),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
		BPF_JUMP(
			BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(uintptr_t)__executable_start + TEXT_SIZE, 3, 0),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof filter / sizeof *filter, filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(2);
}

static void set_descriptor(enum ldt_entry number, struct user_desc descriptor)
{
	descriptor.entry_number = number;
	if (syscall(SYS_modify_ldt, 1, &descriptor, sizeof descriptor)) {
		perror("wild: modify_ldt");
		exit(1);
	}
}

static void make_ldt(void)
{
	const struct user_desc code = {
		.base_addr = CODE, .limit = CODE_SIZE - 1, .contents = MODIFY_LDT_CONTENTS_CODE};
	struct user_desc other = code;

	set_descriptor(LDT_CODE16, code);
	other.seg_not_present = 1;
	set_descriptor(LDT_ABSENT, other);
	other = code;
	other.seg_32bit = 1;
	set_descriptor(LDT_CODE32, other);
	other = code;
	other.base_addr -= FAR_OFFSET;
	other.limit += FAR_OFFSET;
	set_descriptor(LDT_FAR16, other);
	set_descriptor(LDT_DATA,
		(struct user_desc){.base_addr = SCRATCH, .limit = SCRATCH_SIZE - 1, .seg_32bit = 1});
}

/* Often an address in the scratch memory, as the mode's segments have it. */
static uint64_t random_register(struct dice *dice, enum mode mode)
{
	uint64_t value = dice_next(dice), offset = value % SCRATCH_SIZE & ~7UL;

	switch (dice_below(dice, 6)) {
	case 0:
		return value;
	case 1:
		return (uint32_t)value;
	case 2:
		return value % 64;
	default:
		return mode >= MODE_16 ? offset : SCRATCH + offset;
	}
}

static void prepare_entry(struct dice *dice, enum mode mode, int step)
{
	const int in_ldt = mode >= MODE_16;

	for (unsigned i = 0; i < sizeof entry.gpr / sizeof *entry.gpr; i++)
		entry.gpr[i] = random_register(dice, mode);
	entry.rip = mode_rip[mode];
	entry.cs = mode_cs[mode];
	entry.flags = (dice_next(dice) & FLAGS_RANDOM) | FLAGS_FIXED | (step ? RFLAGS_TF : 0);
	if (dice_below(dice, 8) == 0)
		entry.flags |= RFLAGS_AC;
	entry.rsp = (in_ldt ? 0 : SCRATCH) + SCRATCH_SIZE / 2;
	entry.ss = in_ldt ? LDT_SELECTOR(LDT_DATA) : USER_DS;
	entry.data = in_ldt ? LDT_SELECTOR(LDT_DATA) : mode == MODE_32 ? USER_DS : 0;
}

/* The x87 and SSE registers that the parent has left. Linux finds no AVX on Bochs' skylake; QEMU's FXRSTOR does not restore x87's pointers. */
static void clear_vectors(void)
{
	static const struct _libc_fpstate empty
		__attribute__((aligned(16))) = {.cwd = 0x37f, .mxcsr = 0x1f80};

	if (__builtin_cpu_supports("avx"))
		__asm__ volatile("vzeroupper" : : : "memory");
	__asm__ volatile("fninit; fxrstor %0" : : "m"(empty) : "memory");
}

__attribute__((noreturn)) static void run_child(struct dice *dice, enum mode mode, int step)
{
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	prepare_entry(dice, mode, step);
	catch_signals();
	/* FS pointed to random numbers of libc. From here on nothing may fail, because errno is there, too. */
	syscall(SYS_arch_prctl, ARCH_SET_FS, SCRATCH);
	forbid_system_calls();
	clear_vectors();
	enter_wild(&entry, entry.data);
}

static void show_registers(void)
{
	static const char *const names[] = {"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rdi",
		"rsi", "rbp", "rbx", "rdx", "rax", "rcx", "rsp", "rip"};

	for (int i = 0; i < REGISTERS; i++)
		printf(" %s=%llx", names[i], end->gregs[i]);
	printf(" csgsfs=%llx cr2=%llx", end->gregs[REG_CSGSFS], end->gregs[REG_CR2]);
}

/* The bytes at RIP when that is in the code page. */
static void show_bytes(void)
{
	uint64_t rip = end->gregs[REG_RIP], offset = rip % CODE_SIZE;

	if (rip != offset && rip - offset != CODE && rip - offset != FAR_OFFSET)
		return;
	printf(" bytes=");
	for (int i = 0; i < BYTES_SHOWN && offset + i < CODE_SIZE; i++)
		printf("%02x", ((const uint8_t *)CODE)[offset + i]);
}

static void show_end(int show)
{
	if (end->how[0] != 's' && end->how[0] != 'b')
		return;
	mix((void *)SCRATCH, SCRATCH_SIZE / 8);
	printf(" sig=%d code=%d addr=0x%lx vec=%lld err=0x%llx at=%x:%llx steps=%lu flags=0x%llx "
	       "state=%016lx",
		end->sig, end->code, end->addr, end->gregs[REG_TRAPNO], end->gregs[REG_ERR],
		(uint16_t)end->gregs[REG_CSGSFS], end->gregs[REG_RIP], end->steps, end->gregs[REG_EFL],
		end->state);
	show_bytes();
	if (show)
		show_registers();
}

static void fill_scratch(struct dice *dice)
{
	uint64_t *words = (uint64_t *)SCRATCH;

	for (size_t i = 0; i < SCRATCH_SIZE / 8; i++)
		words[i] = i * 0x9e3779b97f4a7c15 ^ dice->state;
}

static void run_seed(uint64_t seed, int all, int show)
{
	struct dice dice = {seed};
	const enum mode mode = dice_below(&dice, MODES);
	const int step = dice_below(&dice, 2);
	int status = 0;
	pid_t child;

	mprotect((void *)CODE, CODE_SIZE, PROT_READ | PROT_WRITE);
	wild_code(&dice, (uint8_t *)CODE, CODE_SIZE, mode == MODE_64, all);
	mprotect((void *)CODE, CODE_SIZE, PROT_READ | PROT_EXEC);
	fill_scratch(&dice);
	*end = (struct end){.how = "killed"};
	child = fork();
	if (child == 0)
		run_child(&dice, mode, step);
	if (child < 0 || waitpid(child, &status, 0) != child)
		end->how = "lost";
	printf("wild seed=%lu mode=%s how=%s end=%s", seed, mode_names[mode], step ? "step" : "free",
		WIFSIGNALED(status) ? "killed" : end->how);
	if (WIFSIGNALED(status))
		printf(" sig=%d", WTERMSIG(status));
	else
		show_end(show);
	putchar('\n');
}

static void *map_at(uint64_t address, size_t size)
{
	return mmap((void *)address, size, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | (address ? MAP_FIXED : 0), -1, 0);
}

static int has_word(int argc, char **argv, const char *word)
{
	for (int i = 3; i < argc; i++)
		if (!strcmp(argv[i], word))
			return 1;
	return 0;
}

int main(int argc, char **argv)
{
	const uint64_t first = argc > 1 ? strtoul(argv[1], NULL, 0) : 1,
		       count = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;
	const int all = has_word(argc, argv, "all"), show = has_word(argc, argv, "show");

	alarm(0); /* init's time limit of a program: each child has its own here */
	end = map_at(0, sizeof *end);
	if (end == MAP_FAILED || map_at(CODE, CODE_SIZE) == MAP_FAILED ||
		map_at(SCRATCH, SCRATCH_SIZE) == MAP_FAILED)
		return 1;
	make_ldt();
	for (uint64_t seed = first; seed < first + count; seed++)
		run_seed(seed, all, show);
	printf("wild n=%lu\n", count);
	return 0;
}
