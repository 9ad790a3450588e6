// SPDX-License-Identifier: MIT
/*
 * Prints the bytes of the RTC's CMOS that Trapline's note uses, then dies of a triple fault, by a store to an unmapped address. Load
 * options: fill writes bytes there that begin like a note but are none, and resets the machine instead; other does the same with bytes that
 * do not even begin like one; moves makes the next start search the black box at another place (blackbox_mib in trapline.conf) before it
 * dies.
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"

const char guest_name[] = "cmos";

#define INDEX 0x70
#define DATA  0x71
#define COUNT 21
#define AT    64
#define MAGIC 0xb6 /* boot/cmos_note.h */

static uint8_t get(uint8_t at)
{
	outb(INDEX, at);
	return inb(DATA);
}

/* The number of starts, in the byte after the note, so that a write beyond the note shows. */
static void count_start(void)
{
	uint8_t starts = (uint8_t)(get(AT + COUNT) + 1);

	outb(INDEX, AT + COUNT);
	outb(DATA, starts);
}

static void show(void)
{
	char text[2 * COUNT + 1];

	for (unsigned i = 0; i < COUNT; i++) {
		uint8_t byte = get((uint8_t)(AT + i));

		text[2 * i] = "0123456789abcdef"[byte >> 4];
		text[2 * i + 1] = "0123456789abcdef"[byte & 15];
	}
	text[2 * COUNT] = '\0';
	print("cmos bytes=%s start=%u\n", text, get(AT + COUNT));
}

static void fill(uint8_t first)
{
	for (unsigned i = 0; i < COUNT; i++) {
		outb(INDEX, (uint8_t)(AT + i));
		outb(DATA, i ? (uint8_t)(0xff - i) : first);
	}
	guest_reset(EfiResetCold);
}

static EFI_FILE_PROTOCOL *open_conf(void)
{
	static EFI_GUID image_guid = LOADED_IMAGE_PROTOCOL, volume_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	static CHAR16 path[] = L"\\EFI\\trapline\\trapline.conf";
	EFI_BOOT_SERVICES *firmware = guest_firmware->BootServices;
	EFI_LOADED_IMAGE *image;
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_PROTOCOL *root, *file;

	if (EFI_ERROR(firmware->HandleProtocol(guest_image, &image_guid, (void **)&image)) ||
		EFI_ERROR(firmware->HandleProtocol(image->DeviceHandle, &volume_guid, (void **)&volume)) ||
		EFI_ERROR(volume->OpenVolume(volume, &root)) ||
		EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, 0)))
		return NULL;
	return file;
}

/* trapline.conf begins with this key. */
static void move_box(void)
{
	static char line[] = "blackbox_mib = 256\n";
	EFI_FILE_PROTOCOL *file = open_conf();
	UINTN size = sizeof(line) - 1;

	if (!file || EFI_ERROR(file->Write(file, &size, line)) || EFI_ERROR(file->Close(file)))
		print("cmos trapline.conf cannot be written\n");
}

EFI_STATUS guest_main(void)
{
	count_start();
	show();
	if (guest_option("moves"))
		move_box();
	if (guest_option("fill"))
		fill(MAGIC);
	if (guest_option("other"))
		fill(0x11);
	machine_take();
	machine_set_idt_limit(0);
	__asm__ volatile("movq $1, 0x30(%0)" : : "D"(PAGE_ABSENT) : "memory");
	machine_give_back();
	return EFI_UNSUPPORTED;
}
