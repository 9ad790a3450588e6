// SPDX-License-Identifier: MIT
/*
 * Address line 20, switched off and on by system control port A (0x92) and by the keyboard controller. With code, stack and page
 * tables below 1 MiB a guest can work without the line. It must read back what it wrote, and an instruction that exits (CPUID) must
 * return, although a hypervisor's own memory has addresses with that bit. Memory above 1 MiB must keep its contents. Each step is a line,
 * the same bare and under Trapline.
 *
 * `a20 gate= wraps=` says whether addresses above 1 MiB lead to those below while the line is off: with the A20M# pin they do
 * (SDM vol. 3A 9.7.13.4), under Trapline they do not, as docs/limits.md says.
 */
#include <efi.h>

#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/string.h"

const char guest_name[] = "a20";

#define PORT_A     0x92
#define A20        0x02
#define KBC_DATA   0x60
#define KBC_STATUS 0x64
#define KBC_FULL   0x02 /* of the status: the input buffer */
#define KBC_THERE  0x01 /* the output buffer */
#define MIB        0x100000ull
#define LOW_PAGES  16
#define TABLE      4096u
#define MAPPED_GIB 4

/* The report of the code below 1 MiB, and that code. */
struct low {
	volatile uint32_t there; /* to be seen 1 MiB further up where the line is off */
	uint8_t off, on, wraps;
	uint32_t vendor;
};

#define LOW        __attribute__((section("low_code"), noinline, used))
#define LOW_INLINE static inline __attribute__((always_inline))

extern const uint8_t __start_low_code[], __stop_low_code[];

LOW_INLINE void kbc_ready(void)
{
	while (inb(KBC_STATUS) & KBC_FULL)
		;
}

LOW_INLINE void kbc_command(uint8_t command)
{
	kbc_ready();
	outb(KBC_STATUS, command);
	kbc_ready();
}

LOW_INLINE uint8_t kbc_output_port(void)
{
	kbc_command(0xd0);
	while (!(inb(KBC_STATUS) & KBC_THERE))
		;
	return inb(KBC_DATA);
}

/* Runs while the line is off. */
LOW_INLINE void look(struct low *l)
{
	uint32_t a = 0, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	l->vendor = b;
	l->wraps = *(volatile uint32_t *)((uint64_t)&l->there + MIB) == l->there;
}

LOW void low_port_a(struct low *l);
LOW void low_port_a(struct low *l)
{
	uint8_t old = inb(PORT_A);

	outb(PORT_A, (uint8_t)(old & ~(A20 | 1)));
	l->off = inb(PORT_A) & A20;
	look(l);
	outb(PORT_A, (uint8_t)((old | A20) & ~1));
	l->on = inb(PORT_A) & A20;
}

LOW void low_output_port(struct low *l);
LOW void low_output_port(struct low *l)
{
	uint8_t old = kbc_output_port();

	kbc_command(0xd1);
	outb(KBC_DATA, (uint8_t)((old | 1) & ~A20));
	l->off = kbc_output_port() & A20;
	look(l);
	kbc_command(0xd1);
	outb(KBC_DATA, (uint8_t)(old | 1 | A20));
	l->on = kbc_output_port() & A20;
}

LOW void low_commands(struct low *l);
LOW void low_commands(struct low *l)
{
	kbc_command(0xdd);
	l->off = kbc_output_port() & A20;
	look(l);
	kbc_command(0xdf);
	l->on = kbc_output_port() & A20;
}

static uint8_t *low;

/* One to one, in pages of 2 MiB. */
static uint64_t make_tables(uint8_t *at)
{
	uint64_t *top = (uint64_t *)at, *pointers = top + 512, *directory = pointers + 512;

	memset(at, 0, 2 * TABLE);
	top[0] = (uint64_t)pointers | 3;
	for (uint64_t i = 0; i < MAPPED_GIB * 512; i++)
		directory[i] = i << 21 | 0x83;
	for (unsigned i = 0; i < MAPPED_GIB; i++)
		pointers[i] = (uint64_t)(directory + i * 512) | 3;
	return (uint64_t)at;
}

#define CODE_AT   (8 * TABLE)
#define RESULT_AT (12 * TABLE)
#define STACK_TOP (LOW_PAGES * TABLE)

static void call_low(const void *function, struct low *l)
{
	uint8_t *code = low + CODE_AT + ((const uint8_t *)function - __start_low_code);
	uint64_t cr3 = read_cr3();

	write_cr3(make_tables(low));
	__asm__ volatile("mov %%rsp, %%rbx; mov %1, %%rsp; call *%2; mov %%rbx, %%rsp"
			 : "+D"(l)
			 : "r"(low + STACK_TOP), "r"(code)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
	write_cr3(cr3);
}

static void run(const char *gate, const void *function)
{
	struct low *l = (struct low *)(low + RESULT_AT);
	volatile uint32_t *above = (volatile uint32_t *)((uint64_t)&l->there + MIB);
	uint32_t kept = *above;

	*l = (struct low){.there = 0x5a20a20a};
	__asm__ volatile("cli");
	call_low(function, l);
	__asm__ volatile("sti");
	print("case name=a20 gate=%s off=%x on=%x vendor=%x above=%s\n", gate, l->off, l->on, l->vendor,
		*above == kept ? "kept" : "changed");
	print("a20 gate=%s wraps=%u\n", gate, l->wraps);
}

EFI_STATUS guest_main(void)
{
	EFI_PHYSICAL_ADDRESS at = 0x9ffff;

	if (EFI_ERROR(guest_firmware->BootServices->AllocatePages(
		    AllocateMaxAddress, EfiLoaderData, LOW_PAGES, &at)))
		return EFI_OUT_OF_RESOURCES;
	low = (uint8_t *)at;
	memcpy(low + CODE_AT, __start_low_code, (size_t)(__stop_low_code - __start_low_code));
	run("port92", (const void *)low_port_a);
	run("kbc", (const void *)low_output_port);
	run("commands", (const void *)low_commands);
	return EFI_SUCCESS;
}
