// SPDX-License-Identifier: MIT
/*
 * Everything that a CPU needs lies in watched pages: code that changes itself, RIP, RSP and the data in one page, operands that reach from
 * one page into the next, the IDT, the GDT and the page tables. What the program sees has to be the same bare and under the watch.
 *
 * A line a case, with a sum of what it saw:
 *
 *   case name=... sum=0x...
 *
 * The program sets and deletes the watches itself, by VMCALL. Load options: watched, the pages are watched, for all accesses; many, as many
 * watches as there may be are set and deleted, again and again, while the memory is used; follow, only a linear watch that follows its page.
 */
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "watch_hard";

#define PAGES       16
#define PAGE_AT(n)  ((uint64_t)(GUEST_WATCHED + (n)*PAGE_SIZE))
#define TABLES      PAGE_AT(8) /* four pages, from the top table down */
#define MAPPED      PAGE_AT(12)
#define LINEAR      0x0000600000000000ull
#define TABLE_FLAGS (PTE_PRESENT | PTE_WRITE)
#define ENTRY_SEEN  (PTE_ADDRESS | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED | PTE_DIRTY)
#define ROUNDS      2
#define WATCHES     256

extern const uint8_t hard_skip2[], hard_return[], hard_fault[];
extern const uint8_t code_patch[], code_patch_end[], code_mixed[], code_mixed_end[];

__asm__(".text\n"
	".balign 16\n"
	"hard_skip2: addq $2, (%rsp)\n"
	"hard_return: inc %r9; iretq\n"
	/* a page fault: on at R8, with the error code in R9 */
	"hard_fault: pop %r9; mov %r8, (%rsp); iretq\n"
	/*
	 * RCX rounds; each writes the next round's operand of the MOV, which is the first instruction.
	 */
	"code_patch:\n"
	"	mov $1, %eax\n"
	"	add %rax, %rdx\n"
	"	rol $3, %rdx\n"
	"	add $0x01010101, %eax\n"
	"	mov %eax, code_patch+1(%rip)\n"
	"	dec %rcx\n"
	"	jnz code_patch\n"
	"	ret\n"
	"code_patch_end:\n"
	/* the data and the stack, RSP at the call, are in the code's page */
	"code_mixed:\n"
	"	push %rdx\n"
	"	push (%rsp)\n"
	"	pop 1f(%rip)\n"
	"	pop %rdx\n"
	"	pushfq\n"
	"	popfq\n"
	"	call 2f\n"
	"2:	pop %rax\n"
	"	sub 1f(%rip), %rax\n"
	"	add %rax, %rdx\n"
	"	enter $16, $1\n"
	"	mov %rdx, -8(%rbp)\n"
	"	lock xadd %rcx, -8(%rbp)\n"
	"	add -8(%rbp), %rdx\n"
	"	leave\n"
	"	int3\n"
	"	lea 3f(%rip), %rax\n"
	"	push %rax\n"
	"	ret\n"
	"	ud2\n"
	"3:	sub %rax, 1f(%rip)\n"
	"	ret\n"
	"1:	.quad 0\n"
	"code_mixed_end:\n");

static void report(const char *name, uint64_t sum)
{
	print("case name=%s sum=0x%lx\n", name, sum);
}

/* Calls code with its own stack. */
static uint64_t run(uint64_t code, uint64_t rsp, uint64_t rcx)
{
	uint64_t rdx = 0x123456789;

	__asm__ volatile("mov %%rsp, %%r12; mov %3, %%rsp; call *%2; mov %%r12, %%rsp"
			 : "+d"(rdx), "+c"(rcx)
			 : "b"(code), "r"(rsp)
			 : "rax", "rsi", "rdi", "r8", "r9", "r12", "memory", "cc");
	return rdx + rcx;
}

static uint64_t copied(uint64_t at, const uint8_t *from, const uint8_t *end)
{
	memcpy((void *)at, from, (size_t)(end - from));
	return at;
}

/* In one page, and with the operand that is written in the page after the opcode's. */
static void changes_itself(void)
{
	uint64_t at = copied(PAGE_AT(0) + 0x100, code_patch, code_patch_end);

	report("changes_itself", run(at, PAGE_AT(2), 40));
	at = copied(PAGE_AT(1) - 3, code_patch, code_patch_end);
	report("changes_across", run(at, PAGE_AT(2), 40));
}

static void all_in_one_page(void)
{
	uint64_t at = copied(PAGE_AT(2) + 0x100, code_mixed, code_mixed_end);

	report("all_in_one", run(at, PAGE_AT(2) + 0xf00, 5));
	report("stack_across", run(at, PAGE_AT(3) + 4, 6));
	at = copied(PAGE_AT(4) - 30, code_mixed, code_mixed_end);
	report("code_across", run(at, PAGE_AT(4) + 0x804, 7));
}

static uint64_t sum_of(uint64_t at, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum = (sum << 7 | sum >> 57) + ((const uint8_t *)at)[i];
	return sum;
}

/* Operands that reach from one watched page into the next, and moves between two. */
static void across(void)
{
	uint64_t at = PAGE_AT(6) - 3, from = PAGE_AT(5) - 20, to = PAGE_AT(7) - 30, n = 50;

	for (uint64_t i = 0; i < 64; i++)
		((uint8_t *)from)[i] = (uint8_t)(i * 7);
	__asm__ volatile("lock incq (%0); xchg %%rax, (%0); movups (%1), %%xmm0; movups %%xmm0, (%0); lock "
			 "btsq $40, (%0)"
			 :
			 : "r"(at), "r"(from + 10), "a"(0x1122334455667788ull)
			 : "memory", "cc");
	report("operands", sum_of(at, 16));
	__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n) : : "memory");
	report("rep_movsb", sum_of(PAGE_AT(7) - 30, 50) + (to - PAGE_AT(7)));
	from = PAGE_AT(5) + 300;
	to = PAGE_AT(7) + 300;
	n = 9;
	__asm__ volatile("std; rep movsq; cld" : "+S"(from), "+D"(to), "+c"(n) : : "memory", "cc");
	report("rep_movsq_down", sum_of(PAGE_AT(7) + 200, 200) + (to - PAGE_AT(7)));
}

static uint64_t raise_all(void)
{
	uint64_t count = 0;

	__asm__ volatile("xor %%r9d, %%r9d; int3; ud2; int $0x40; int3; mov %%r9, %0"
			 : "=r"(count)
			 :
			 : "r9", "memory", "cc");
	return count;
}

static void tables_of_events(void)
{
	struct descriptor_table idtr, gdtr;
	uint64_t seen;
	uint16_t ss;

	__asm__ volatile("sidt %0; sgdt %1" : "=m"(idtr), "=m"(gdtr));
	memcpy((void *)PAGE_AT(13), (const void *)idtr.base, idtr.limit + 1u);
	idtr.base = PAGE_AT(13);
	__asm__ volatile("lidt %0" : : "m"(idtr));
	seen = raise_all();
	memcpy((void *)PAGE_AT(14), (const void *)gdtr.base, gdtr.limit + 1u);
	gdtr.base = PAGE_AT(14);
	*(uint64_t *)(PAGE_AT(14) + SEG_DATA) &= ~(1ull << 40); /* not accessed yet: the CPU sets the bit */
	__asm__ volatile("lgdt %0" : : "m"(gdtr));
	__asm__ volatile("mov %%ss, %0; mov %1, %%ss; nop; mov %1, %%ds; mov %1, %%es"
			 : "=&r"(ss)
			 : "r"(SEG_DATA)
			 : "memory");
	seen = seen << 8 | raise_all();
	report("descriptors", seen << 8 | (*(uint64_t *)(PAGE_AT(14) + SEG_DATA) >> 40 & 1));
	machine_reset();
}

static uint64_t read_at(uint64_t linear)
{
	uint64_t value = 0, error = 0x100;

	__asm__ volatile("lea 1f(%%rip), %%r8; mov %1, %%r9; mov (%2), %0; 1: mov %%r9, %1"
			 : "+&r"(value), "+&r"(error)
			 : "r"(linear)
			 : "r8", "r9", "memory");
	return value + (error << 48);
}

static uint64_t entries(void)
{
	uint64_t sum = 0;

	for (unsigned level = 0; level < 4; level++) {
		uint64_t index = level ? 0 : LINEAR >> 39 & 511;

		sum = sum * 31 + (((uint64_t *)(TABLES + level * PAGE_SIZE))[index] & ENTRY_SEEN);
	}
	return sum;
}

/* The CPU sets accessed and dirty bits in them; entries that are taken away and come back are used at once. */
static void page_tables(void)
{
	uint64_t cr3 = read_cr3(), *leaf = (uint64_t *)(TABLES + 3 * PAGE_SIZE), sum = 0;

	memset((void *)(TABLES + PAGE_SIZE), 0, 3 * PAGE_SIZE);
	memcpy((void *)TABLES, (const void *)(cr3 & PTE_ADDRESS), PAGE_SIZE);
	((uint64_t *)TABLES)[LINEAR >> 39 & 511] = (TABLES + PAGE_SIZE) | TABLE_FLAGS;
	*(uint64_t *)(TABLES + PAGE_SIZE) = (TABLES + 2 * PAGE_SIZE) | TABLE_FLAGS;
	*(uint64_t *)(TABLES + 2 * PAGE_SIZE) = (TABLES + 3 * PAGE_SIZE) | TABLE_FLAGS;
	leaf[0] = MAPPED | TABLE_FLAGS;
	*(uint64_t *)MAPPED = 0x55aa;
	write_cr3(TABLES);
	for (unsigned i = 0; i < 5; i++) {
		sum = sum * 31 + read_at(LINEAR) + entries();
		*(volatile uint64_t *)LINEAR = sum & 0xffff;
		sum = sum * 31 + entries();
		leaf[0] = 0;
		invlpg((const void *)LINEAR);
		sum = sum * 31 + read_at(LINEAR);
		leaf[0] = MAPPED | TABLE_FLAGS;
	}
	write_cr3(cr3);
	report("page_tables", sum);
}

static void map(uint64_t frame)
{
	*(uint64_t *)(TABLES + 3 * PAGE_SIZE) = frame ? frame | TABLE_FLAGS : 0;
	invlpg((const void *)LINEAR);
}

static void write_linear(uint64_t value)
{
	*(volatile uint64_t *)LINEAR = value;
}

/* A linear watch that follows: its page is moved, unmapped, mapped again, and reached through other tables; each write is told. */
static void follow(void)
{
	uint64_t cr3 = read_cr3(), *top = (uint64_t *)TABLES;
	char command[80];

	memset((void *)(TABLES + PAGE_SIZE), 0, 3 * PAGE_SIZE);
	memcpy(top, (const void *)(cr3 & PTE_ADDRESS), PAGE_SIZE);
	write_cr3(TABLES);
	snprintf(command, sizeof(command), "watch add w linear 0x%llx/8", LINEAR);
	guest_command("unmapped", command);
	snprintf(command, sizeof(command), "watch add w linear 0x%llx/8 follow", LINEAR);
	guest_command("follows", command);
	top[LINEAR >> 39 & 511] = (TABLES + PAGE_SIZE) | TABLE_FLAGS;
	*(uint64_t *)(TABLES + PAGE_SIZE) = (TABLES + 2 * PAGE_SIZE) | TABLE_FLAGS;
	*(uint64_t *)(TABLES + 2 * PAGE_SIZE) = (TABLES + 3 * PAGE_SIZE) | TABLE_FLAGS;
	map(PAGE_AT(4));
	write_linear(0xf1);
	map(PAGE_AT(5));
	write_linear(0xf2);
	*(uint64_t *)PAGE_AT(4) = 0xbad; /* no longer its page */
	map(0);
	map(PAGE_AT(6));
	write_linear(0xf3);
	memset((void *)PAGE_AT(7), 0, PAGE_SIZE); /* another table with another page */
	*(uint64_t *)PAGE_AT(7) = PAGE_AT(14) | TABLE_FLAGS;
	*(uint64_t *)(TABLES + 2 * PAGE_SIZE) = PAGE_AT(7) | TABLE_FLAGS;
	invlpg((const void *)LINEAR);
	write_linear(0xf4);
	map(PAGE_AT(5)); /* the old table: nothing changes */
	write_linear(0xf5);
	write_cr3(cr3);
	report("follow", *(uint64_t *)PAGE_AT(14));
}

static void run_all(void)
{
	uint64_t flags = read_flags();

	machine_take();
	machine_set_handler(VECTOR_BP, hard_return);
	machine_set_handler(VECTOR_UD, hard_skip2);
	machine_set_handler(0x40, hard_return);
	machine_set_handler(VECTOR_PF, hard_fault);
	changes_itself();
	all_in_one_page();
	across();
	page_tables();
	tables_of_events();
	machine_give_back();
	write_flags(flags);
}

/* Each of the 256 watches takes another right, of other bytes of the same sixteen pages. */
static unsigned add_many(void)
{
	static const char *const accesses[] = {"w", "r", "rw", "x", "rwx"};
	char command[80];
	unsigned n = 0;

	for (unsigned i = 0; i <= WATCHES; i++) {
		uint64_t at = PAGE_AT(i % PAGES) + (i / PAGES) * 0xf0;

		snprintf(command, sizeof(command), "watch add %s 0x%lx/4 rate=1",
			accesses[i % ARRAY_SIZE(accesses)], at);
		n += guest_command(NULL, command);
	}
	return n;
}

static void delete_many(void)
{
	guest_command(NULL, "watch delete all");
}

EFI_STATUS guest_main(void)
{
	char command[80];

	for (unsigned i = 0; i < PAGES; i++)
		if (!guest_page_at(PAGE_AT(i), NULL))
			return EFI_OUT_OF_RESOURCES;
	if (guest_option("follow")) {
		machine_take();
		follow();
		machine_give_back();
		return EFI_SUCCESS;
	}
	snprintf(command, sizeof(command), "watch add rwx 0x%lx/%u rate=20", PAGE_AT(0), PAGES * 4096u);
	if (guest_option("watched"))
		guest_command("set", command);
	run_all();
	guest_command("list", "watch list");
	delete_many();
	for (unsigned i = 0; i < ROUNDS && guest_option("many"); i++) {
		print("many added=%u\n", add_many());
		run_all();
		delete_many();
	}
	return EFI_SUCCESS;
}
