// SPDX-License-Identifier: MIT
/*
 * Dies of a triple fault: an exception while the CPU calls the #DF handler shuts it down (SDM vol. 3A 6.15, interrupt 8). The load option
 * way= selects the cause. Each cause makes another chain of events, and only a record of all events can tell them apart afterwards. With
 * freeze the rings are frozen before.
 */
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "triple";

/* #UD, then twice #GP for an IDT that holds no gate at all. */
static void null_idt(void)
{
	machine_set_idt_limit(0);
	__asm__ volatile("ud2");
}

/* #GP whose gate is not present: #NP makes it #DF, whose gate is not present either. */
static void no_gates(void)
{
	machine_idt[VECTOR_GP].type &= ~GATE_PRESENT;
	machine_idt[VECTOR_DF].type &= ~GATE_PRESENT;
	__asm__ volatile("mov (%0), %%al" : : "r"(1ull << 63) : "al");
}

/* #UD on a stack that is not mapped: #PF, #PF for the same reason, and #DF has no stack of its own. */
static void lost_stack(void)
{
	machine_idt[VECTOR_DF].ist = 0;
	__asm__ volatile("mov %0, %%rsp; ud2" : : "r"(PAGE_ABSENT_LAST + PAGE_SIZE / 2));
}

/* CR3 at a page of zeroes: the next fetch is a #PF, and so is every gate. */
static void empty_cr3(void)
{
	static uint64_t zeroes[512] __attribute__((aligned(4096)));

	write_cr3((uint64_t)zeroes);
}

/* A stack that grows into a page that is not mapped: the push, the #PF for it and #DF want the same page. */
static void deep_stack(void)
{
	machine_idt[VECTOR_DF].ist = 0;
	__asm__ volatile("mov %0, %%rsp; 1: push %%rax; jmp 1b" : : "r"(PAGE_USER_STACK + PAGE_SIZE));
}

/* CR3 at an address without memory. */
static void wild_cr3(void)
{
	write_cr3(0x80000000);
}

/* A CALL to an unmapped address, and no IDT: the caller's address is on the stack. */
extern const uint8_t wild_call_returns[];

static void wild_call(void)
{
	print("triple returns=0x%lx\n", (uint64_t)wild_call_returns);
	machine_set_idt_limit(0);
	__asm__ volatile("call *%0; wild_call_returns: ud2" : : "r"(PAGE_ABSENT));
}

/*
 * Enters real mode, where an IDT without room for any vector stands for an overwritten one. The code runs from below
 * 64 KiB, because 16-bit protected mode, on the way, has segments with base 0.
 */
extern const uint8_t real_start[], real_32[], real_16[], real_mode[], real_end[];
extern const uint8_t real_to_16[], real_to_real[];

__asm__(".pushsection .text\n"
	"real_start:\n"        /* RBX: where this code was copied to */
	"	pushq $0x30\n" /* SEG_CODE32 */
	"	lea real_32 - real_start(%rbx), %rax\n"
	"	push %rax\n"
	"	lretq\n"
	".code32\n"
	"real_32:\n"
	"	mov %cr0, %eax\n"
	"	and $0x7fffffff, %eax\n" /* PG */
	"	mov %eax, %cr0\n"
	"	mov $0xc0000080, %ecx\n"
	"	rdmsr\n"
	"	and $0xfffffeff, %eax\n" /* LME */
	"	wrmsr\n"
	"	mov $0x40, %eax\n" /* SEG_DATA16 */
	"	mov %eax, %ds\n"
	"	mov %eax, %es\n"
	"	mov %eax, %ss\n"
	"	ljmp *real_to_16 - real_start(%ebx)\n"
	".code16\n"
	"real_16:\n"
	"	mov %cr0, %eax\n"
	"	and $0xfe, %al\n" /* PE */
	"	mov %eax, %cr0\n"
	"	ljmp *real_to_real - real_start(%bx)\n"
	"real_mode:\n"
	"	xor %ax, %ax\n"
	"	mov %ax, %ds\n"
	"	mov %ax, %ss\n"
	"	lea 0xff0(%bx), %sp\n"
	"	lidt real_idt - real_start(%bx)\n"
	"	ud2\n"
	"real_to_16: .long real_16 - real_start\n .word 0x38\n" /* SEG_CODE16 */
	"real_to_real: .word real_mode - real_start, 0\n"
	"real_idt: .word 0\n .long 0\n"
	"real_end:\n"
	".code64\n"
	".popsection\n");

_Static_assert(SEG_CODE32 == 0x30 && SEG_CODE16 == 0x38 && SEG_DATA16 == 0x40, "as the code above has them");

static EFI_PHYSICAL_ADDRESS low_page;

static void real_mode_idt(void)
{
	uint8_t *page = (uint8_t *)low_page;
	uint32_t to_16 = (uint32_t)(low_page + (uint64_t)(real_16 - real_start));
	uint16_t segment = (uint16_t)(low_page >> 4);

	memcpy(page, real_start, (size_t)(real_end - real_start));
	memcpy(page + (real_to_16 - real_start), &to_16, sizeof(to_16));
	memcpy(page + (real_to_real - real_start) + 2, &segment, sizeof(segment));
	__asm__ volatile("jmp *%%rbx" : : "b"(low_page));
}

static bool get_low_page(void)
{
	low_page = 0xffff;
	return !EFI_ERROR(
		guest_firmware->BootServices->AllocatePages(AllocateMaxAddress, EfiLoaderData, 1, &low_page));
}

/* A program without an IDT, as in early development: any mistake ends it. */
static void no_idt(void)
{
	machine_set_idt_limit(0);
}

static void no_idt_write(void)
{
	no_idt();
	__asm__ volatile("movq $1, 0x30(%0)" : : "D"(PAGE_ABSENT) : "memory");
}

static void no_idt_call(void)
{
	no_idt();
	__asm__ volatile("call *%0" : : "D"(PAGE_ABSENT) : "memory");
}

static void no_idt_divide(void)
{
	no_idt();
	__asm__ volatile("div %0" : : "c"(0), "a"(1), "d"(0) : "cc");
}

/* The IDT is in memory that is no longer mapped. */
static void stale_idt(void)
{
	struct descriptor_table idt = {256 * sizeof(struct gate) - 1, PAGE_ABSENT};

	__asm__ volatile("lidt %0; ud2" : : "m"(idt));
}

/* An empty GDT: the next load of a segment is a #GP, and so is the code segment of each handler. */
static void no_gdt(void)
{
	struct descriptor_table gdt = {0, 0};

	__asm__ volatile("lgdt %0; mov %1, %%ds" : : "m"(gdt), "a"(SEG_DATA));
}

/* Three functions deep, with arguments and locals for a debugger to find. */
struct hole {
	uint64_t depth;
	const char *name;
};

/* Values that a debugger has to find in a core: x87, SSE, AVX if the CPU has it, a debug register and an MSR. */
static void mark_registers(void)
{
	static const uint64_t low[] = {0x1111222233334444, 0x5555666677778888},
			      wide[] = {1, 2, 0x9999aaaabbbbcccc, 4};
	uint32_t avx = 3u << 27; /* OSXSAVE and AVX */

	wrmsr(MSR_CSTAR, 0xffffffff81c57a00);
	__asm__ volatile("mov %0, %%dr2" : : "r"(0x123456789ull));
	__asm__ volatile("fninit; fldpi; movups %0, %%xmm5" : : "m"(low));
	write_cr4(read_cr4() | (cpuid(1, 0).ecx >> 26 & 1 ? CR4_OSXSAVE : 0));
	if ((cpuid(1, 0).ecx & avx) != avx)
		return;
	__asm__ volatile("xsetbv" : : "c"(0), "a"(7), "d"(0));
	__asm__ volatile("vmovups %0, %%ymm6" : : "m"(wide));
}

__attribute__((noinline, noclone)) static void land(volatile struct hole *hole, uint64_t speed)
{
	volatile uint64_t damage = speed * hole->depth;

	mark_registers();
	machine_set_idt_limit(0);
	__asm__ volatile("ud2" : : "D"(hole), "S"(speed) : "memory");
	hole->depth = damage;
}

__attribute__((noinline, noclone)) static void fall(const char *name)
{
	volatile struct hole hole = {.depth = 17, .name = name};

	land(&hole, 3);
	print("%lu\n", hole.depth);
}

static void calls(void)
{
	fall("the well");
}

static const struct {
	const char *name;
	void (*die)(void);
} ways[] = {
	{"null-idt", null_idt},
	{"no-idt-write", no_idt_write},
	{"no-idt-call", no_idt_call},
	{"no-idt-divide", no_idt_divide},
	{"stale-idt", stale_idt},
	{"no-gdt", no_gdt},
	{"no-gates", no_gates},
	{"lost-stack", lost_stack},
	{"deep-stack", deep_stack},
	{"empty-cr3", empty_cr3},
	{"wild-cr3", wild_cr3},
	{"real-mode", real_mode_idt},
	{"wild-call", wild_call},
	{"calls", calls},
};

#define PM_BASE   0x80000b40u /* of the PIIX4's power management, function 3 of device 1 */
#define PM_ENABLE 0x80000b80u

/*
 * A reset of Bochs' forgets the address of the power management timer, but not that it is switched on. So the firmware does not set
 * it again, and waits for the timer without end. With the option timer-off it finds the state in which a power-on leaves it.
 */
static void switch_timer_off(void)
{
	if (!guest_option("timer-off"))
		return;
	outl(0xcf8, PM_ENABLE);
	outl(0xcfc, 0);
	outl(0xcf8, PM_BASE);
	outl(0xcfc, 1);
}

EFI_STATUS guest_main(void)
{
	const char *way = guest_value("way");

	if (!get_low_page()) {
		print("no page below 64 KiB\n");
		return EFI_OUT_OF_RESOURCES;
	}
	guest_freeze();
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!guest_listed(way ? way : "null-idt", ways[i].name))
			continue;
		print("triple way=%s\n", ways[i].name);
		for (unsigned n = 0; n < 16; n++)
			cpuid(0, 0); /* exits enough for the shortest history */
		switch_timer_off();
		machine_take();
		ways[i].die();
		machine_give_back();
		print("still here\n");
	}
	return EFI_SUCCESS;
}
