// SPDX-License-Identifier: MIT
/*
 * Dies like a kernel that has just switched from the boot loader's page tables to its own and has no console yet.
 * The early kernel is two pages of code, a GDT, an IDT and a stack, linked to run at KERNEL as Linux does at
 * 0xffffffff81000000. The load option break= chooses the mistake of its build or its loader:
 *
 *   bss     its page tables end before its .bss: the first store there faults, and no handler is installed yet
 *   idt     the same store, but the gates hold the handlers' physical addresses, which are not mapped any more
 *   text    the page of start_kernel() is missing from the page tables, and the handlers are in it as well
 *   stack   the stack pointer is beyond what is mapped
 *   demand  its page-fault handler maps .bss page by page on first access, which is right. Then it calls a function
 *           at an unmapped address, which that handler cannot mend
 *   none    nothing: it reaches the end, which shows that the rest of it works
 *
 * The end is a line on COM1 and HLT, both without the firmware.
 */
#include "hw/x86.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "early";

#define KERNEL      0xffffffff81000000ull
#define MAIN        (KERNEL + 0x1000) /* start_kernel() and the handlers */
#define TABLES      (KERNEL + 0x2000) /* GDT, IDT */
#define STACK_TOP   (KERNEL + 0x5000)
#define BSS         (KERNEL + 0x200000) /* the next page directory entry */
#define PAGES       5
#define TOUCHED     8 /* pages of .bss that it touches */
#define NOWHERE     0xffffffffdeadb000ull
#define IDT_AT      0x100 /* in the page of tables */
#define CODE_SELECT 0x08

/* The early kernel. RDI: its page tables. The entry is called at its high address, with low memory still mapped. */
extern const uint8_t early_entry[], early_entry_end[], early_main[], early_demand[], early_handler[],
	early_main_end[];

__asm__(".pushsection .text\n"
	"early_entry:\n"
	"	mov %rsi, %rsp\n"
	"	mov %rdi, %cr3\n" /* the boot loader's mappings are gone */
	"	lgdt (%r8)\n"
	"	lidt (%r9)\n"
	"	jmp *%r10\n" /* start_kernel() */
	"early_entry_end:\n"
	"early_main:\n"
	"	call 1f\n"
	"1:	movq $0x1234, (%r11)\n" /* the first variable of .bss */
	"	add $0x1000, %r11\n"
	"	dec %r12\n" /* pages that are touched */
	"	jnz 1b\n"
	"	test %r13, %r13\n"
	"	jz 2f\n"
	"	call *%r13\n"
	"2:	mov $0x3f8, %dx\n"
	"	mov $'K', %al\n"
	"	outb %al, %dx\n"
	"4:	cli; hlt; jmp 4b\n"
	"early_demand:\n" /* #PF: .bss begins at R15, and each of its pages gets the entry in R14 */
	"	push %rax\n"
	"	push %rcx\n"
	"	mov %cr2, %rax\n"
	"	mov %rax, %rcx\n"
	"	xor %r15, %rcx\n"
	"	shr $21, %rcx\n"
	"	jnz early_handler\n"
	"	shr $12, %rax\n"
	"	and $511, %eax\n"
	"	movabs $0xffffffff81005000, %rcx\n" /* behind the image: the page table of .bss */
	"	mov %r14, (%rcx, %rax, 8)\n"
	"	pop %rcx\n"
	"	pop %rax\n"
	"	add $8, %rsp\n" /* the error code */
	"	iretq\n"
	"early_handler:\n" /* "early exception": it would print if it got here */
	"	mov $0x3f8, %dx\n"
	"	mov $'E', %al\n"
	"	outb %al, %dx\n"
	"3:	cli; hlt; jmp 3b\n"
	"early_main_end:\n"
	".popsection\n");

static uint64_t boot_top[512] __attribute__((aligned(4096))), own_top[512] __attribute__((aligned(4096)));
static uint64_t pdpt[512] __attribute__((aligned(4096))), pd[512] __attribute__((aligned(4096)));
static uint64_t pt[512] __attribute__((aligned(4096))), bss_page[512] __attribute__((aligned(4096)));
static uint8_t image[PAGES][4096] __attribute__((aligned(4096)));
static struct descriptor_table gdtr, idtr;

static bool breaks(const char *what)
{
	const char *wanted = guest_value("break");

	return guest_listed(wanted ? wanted : "bss", what);
}

static void set_gate(unsigned vector, uint64_t to, bool present)
{
	struct gate gate = {
		.offset_low = (uint16_t)to,
		.selector = CODE_SELECT,
		.type = (present ? GATE_PRESENT : 0) | GATE_INTERRUPT,
		.offset_middle = (uint16_t)(to >> 16),
		.offset_high = (uint32_t)(to >> 32),
	};
	memcpy(image[2] + IDT_AT + vector * sizeof(gate), &gate, sizeof(gate));
}

/* The address of a vector's handler. */
static uint64_t handler_of(unsigned vector)
{
	if (breaks("demand") && vector == VECTOR_PF)
		return MAIN + (uint64_t)(early_demand - early_main);
	return (breaks("idt") ? (uint64_t)image[1] : MAIN) + (uint64_t)(early_handler - early_main);
}

static void make_tables(void)
{
	static const uint64_t segments[] = {0, 0x00af9b000000ffff, 0x00cf93000000ffff};

	memcpy(image[2], segments, sizeof(segments));
	for (unsigned v = 0; v < 32; v++)
		set_gate(v, handler_of(v), !breaks("bss"));
	gdtr = (struct descriptor_table){sizeof(segments) - 1, TABLES};
	idtr = (struct descriptor_table){32 * sizeof(struct gate) - 1, TABLES + IDT_AT};
	/* The kernel reads both where it is mapped itself. */
	memcpy(image[0] + 0x800, &gdtr, sizeof(gdtr));
	memcpy(image[0] + 0x810, &idtr, sizeof(idtr));
}

static void make_page_tables(void)
{
	const uint64_t open = PTE_PRESENT | PTE_WRITE;

	memcpy(boot_top, (const void *)(read_cr3() & ~0xfffull), sizeof(boot_top));
	boot_top[511] = own_top[511] = (uint64_t)pdpt | open;
	pdpt[510] = (uint64_t)pd | open;
	pd[KERNEL >> 21 & 511] = (uint64_t)pt | open;
	for (unsigned i = 0; i < PAGES; i++)
		pt[i] = (uint64_t)image[i] | open;
	if (breaks("text"))
		pt[1] = 0;
	pt[PAGES] = (uint64_t)bss_page | open;
	if (breaks("none") || breaks("stack") || breaks("demand"))
		pd[BSS >> 21 & 511] = (uint64_t)bss_page | open; /* its first entry is filled in below */
	bss_page[0] = breaks("demand") ? 0 : (uint64_t)image[3] | open;
}

EFI_STATUS guest_main(void)
{
	bool demand = breaks("demand");
	uint64_t stack = breaks("stack") ? KERNEL + (PAGES + 2) * 4096
					 : STACK_TOP; /* page PAGES is the table of .bss */

	machine_take();
	memcpy(image[0], early_entry, (size_t)(early_entry_end - early_entry));
	memcpy(image[1], early_main, (size_t)(early_main_end - early_main));
	make_tables();
	make_page_tables();
	print("early kernel at %lx, break=%s\n", (uint64_t)KERNEL,
		guest_value("break") ? guest_value("break") : "bss");
	write_cr3((uint64_t)boot_top);
	register uint64_t gdt __asm__("r8") = KERNEL + 0x800;
	register uint64_t idt __asm__("r9") = KERNEL + 0x810;
	register uint64_t start __asm__("r10") = MAIN;
	register uint64_t bss __asm__("r11") = BSS;
	register uint64_t pages __asm__("r12") = demand ? TOUCHED : 1;
	register uint64_t function __asm__("r13") = demand ? NOWHERE : 0;
	register uint64_t entry __asm__("r14") = (uint64_t)image[3] | PTE_PRESENT | PTE_WRITE;
	register uint64_t first __asm__("r15") = BSS;
	__asm__ volatile("jmp *%0"
			 :
			 : "a"(KERNEL), "D"(own_top), "S"(stack), "r"(gdt), "r"(idt), "r"(start), "r"(bss),
			 "r"(pages), "r"(function), "r"(entry), "r"(first)
			 : "memory");
	__builtin_unreachable();
}
