// SPDX-License-Identifier: MIT
/*
 * The starter: what the firmware starts on every machine of the tests, as \EFI\BOOT\BOOTX64.EFI.
 *
 * The firmware gives the default boot file no load options. The starter reads \start.txt (first line the path
 * of an EFI image, second line its load options) and starts that image, so that a guest is started in one and
 * the same way with Trapline and without. When the image returns, the machine is powered off: the end of a
 * run that the launcher can see. It prints only when it could not do its work.
 */
#include "starter.h"

#include <efilib.h>

#define START_FILE  L"\\start.txt"
#define START_LIMIT 4096

struct start {
	CHAR16 path[START_LIMIT];
	CHAR16 options[START_LIMIT];
};

static void out8(UINT16 port, UINT8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(UINT16 port, UINT16 value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

/* Where the firmware does not know how to power off, the chipset's register and then Bochs' own port do. */
static void power_off(void)
{
	uefi_call_wrapper(RT->ResetSystem, 4, EfiResetShutdown, EFI_SUCCESS, 0, NULL);
	out16(ACPI_PM_BASE + ACPI_PM1_CNT, ACPI_SLP_EN);
	for (const char *word = "Shutdown"; *word; word++)
		out8(0x8900, *word);
	for (;;)
		__asm__ volatile("cli; hlt");
}

static EFI_STATUS read_start_file(EFI_HANDLE volume, char *text, UINTN *size)
{
	EFI_FILE *root = LibOpenRoot(volume), *file;
	if (!root)
		return EFI_NO_MEDIA;

	EFI_STATUS status = uefi_call_wrapper(root->Open, 5, root, &file, START_FILE, EFI_FILE_MODE_READ, 0);
	if (EFI_ERROR(status))
		return status;
	status = uefi_call_wrapper(file->Read, 3, file, size, text);
	uefi_call_wrapper(file->Close, 1, file);
	return status;
}

/* Copies a line, widened to UCS-2, and returns where the next one starts. */
static const char *copy_line(CHAR16 *line, const char *text, const char *end)
{
	for (; text < end && *text != '\n'; text++)
		if (*text != '\r')
			*line++ = (UINT8)*text;
	*line = 0;
	return text < end ? text + 1 : end;
}

static EFI_STATUS read_start(EFI_HANDLE volume, struct start *start)
{
	static char text[START_LIMIT - 1];
	UINTN size = sizeof text;

	EFI_STATUS status = read_start_file(volume, text, &size);
	if (EFI_ERROR(status))
		return status;
	const char *rest = copy_line(start->path, text, text + size);
	copy_line(start->options, rest, text + size);
	return EFI_SUCCESS;
}

static EFI_STATUS start_image(EFI_HANDLE self, EFI_HANDLE volume, struct start *start)
{
	EFI_HANDLE image;
	EFI_LOADED_IMAGE *loaded;

	EFI_STATUS status = uefi_call_wrapper(
		BS->LoadImage, 6, FALSE, self, FileDevicePath(volume, start->path), NULL, 0, &image);
	if (EFI_ERROR(status))
		return status;
	status = uefi_call_wrapper(BS->HandleProtocol, 3, image, &LoadedImageProtocol, (void **)&loaded);
	if (EFI_ERROR(status))
		return status;
	loaded->LoadOptions = start->options;
	loaded->LoadOptionsSize = StrSize(start->options);

	/* The image's status is ignored: it has printed its own errors. */
	uefi_call_wrapper(BS->StartImage, 3, image, NULL, NULL);
	return EFI_SUCCESS;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *system)
{
	static struct start start;
	EFI_LOADED_IMAGE *own;

	InitializeLib(self, system);
	/* The firmware resets the machine five minutes after it has started a boot option. Emulators need longer. */
	uefi_call_wrapper(BS->SetWatchdogTimer, 4, 0, 0, 0, NULL);

	EFI_STATUS status =
		uefi_call_wrapper(BS->HandleProtocol, 3, self, &LoadedImageProtocol, (void **)&own);
	if (!EFI_ERROR(status))
		status = acpi_install_if_missing(system);
	if (!EFI_ERROR(status))
		status = read_start(own->DeviceHandle, &start);
	if (!EFI_ERROR(status))
		status = five_levels_if_asked(own->DeviceHandle);
	if (!EFI_ERROR(status))
		status = start_image(self, own->DeviceHandle, &start);
	if (EFI_ERROR(status))
		Print(L"starter: cannot start \"%s\": %r\n", start.path, status);
	power_off();
	return status;
}
