// SPDX-License-Identifier: MIT
/*
 * Exceptions, single steps, interrupt shadows, debug registers and page tables of the modes before 64-bit
 * mode: protected mode without paging, with 32-bit paging and with PAE, 16-bit code, virtual-8086 mode. The
 * cases are those of legacy32/cases.def and run in a 32-bit program. This program loads it at its link
 * address, starts it, and prints its results. A line has to be the same bare and under Trapline.
 */
#include <efi.h>
#include "legacy32/shared.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/string.h"

#define LOW_MEMORY 0x90000
#define SELECTOR32 0x08
#define SELECTOR64 0x18

const char guest_name[] = "legacy";

__asm__(".section .rodata\n"
	".balign 16\n"
	".globl legacy_begin, legacy_end\n"
	".hidden legacy_begin, legacy_end\n"
	"legacy_begin: .incbin \"" LEGACY_BIN "\"\n"
	"legacy_end:\n"
	".text\n");

extern const uint8_t legacy_begin[], legacy_end[];

static struct {
	struct descriptor_table gdt, idt;
	uint16_t cs, ds, es, fs, gs, ss;
} firmware;

/* Bootstrap descriptors; the 32-bit half has its own, of which CODE64 is in the same place. */
static const uint64_t gdt[] = {0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff};

/* The 32-bit half comes back to `back64` in 64-bit mode with the page tables and CR4 of before. */
__asm__(".text\n"
	"cross: push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp, crossing_stack(%rip)\n"
	"	push $0x08; push %rdi; lretq\n"
	"back64:\n"
	"	mov $0x10, %eax; mov %eax, %ss; mov %eax, %ds; mov %eax, %es\n"
	"	mov crossing_stack(%rip), %rsp\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".local crossing_stack\n"
	".comm crossing_stack, 8, 8\n");
extern const uint8_t back64[];
void cross(uint64_t entry);

static void keep_tables(void)
{
	__asm__ volatile("sgdt %0; sidt %1" : "=m"(firmware.gdt), "=m"(firmware.idt));
	__asm__ volatile("mov %%cs, %0; mov %%ds, %1; mov %%es, %2"
			 : "=r"(firmware.cs), "=r"(firmware.ds), "=r"(firmware.es));
	__asm__ volatile("mov %%fs, %0; mov %%gs, %1; mov %%ss, %2"
			 : "=r"(firmware.fs), "=r"(firmware.gs), "=r"(firmware.ss));
}

static void restore_tables(void)
{
	__asm__ volatile("lgdt %0; lidt %1" : : "m"(firmware.gdt), "m"(firmware.idt));
	__asm__ volatile("pushq %q0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
			 :
			 : "r"((uint64_t)firmware.cs)
			 : "rax", "memory");
	__asm__ volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%ss"
			 :
			 : "r"(firmware.ds), "r"(firmware.es), "r"(firmware.ss)
			 : "memory");
	__asm__ volatile("mov %0, %%fs; mov %1, %%gs" : : "r"(firmware.fs), "r"(firmware.gs) : "memory");
}

static void cross_over(struct legacy *half)
{
	const struct descriptor_table table = {sizeof(gdt) - 1, (uint64_t)gdt};
	uint64_t flags = read_flags(), cr0 = read_cr0(), efer = rdmsr(MSR_EFER);

	__asm__ volatile("cli");
	keep_tables();
	half->cr3 = read_cr3();
	half->cr4 = read_cr4();
	half->back_offset = (uint64_t)back64;
	half->back_selector = SELECTOR64;
	__asm__ volatile("lgdt %0" : : "m"(table));
	cross(half->entry);
	restore_tables();
	write_cr0(cr0);
	wrmsr(MSR_EFER, efer);
	write_dr7(0x400);
	write_flags(flags);
}

static void print_event(const struct event *e)
{
	print(" v=%u", e->vector);
	for (uint32_t i = 0; i < e->words && i < TOKENS_MAX; i++)
		print("%c%x", i ? ',' : ':', e->frame[i]);
	if (e->vector == 14)
		print(" cr2=%x", e->cr2);
	if (e->vector == 1)
		print(" dr6=%x", e->dr6);
}

static void print_result(const struct result *r)
{
	const struct event *last = &r->event[r->count - 1];

	print("case name=%s mode=%s", (const char *)(uint64_t)r->name, (const char *)(uint64_t)r->mode);
	for (uint32_t i = 0; i < r->count; i++)
		print_event(&r->event[i]);
	print(" gpr=");
	for (unsigned i = 0; i < 8; i++)
		print("%x%s", last->gpr[i], i < 7 ? "," : "");
	print(" memory=%x", r->memory);
	if (r->accessed_dirty != NOT_READ)
		print(" ad=%x", r->accessed_dirty);
	print("\n");
}

static struct legacy *place(void)
{
	EFI_BOOT_SERVICES *firmware_services = guest_firmware->BootServices;
	EFI_PHYSICAL_ADDRESS at = LEGACY_BASE, low = LOW_MEMORY;
	struct legacy *half = (struct legacy *)at;
	uint32_t size = ((const struct legacy *)legacy_begin)->size;

	if (EFI_ERROR(firmware_services->AllocatePages(AllocateAddress, EfiLoaderData, size / 4096, &at)) ||
		EFI_ERROR(firmware_services->AllocatePages(AllocateMaxAddress, EfiLoaderData, 1, &low)))
		return NULL;
	memset(half, 0, size);
	memcpy(half, legacy_begin, legacy_end - legacy_begin);
	half->low_page = low;
	half->emulator = guest_emulator();
	return half;
}

EFI_STATUS guest_main(void)
{
	struct legacy *half = place();

	if (!half) {
		print("no memory at 0x%x, or none below 0x%x\n", LEGACY_BASE, LOW_MEMORY);
		return EFI_OUT_OF_RESOURCES;
	}
	cross_over(half);
	for (uint32_t i = 0; i < half->count; i++)
		print_result((const struct result *)(uint64_t)half->results + i);
	return EFI_SUCCESS;
}
