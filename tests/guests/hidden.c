/*
 * The VMM's memory and its UART are not there for the guest. The region is found as any OS would: in the
 * firmware's map, which calls it reserved. Bare there is no such region and a UART at COM2, so this program
 * is for under Trapline only.
 */
#include "lib/cpu.h"
#include "lib/guest.h"

const char guest_name[] = "hidden";

#define TWO_MIB    (2ull << 20)
#define MAP_SIZE   32768
#define MOST_PAGES 16384 /* PCI's configuration space is larger */
#define COM2       0x2f8

/* Of PCI's configuration space */
#define CLASS    0x08
#define SERIAL   0x0700
#define PCIEXBAR 0x60 /* Q35's host bridge */
#define Q35      0x29c08086

static uint8_t map[MAP_SIZE] __attribute__((aligned(8)));

/* Reserved, a multiple of 2 MiB, aligned to it, below 64 MiB in size and below 4 GiB: Trapline's, on machines where nothing else is
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
	print("memory page=%s before=%lx after=%lx\n", name, before, after);
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
