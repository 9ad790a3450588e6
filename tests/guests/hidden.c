// SPDX-License-Identifier: MIT
/*
 * The VMM's memory and its UART are hidden from the guest. The program finds the region as any OS would: the
 * firmware's map calls it reserved. Bare there is no such region, and there is a UART at COM2, so this program
 * is for runs under Trapline only.
 *
 * Load option stack: events whose stack is in that region. Pushing their frames exits, in the middle of the delivery (SDM vol. 3C
 * 28.2.4, APM vol. 2 15.7.2). Each must be delivered exactly once, although its frame is lost.
 */
#include "lib/ap.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"

const char guest_name[] = "hidden";

#define TWO_MIB    (2ull << 20)
#define MAP_SIZE   32768
#define MOST_PAGES 49152 /* a capture area may be larger than Trapline; PCI's configuration space is larger */
#define COM2       0x2f8
#define LVT_MASKED (1u << 16)

/* Of PCI's configuration space */
#define CLASS    0x08
#define SERIAL   0x0700
#define PCIEXBAR 0x60 /* Q35's host bridge */
#define Q35      0x29c08086

static uint8_t map[MAP_SIZE] __attribute__((aligned(8)));

/* Reserved, a multiple of 2 MiB, aligned to it, below 192 MiB in size and below 4 GiB: Trapline's, on machines where nothing else is
 * like that. */
static bool is_region(const EFI_MEMORY_DESCRIPTOR *d)
{
	return d->Type == EfiReservedMemoryType && !(d->PhysicalStart % TWO_MIB) &&
	       !(d->NumberOfPages * 4096 % TWO_MIB) && d->NumberOfPages < MOST_PAGES &&
	       d->PhysicalStart < 1ull << 32;
}

static void try_page(const char *name, uint64_t at)
{
	volatile uint64_t *word = (volatile uint64_t *)at;
	uint64_t before = *word, after;

	*word = 0x1122334455667788;
	cpuid(0, 0); /* until the next exit, the instruction that stored may see its own value */
	after = *word;
	print("memory page=%s at=0x%lx before=%lx after=%lx\n", name, at, before, after);
}

/* The handler of these events returns to a valid stack. */
__asm__(".text\n"
	"lost_handler:\n"
	"	incl lost_count(%rip)\n"
	"	mov lost_stack(%rip), %rsp\n"
	"	jmp *lost_return(%rip)\n");
extern const uint8_t lost_handler[];
uint64_t lost_stack, lost_return;
uint32_t lost_count;

/* Runs `code` with RSP at `stack`. An event that does not come during the loop counts as lost. */
#define ON_STACK(stack, code)                                                                                \
	__asm__ volatile("mov %%rsp, lost_stack(%%rip)\n\t"                                                  \
			 "lea 1f(%%rip), %%rax\n\t"                                                          \
			 "mov %%rax, lost_return(%%rip)\n\t"                                                 \
			 "mov %0, %%rsp\n\t" code "\n\t"                                                     \
			 "mov $10000, %%ecx\n"                                                               \
			 "2: loop 2b\n\t"                                                                    \
			 "cli\n\t"                                                                           \
			 "mov lost_stack(%%rip), %%rsp\n"                                                    \
			 "1:"                                                                                \
			 :                                                                                   \
			 : "r"(stack), "D"(0xfee00000ull + APIC_ICR), "d"(ICR_NMI)                           \
			 : "rax", "rcx", "memory", "cc")

static void request(uint8_t vector)
{
	apic_write(APIC_SVR, apic_read(APIC_SVR) | APIC_SVR_ENABLE);
	write_cr8(0);
	apic_write(APIC_ICR, ICR_FIXED | ICR_SELF | vector);
}

static void try_event(uint64_t stack, uint8_t vector, unsigned how)
{
	lost_count = 0;
	machine_reset();
	machine_set_handler(vector, lost_handler);
	if (how == 0) {
		request(vector);
		ON_STACK(stack, "sti");
		apic_write(APIC_EOI, 0);
	} else if (how == 1) {
		ON_STACK(stack, "ud2");
	} else if (how == 2) {
		ON_STACK(stack, "int $0x40");
	} else {
		apic_write(APIC_ICR_HIGH,
			apic_read(APIC_ID)); /* the shorthand for itself is for interrupts only */
		ON_STACK(stack, "mov %%edx, (%%rdi)");
	}
	machine_reset();
	print("stack vector=%u arrived=%u\n", vector, lost_count);
}

/* The firmware's timer may be pending: its interrupt is handled here, and only here. */
static void drain(void)
{
	apic_write(APIC_LVT_TIMER, apic_read(APIC_LVT_TIMER) | LVT_MASKED);
	for (unsigned vector = 32; vector < 256; vector++)
		machine_set_handler(vector, lost_handler);
	write_cr8(0);
	ON_STACK(machine_stub_stack(), "sti");
	apic_write(APIC_EOI, 0);
}

/* 31 is a vector of exceptions, and an interrupt's as well. */
static void try_stack(uint64_t stack)
{
	uint32_t timer = apic_read(APIC_LVT_TIMER);

	machine_take();
	drain();
	try_event(stack, 0x50, 0);
	try_event(stack, 31, 0);
	try_event(stack, 6, 1);
	try_event(stack, 0x40, 2);
	try_event(stack, 2, 3);
	apic_write(APIC_LVT_TIMER, timer);
	machine_give_back();
}

static void try_region(void)
{
	UINTN size = sizeof(map), key, each;
	UINT32 version;

	if (guest_firmware->BootServices->GetMemoryMap(
		    &size, (EFI_MEMORY_DESCRIPTOR *)map, &key, &each, &version))
		return;
	for (UINTN at = 0; at < size; at += each) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);

		if (!is_region(d))
			continue;
		if (guest_option("stack")) {
			try_stack(d->PhysicalStart + 0x800);
			return;
		}
		try_page("first", d->PhysicalStart);
		try_page("middle", d->PhysicalStart + d->NumberOfPages / 2 * 4096);
		try_page("last", d->PhysicalStart + d->NumberOfPages * 4096 - 8);
	}
}

static void try_uart(void)
{
	outb(COM2 + 7, 0x5a);
	print("uart scratch=%x status=%x\n", inb(COM2 + 7), inb(COM2 + 5));
}

static uint32_t by_ports(uint32_t function, uint32_t offset)
{
	outl(0xcf8, 0x80000000u | function << 8 | offset);
	return inl(0xcfc);
}

static volatile uint32_t *in_memory(uint32_t function, uint32_t offset)
{
	uint64_t base = by_ports(0, PCIEXBAR) & ~0x3ffffffu;

	return (volatile uint32_t *)(base + (function << 12) + offset);
}

/* Serial cards on bus 0, by the ports and, on QEMU's chipset, in memory as well. */
static void try_pci(void)
{
	bool q35 = by_ports(0, 0) == Q35;
	unsigned ports = 0, memory = 0;

	for (uint32_t function = 0; function < 256; function++) {
		ports += by_ports(function, CLASS) >> 16 == SERIAL;
		if (q35)
			memory += *in_memory(function, CLASS) >> 16 == SERIAL;
	}
	print("pci serial=%u memory=%u\n", ports, memory);
}

EFI_STATUS guest_main(void)
{
	try_region();
	try_uart();
	try_pci();
	return EFI_SUCCESS;
}
