// SPDX-License-Identifier: MIT
/*
 * Exceptions and task switches in protected mode without paging, exceptions in real mode, and the way there
 * and back through compatibility mode (SDM vol. 3A 10.8.5, 10.9, 21.1). The code is modes.asm; here its
 * results are printed, one line each: bare and under Trapline they have to be the same. Load option calls=1: the last
 * eight are results of VMCALLs, four in protected mode without paging and four in real mode. wait=1: before the way, it waits until a
 * debugger has set the word that it names.
 */
#include <efi.h>
#include "lib/guest.h"

#define LOW_MEMORY 0x90000
#define VALUE      255

/* As in modes.asm. */
#define LEAVE_OUT_CR0_PG  1
#define LEAVE_OUT_CR0_CR4 2
#define CALLS             4

const char guest_name[] = "modes";

__asm__(".section .rodata\n"
	".balign 16\n"
	".globl modes_begin, modes_end\n"
	".hidden modes_begin, modes_end\n"
	"modes_begin: .incbin \"" MODES_BIN "\"\n"
	"modes_end:\n"
	".text\n");

extern const struct header {
	uint32_t entry, results, count, size;
} modes_begin;
extern const char modes_end[];

struct result {
	uint8_t vector, mode;
	uint16_t reserved;
	uint32_t error, ip, cs, flags, dr6;
};

static void print_result(const struct result *r)
{
	if (r->vector == VALUE)
		print("case mode=%u ip=%04x value=%08x\n", r->mode, r->ip, r->error);
	else
		print("case mode=%u ip=%04x vec=%u err=%x cs=%x flags=%x dr6=%x\n", r->mode, r->ip, r->vector,
			r->error, r->cs, r->flags, r->dr6);
}

/* Bare, QEMU 7.2 does not survive what a CPU refuses here, and Bochs' AMD-V does not refuse it. */
static uint32_t left_out(void)
{
	switch (guest_emulator()) {
	case EMU_QEMU:
		return LEAVE_OUT_CR0_CR4;
	case EMU_BOCHS_SVM:
		return LEAVE_OUT_CR0_PG;
	default:
		return 0;
	}
}

static volatile uint32_t go;

static void wait_for_debugger(EFI_PHYSICAL_ADDRESS base)
{
	print("modes at=0x%lx go=0x%lx\n", base, (uint64_t)&go);
	while (!go)
		;
}

EFI_STATUS guest_main(void)
{
	const struct header *h = &modes_begin;
	EFI_BOOT_SERVICES *firmware = guest_firmware->BootServices;
	EFI_PHYSICAL_ADDRESS base = LOW_MEMORY;
	EFI_STATUS status = firmware->AllocatePages(AllocateMaxAddress, EfiLoaderData, h->size / 4096, &base);
	char *copy = (char *)base;

	if (EFI_ERROR(status)) {
		print("no memory below 0x%x\n", LOW_MEMORY);
		return status;
	}
	for (uint32_t i = 0; i < h->size; i++)
		copy[i] = ((const char *)h)[i];
	if (guest_value("wait"))
		wait_for_debugger(base);
	((void (*)(uint64_t, uint32_t))(base + h->entry))(
		base, left_out() | (guest_value("calls") ? CALLS : 0));
	for (uint32_t i = 0; i < *(uint32_t *)(copy + h->count); i++)
		print_result((const struct result *)(copy + h->results) + i);
	return EFI_SUCCESS;
}
