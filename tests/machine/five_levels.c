// SPDX-License-Identifier: MIT
/*
 * Firmware with 5-level paging, made of one that has four: a file \five_levels on the ESP asks for it. OVMF takes CR4.LA57 as it
 * finds it, for its own tables and for the start of its other CPUs. They then load what it has kept of the boot CPU's control
 * registers (EDK II: CPU_VOLATILE_REGISTERS): that is looked for in its memory, and brought up to date.
 */
#include "starter.h"

#include <efilib.h>

#define BELOW_4G   0xffffffffull
#define PRESENT_RW 3
#define LEAF7_LA57 (1u << 16)
#define CR0_PG_PE  0x80000001ull
#define CR4_PAE    (1u << 5)
#define CR4_LA57   (1u << 12)
#define FLAG_FILE  L"\\five_levels"

extern const UINT8 five_levels_code[], five_levels_end[];

static BOOLEAN is_asked_for(EFI_HANDLE volume)
{
	EFI_FILE *root = LibOpenRoot(volume), *file;

	if (!root ||
		EFI_ERROR(uefi_call_wrapper(root->Open, 5, root, &file, FLAG_FILE, EFI_FILE_MODE_READ, 0)))
		return FALSE;
	uefi_call_wrapper(file->Close, 1, file);
	return TRUE;
}

static BOOLEAN cpu_has_it(void)
{
	UINT32 a = 7, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return (c & LEAF7_LA57) != 0;
}

/* In the firmware's order. */
struct control {
	UINT64 cr0, cr3, cr4;
};

static struct control control(void)
{
	struct control c;

	__asm__ volatile("mov %%cr0, %0; mov %%cr3, %1; mov %%cr4, %2"
			 : "=r"(c.cr0), "=r"(c.cr3), "=r"(c.cr4));
	return c;
}

/* As a CPU in long mode has them; other bits may have changed since. */
static BOOLEAN is_kept(const struct control *c, UINT64 cr3)
{
	return c->cr3 == cr3 && (c->cr0 & CR0_PG_PE) == CR0_PG_PE && (c->cr4 & CR4_PAE) && !(c->cr4 >> 32);
}

/* Returns how many there were. */
static UINTN replace(const EFI_MEMORY_DESCRIPTOR *d, const struct control *old, const struct control *new)
{
	UINT64 *at = (UINT64 *)d->PhysicalStart, *end = at + d->NumberOfPages * (EFI_PAGE_SIZE / 8) - 2;
	UINTN n = 0;

	for (; at < end; at++) {
		struct control *kept = (struct control *)at;

		if (!is_kept(kept, old->cr3))
			continue;
		kept->cr3 = new->cr3;
		kept->cr4 |= CR4_LA57;
		n++;
	}
	return n;
}

static void replace_kept(const struct control *old, const struct control *new)
{
	UINTN count, key, size, n = 0;
	UINT32 version;
	char *map = (char *)LibMemoryMap(&count, &key, &size, &version);

	for (UINTN i = 0; map && i < count; i++) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + i * size);

		if (d->Type == EfiBootServicesData)
			n += replace(d, old, new);
	}
	Print(L"starter: 5-level paging is on, cr4=%lx kept=%d\n", new->cr4, n, old->cr0, old->cr3, old->cr4);
}

/* A page for the code, and one for the table. */
static EFI_STATUS switch_over(void)
{
	EFI_PHYSICAL_ADDRESS at = BELOW_4G;
	EFI_STATUS status =
		uefi_call_wrapper(BS->AllocatePages, 4, AllocateMaxAddress, EfiBootServicesCode, 2, &at);
	UINT64 *pml5 = (UINT64 *)(at + EFI_PAGE_SIZE);
	struct control old = control(), new;

	if (EFI_ERROR(status))
		return status;
	CopyMem((void *)at, (void *)five_levels_code, five_levels_end - five_levels_code);
	SetMem(pml5, EFI_PAGE_SIZE, 0);
	pml5[0] = (old.cr3 & ~0xfffull) | PRESENT_RW;
	__asm__ volatile("cli");
	((void(__attribute__((sysv_abi)) *)(UINT64))at)((UINT64)pml5);
	__asm__ volatile("sti");
	new = control();
	replace_kept(&old, &new);
	return EFI_SUCCESS;
}

EFI_STATUS five_levels_if_asked(EFI_HANDLE volume)
{
	if (!is_asked_for(volume))
		return EFI_SUCCESS;
	return cpu_has_it() ? switch_over() : EFI_UNSUPPORTED;
}
