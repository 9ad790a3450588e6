// SPDX-License-Identifier: MIT
/*
 * Many instructions write one variable, on two CPUs, for the watch tests: what they write is the same bare and under a watch, and the watch
 * has to tell each write with its values.
 *
 * A line a write:
 *
 *   case name=mov old=0x... new=0x...
 *
 * The variable is 512 bytes from the beginning of the page at GUEST_WATCHED. Load options: two, the second CPU as well, in turn and at once;
 * few, fewer writes at once; actions, instead of all that: what a watch does besides telling. The program sets those watches
 * itself, but that which stops it, with watched=stop:w operator:
 *
 *   case name=deny_store vector=13 old=0x... new=0x...
 */
#include "hw/x86.h"
#include "lib/ap.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "watch";

#define AT_ONCE 1000
#define FEW     50
#define START   0x1111111111111111ull

/* A page of its own, whose other bytes are neighbours. */
static struct page {
	uint64_t below[64], variable[8], above[64];
} * page;

static volatile uint64_t *variable;
extern const uint8_t watch_back[], watch_refused[];

/* Code that writes to (%rdi); RSI is free, and keeps RSP around writes by pushes. */
#define WRITES(X)                                                                                            \
	X(mov, "mov $0x22222222, %%eax; mov %%rax, (%%rdi)")                                                 \
	X(mov_byte, "movb $0x33, 1(%%rdi)")                                                                  \
	X(add, "addl $5, (%%rdi)")                                                                           \
	X(xchg, "mov $0x4444, %%eax; xchg %%rax, (%%rdi)")                                                   \
	X(cmpxchg, "mov $0x4444, %%eax; mov $0x5555, %%ecx; lock cmpxchg %%rcx, (%%rdi)")                    \
	X(xadd, "mov $3, %%eax; lock xadd %%rax, (%%rdi)")                                                   \
	X(stosb, "mov $0x66, %%eax; stosb")                                                                  \
	X(rep_stosb, "mov $0x77, %%eax; mov $3, %%ecx; rep stosb")                                           \
	X(movsq, "lea 512(%%rdi), %%rsi; movsq")                                                             \
	X(push, "mov %%rsp, %%rsi; lea 8(%%rdi), %%rsp; push $0x1234; mov %%rsi, %%rsp")                     \
	X(pushf, "mov %%rsp, %%rsi; lea 8(%%rdi), %%rsp; xor %%eax, %%eax; pushfq; mov %%rsi, %%rsp")        \
	X(call, "mov %%rsp, %%rsi; lea 8(%%rdi), %%rsp; call 2f; 2: mov %%rsi, %%rsp; "                      \
		"lea 2b(%%rip), %%rax; sub %%rax, (%%rdi)")                                                  \
	X(movups, "movups -256(%%rdi), %%xmm0; movups %%xmm0, (%%rdi)")                                      \
	X(bts, "bts $9, (%%rdi)")                                                                            \
	X(setc, "stc; setc (%%rdi)")                                                                         \
	X(sidt, "sidt (%%rdi); xor %%eax, %%eax; mov %%rax, (%%rdi)")                                        \
	X(cmpxchg16b, "mov (%%rdi), %%rax; mov 8(%%rdi), %%rdx; mov $7, %%ebx; mov $8, %%ecx; lock "         \
		      "cmpxchg16b (%%rdi)")                                                                  \
	X(neighbour, "incq 128(%%rdi); incq -8(%%rdi); mov 8(%%rdi), %%rax")

#define X(name, code)                                                                                        \
	static void write_##name(void)                                                                       \
	{                                                                                                    \
		uint64_t at = (uint64_t)variable;                                                            \
                                                                                                             \
		__asm__ volatile(code : "+D"(at) : : "rax", "rbx", "rcx", "rdx", "rsi", "memory", "cc");     \
	}
WRITES(X)
#undef X

static const struct write {
	const char *name;
	void (*run)(void);
} writes[] = {
#define X(name, code) {#name, write_##name},
	WRITES(X)
#undef X
};

/* INT n pushes a frame whose flags are the variable: TF must not be in them. */
static void write_int(void)
{
	__asm__ volatile("mov %%rsp, %%rsi; lea 24(%0), %%rsp; int $0x40; mov %%rsi, %%rsp"
			 :
			 : "r"(variable)
			 : "rsi", "memory", "cc");
}

/* The handler leaves the frame, and returns with the stack of before. */
__asm__(".text\n"
	".balign 16\n"
	"watch_back: mov (%rsp), %rax; mov %rsi, %rsp; jmp *%rax\n");

static void report(const char *name, uint64_t old)
{
	print("case name=%s old=0x%lx new=0x%lx\n", name, old, *variable);
}

static void run_all(const char *prefix)
{
	for (unsigned i = 0; i < ARRAY_SIZE(writes); i++) {
		uint64_t old = *variable, flags = read_flags();
		char name[32];

		/* An interrupt would push its frame around the variable while RSP points there. */
		__asm__ volatile("cli" : : : "memory");
		writes[i].run();
		if (flags & RFLAGS_IF)
			__asm__ volatile("sti" : : : "memory");
		snprintf(name, sizeof(name), "%s%s", prefix, writes[i].name);
		report(name, old);
	}
}

static void try_int(void)
{
	uint64_t old = *variable;

	machine_take();
	machine_set_handler(0x40, watch_back);
	write_int();
	machine_give_back();
	report("int", old);
}

/* An access that a watch may deny: to R8 after a #GP, with the vector in RAX. */
__asm__(".text\n"
	".balign 16\n"
	"watch_refused: mov $13, %eax; mov %r8, 8(%rsp); add $8, %rsp; iretq\n");

#define TRIES(X)                                                                                             \
	X(store, "movq $0x99, (%%rdi)")                                                                      \
	X(load, "mov (%%rdi), %%rcx")                                                                        \
	X(locked, "lock incq (%%rdi)")                                                                       \
	X(execute, "jmp *%%rdi")

#define X(name, code)                                                                                        \
	static uint64_t try_##name(uint64_t at)                                                              \
	{                                                                                                    \
		uint64_t vector = 0;                                                                         \
                                                                                                             \
		__asm__ volatile("lea 1f(%%rip), %%r8; " code "; 1:"                                         \
				 : "+a"(vector), "+D"(at)                                                    \
				 :                                                                           \
				 : "rcx", "r8", "memory", "cc");                                             \
		return vector;                                                                               \
	}
TRIES(X)
#undef X

#define DENY_WRITE (GUEST_WATCHED + 0x280)
#define DENY_ALL   (GUEST_WATCHED + 0x2c0)
#define ONCE       (GUEST_WATCHED + 0x300)
#define RATE       (GUEST_WATCHED + 0x340)
#define STOP       (GUEST_WATCHED + 0x380)
#define CODE       (GUEST_WATCHED + PAGE_SIZE) /* a page of its own */

static void try(const char *name, uint64_t (*run)(uint64_t at), uint64_t at)
{
	uint64_t old = *(volatile uint64_t *)at, vector = run(at);

	print("case name=%s vector=%lu old=0x%lx new=0x%lx\n", name, vector, old, *(volatile uint64_t *)at);
}

static void watch(const char *words, uint64_t at, const char *action)
{
	char command[80];

	snprintf(command, sizeof(command), "watch add %s 0x%lx/8 %s", words, at, action);
	if (!guest_command(NULL, command))
		print("refused command=\"%s\"\n", command);
}

static void try_denied(void)
{
	static const uint8_t back[] = {0x41, 0xff, 0xe0}; /* jmp *%r8 */

	memcpy((void *)CODE, back, sizeof(back));
	try("execute", try_execute, CODE);
	watch("w", DENY_WRITE, "deny");
	watch("x", CODE, "deny");
	machine_take();
	machine_set_handler(VECTOR_GP, watch_refused);
	try("deny_store", try_store, DENY_WRITE);
	try("deny_load", try_load, DENY_WRITE);
	try("deny_locked", try_locked, DENY_WRITE);
	try("deny_execute", try_execute, CODE);
	try("deny_neighbour", try_store, DENY_WRITE + 8);
	machine_give_back();
}

/* Its load is in a function of its own, because reading the value before and after would be denied as well. */
static void try_denied_load(void)
{
	uint64_t vector;

	watch("rw", DENY_ALL, "deny");
	machine_take();
	machine_set_handler(VECTOR_GP, watch_refused);
	vector = try_load(DENY_ALL);
	machine_give_back();
	print("case name=deny_any_load vector=%lu\n", vector);
}

static void actions(void)
{
	char walk[40];

	if (!guest_page_at(CODE, NULL))
		return;
	snprintf(walk, sizeof(walk), "walk 0x%llx", DENY_WRITE);
	guest_command("before", walk);
	try_denied();
	try_denied_load();
	guest_command("list", "watch list");
	guest_command("during", walk);
	guest_command(NULL, "watch delete all");
	guest_command("after", walk);
	watch("w", ONCE, "once");
	watch("w", RATE, "rate=2");
	for (unsigned i = 0; i < 3; i++)
		try("once", try_locked, ONCE);
	for (unsigned i = 0; i < 10; i++)
		try_locked(RATE);
	try("rate", try_locked, RATE);
	guest_command("list", "watch list");
	guest_watch("stop", (const void *)STOP, 8); /* the operator's watch: a guest cannot stop itself */
	__asm__ volatile("cli" : : : "memory");     /* the firmware reads COM1 as well */
	guest_wait_for_watches();
	__asm__ volatile("sti" : : : "memory");
	try("stop", try_store, STOP);
}

static volatile uint32_t go;
static unsigned each = AT_ONCE;

static void add_many(void)
{
	for (unsigned i = 0; i < each; i++)
		__asm__ volatile("lock incq %0" : "+m"(*variable) : : "memory", "cc");
}

static void second(unsigned id)
{
	write_cr4(read_cr4() | CR4_OSFXSR); /* for MOVUPS */
	if (go == 1)
		run_all("second_");
	else
		add_many();
}

static void order(unsigned what)
{
	go = what;
	aps[1].order = AP_TASK;
}

static void wait_for_second(void)
{
	while (aps[1].order != AP_RUN)
		cpu_pause();
}

/* The sum shows that no write is lost, the records that none is missed. */
static void two_cpus(void)
{
	uint64_t old;

	if (!ap_start_second(second)) {
		print("case name=two result=does-not-start\n");
		return;
	}
	order(1);
	wait_for_second();
	old = *variable = 0;
	guest_command("before", "watch list");
	order(2);
	add_many();
	wait_for_second();
	report("at_once", old);
	guest_command("after", "watch list");
	ap_send(0, ICR_INIT | ICR_OTHERS); /* this program's memory no longer belongs to it */
	ap_delay(10000);
}

EFI_STATUS guest_main(void)
{
	page = guest_page_at(GUEST_WATCHED, NULL);
	if (!page)
		return EFI_OUT_OF_RESOURCES;
	for (unsigned i = 0; i < 64; i++)
		page->below[i] = page->above[i] = 0x0101010101010101ull * i;
	page->variable[0] = page->variable[1] = START;
	variable = &page->variable[0];
	if (guest_option("actions")) {
		actions();
		return EFI_SUCCESS;
	}
	if (guest_option("few"))
		each = FEW;
	run_all("");
	try_int();
	if (guest_option("two"))
		two_cpus();
	return EFI_SUCCESS;
}
