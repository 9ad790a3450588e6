// SPDX-License-Identifier: MIT
/*
 * Stores to the local APIC's registers, and registers at another address. The APIC's page takes any aligned store of 32 bits; only loads and stores of the
 * FPU, MMX and SSE are forbidden (SDM vol. 3A 11.4.1). So the value matters, and not the opcode: each
 * integer instruction that writes memory must leave the register, its own registers and the flags as it would in
 * RAM. That is hard for a hypervisor, because such a store exits as a fault of the second-level tables, which gives
 * the address but not the value.
 *
 * Each case is a line, the same bare and under Trapline. The timer's initial count is the register: all of its 32 bits
 * can be written and read. Its interrupt is masked meanwhile. Load option only=a,b: groups with these names.
 */
#include <efi.h>

#include "hw/x86.h"
#include "lib/ap.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"

const char guest_name[] = "apic";

#define REGISTER   (0xfee00000ull + APIC_TIMER)
#define LVT_MASKED 0x10000u

/* The state before a case, and after it. */
struct registers {
	uint64_t a, c, d, si, di, flags;
};

static uint32_t words[4] = {0x1111, 0x2222, 0x3333, 0x4444};

#define PASSWORD 0x12345678u

/* Values that the manual leaves undefined are not compared: `undefined` has flags. */
static void print_case(const char *name, const struct registers *r, uint64_t undefined)
{
	print("case name=store form=\"%s\" value=%x rax=%lx rcx=%lx rdx=%lx rsi=%lx rdi=%lx flags=%lx\n",
		name, apic_read(APIC_TIMER), r->a, r->c, r->d, r->si - (uint64_t)words, r->di,
		(uint64_t)(r->flags & RFLAGS_STATUS & ~undefined));
}

#define AF     0x10ull
#define OF     RFLAGS_OF
#define NOT_CF (RFLAGS_STATUS & ~RFLAGS_CF & ~RFLAGS_ZF)

/* RDI is the register's address. The upper halves of RAX, RCX and RDX are set, so that their loss shows. */
#define FORM(flags_in, undefined, code)                                                                      \
	do {                                                                                                 \
		struct registers r = {.a = 0xaaaa000080000005,                                               \
			.c = 0xcccc000000000003,                                                             \
			.d = 0xdddd0000f0f0f0f1,                                                             \
			.si = (uint64_t)words,                                                               \
			.di = REGISTER,                                                                      \
			.flags = RFLAGS_FIXED | (flags_in)};                                                 \
                                                                                                             \
		apic_write(APIC_TIMER, PASSWORD);                                                            \
		__asm__ volatile("push %5; popfq; " code "; pushfq; pop %5; cld"                             \
				 : "+a"(r.a), "+c"(r.c), "+d"(r.d), "+S"(r.si), "+D"(r.di), "+r"(r.flags)    \
				 :                                                                           \
				 : "memory", "cc", "r8");                                                    \
		print_case(code, &r, undefined);                                                             \
	} while (0)

static void plain_forms(void)
{
	FORM(0, 0, "mov %%edx, (%%rdi)");
	FORM(0, 0, "movl $-2, (%%rdi)");
	FORM(0, 0, "movnti %%edx, (%%rdi)");
	FORM(0, 0, "xchg %%edx, (%%rdi)");
	FORM(0, 0, "xchg %%eax, (%%rdi)");
	FORM(0, OF | AF,
		"mov %%rsp, %%r8; mov $0x5550, %%esp; xchg %%esp, (%%rdi); mov %%rsp, %%rax; mov %%r8, "
		"%%rsp");
}

static void string_forms(void)
{
	FORM(0, 0, "stosl");
	FORM(RFLAGS_DF, 0, "stosl");
	FORM(0, 0, "addr32 stosl");
	FORM(0, 0, "mov $1, %%ecx; rep stosl");
	FORM(0, 0, "mov $1, %%ecx; addr32 rep stosl");
	FORM(0, 0, "movsl");
	FORM(RFLAGS_DF, 0, "movsl");
	FORM(0, 0, "mov $1, %%ecx; rep movsl");
}

static void arithmetic_forms(void)
{
	FORM(0, 0, "add %%edx, (%%rdi)");
	FORM(0, 0, "addl $-1, (%%rdi)");
	FORM(RFLAGS_CF, 0, "adc %%edx, (%%rdi)");
	FORM(0, 0, "sub %%edx, (%%rdi)");
	FORM(RFLAGS_CF, 0, "sbbl $1, (%%rdi)");
	FORM(RFLAGS_CF, 0, "incl (%%rdi)");
	FORM(RFLAGS_CF, 0, "decl (%%rdi)");
	FORM(RFLAGS_CF | OF, 0, "notl (%%rdi)");
	FORM(0, 0, "negl (%%rdi)");
	FORM(0, AF, "and %%edx, (%%rdi)");
	FORM(0, AF, "orl $0x0f, (%%rdi)");
	FORM(0, AF, "xor %%eax, (%%rdi)");
	FORM(0, 0, "xadd %%edx, (%%rdi)");
	FORM(0, 0, "xadd %%eax, (%%rdi)");
	FORM(0, 0, "cmpxchg %%edx, (%%rdi)");
	FORM(0, 0, "mov $0x12345678, %%eax; cmpxchg %%edx, (%%rdi)");
}

static void bit_forms(void)
{
	FORM(0, NOT_CF, "btsl $31, (%%rdi)");
	FORM(0, NOT_CF, "bts %%ecx, (%%rdi)");
	FORM(0, NOT_CF, "btr %%ecx, (%%rdi)");
	FORM(0, NOT_CF, "btcl $4, (%%rdi)");
	FORM(0, NOT_CF, "mov $-1, %%ecx; bts %%ecx, 4(%%rdi)");
	FORM(0, AF | OF, "shll $4, (%%rdi)");
	FORM(0, AF, "shll (%%rdi)");
	FORM(0, AF | OF, "shrl %%cl, (%%rdi)");
	FORM(0, AF | OF, "sarl %%cl, (%%rdi)");
	FORM(0, OF, "roll $8, (%%rdi)");
	FORM(0, OF, "rorl %%cl, (%%rdi)");
	FORM(0, AF | OF, "shldl $8, %%edx, (%%rdi)");
	FORM(0, AF | OF, "shrdl %%cl, %%edx, (%%rdi)");
}

/* QEMU 7.2 changes the flags before the store of RCL and RCR faults, so CF is already lost when the store exits. */
static void carry_forms(void)
{
	if (guest_emulator() & EMU_QEMU)
		return;
	FORM(RFLAGS_CF, OF, "rcll %%cl, (%%rdi)");
	FORM(RFLAGS_CF, OF, "rcrl $2, (%%rdi)");
}

static uint8_t first_code[PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t second_code[PAGE_SIZE] __attribute__((aligned(4096)));

/* The entry that maps a page of the window: the tables at CR3 are mapped one to one. */
static uint64_t *entry_of(uint64_t linear)
{
	uint64_t *table = (uint64_t *)(read_cr3() & 0x000ffffffffff000ull);

	for (unsigned shift = 39; shift > 12; shift -= 9)
		table = (uint64_t *)(table[linear >> shift & 511] & 0x000ffffffffff000ull);
	return &table[linear >> 12 & 511];
}

static void run_code(const char *which, const uint8_t *page)
{
	uint64_t *entry = entry_of(PAGE_SUPERVISOR);

	*entry = (*entry & 0xfffull) | (uint64_t)page;
	invlpg((const void *)PAGE_SUPERVISOR);
	__asm__ volatile("call *%0" : : "r"(PAGE_SUPERVISOR), "a"(0xa), "c"(0xc), "D"(REGISTER) : "memory");
	print("case name=remapped code=%s value=%x\n", which, apic_read(APIC_TIMER));
}

/*
 * Other code at the same linear address with the same CR3: only INVLPG announces it, which does not exit. The first page keeps
 * its bytes, and there is no other store to the register in between.
 */
static void remapped(void)
{
	static const uint8_t from_eax[] = {0x89, 0x07, 0xc3}, from_ecx[] = {0x89, 0x0f, 0xc3},
			     immediate[] = {0xc7, 0x07, 0xbb, 0, 0, 0, 0xc3};

	for (unsigned i = 0; i < sizeof(from_eax); i++)
		first_code[i] = from_eax[i];
	for (unsigned i = 0; i < sizeof(from_ecx); i++)
		second_code[i] = from_ecx[i];
	run_code("eax", first_code);
	run_code("eax", first_code);
	run_code("ecx", second_code);
	for (unsigned i = 0; i < sizeof(immediate); i++)
		first_code[i] = immediate[i];
	run_code("immediate", first_code);
}

#define AWAY 0xfec80000ull /* nothing is at this address on these machines */

static volatile uint8_t beneath[PAGE_SIZE] __attribute__((aligned(4096)));

static uint64_t move_to(uint64_t page)
{
	uint64_t old = rdmsr(MSR_APIC_BASE);

	wrmsr(MSR_APIC_BASE, (old & (PAGE_SIZE - 1)) | page);
	return old & ~(PAGE_SIZE - 1);
}

/* The registers are at `page`, and no longer at the old address, where `left` stores what is written. */
static void print_moved(const char *name, uint64_t page, uint64_t left)
{
	volatile uint32_t *timer = (volatile uint32_t *)(page + APIC_TIMER);
	uint64_t base = rdmsr(MSR_APIC_BASE) & ~(PAGE_SIZE - 1);
	uint32_t first, second;

	*timer = PASSWORD;
	first = *timer;
	*(volatile uint32_t *)(left + APIC_TIMER) = 1;
	*timer += 1;
	second = *timer;
	print("case name=moved to=%s there=%u first=%x second=%x\n", name, base == page, first, second);
}

/*
 * Moves the registers to an empty address, then over memory of this program, and back. Afterwards the memory under them is memory again, for
 * stores of every size. QEMU changes the address but leaves the registers where they are: there it is only read back.
 */
static void moved(void)
{
	uint64_t home = move_to(AWAY), over = (uint64_t)beneath;

	if (guest_emulator() & EMU_QEMU) {
		print("case name=moved there=%u\n", (rdmsr(MSR_APIC_BASE) & ~(PAGE_SIZE - 1)) == AWAY);
		move_to(home);
		return;
	}
	print_moved("away", AWAY, home);
	beneath[APIC_TIMER] = 0x5a;
	move_to(over);
	print_moved("memory", over, AWAY);
	move_to(home);
	print_moved("home", home, AWAY);
	print("case name=beneath byte=%x\n", beneath[APIC_TIMER]);
	beneath[APIC_TIMER + 1] = 0x77;
	print("case name=beneath byte=%x\n", beneath[APIC_TIMER + 1]);
}

static const struct {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"plain", plain_forms},
	{"string", string_forms},
	{"arithmetic", arithmetic_forms},
	{"bits", bit_forms},
	{"carry", carry_forms},
	{"remapped", remapped},
	{"moved", moved},
};

EFI_STATUS guest_main(void)
{
	uint32_t lvt = apic_read(APIC_LVT_TIMER), count = apic_read(APIC_TIMER);
	const char *only = guest_value("only");

	machine_take();
	apic_write(APIC_LVT_TIMER, LVT_MASKED);
	for (unsigned i = 0; i < ARRAY_SIZE(groups); i++)
		if (!only || guest_listed(only, groups[i].name))
			groups[i].run();
	apic_write(APIC_LVT_TIMER, lvt);
	apic_write(APIC_TIMER, count);
	machine_give_back();
	return EFI_SUCCESS;
}
