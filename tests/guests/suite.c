// SPDX-License-Identifier: MIT
/*
 * Runs other guest programs one after the other, so that the firmware boots only once. The programs are in
 * the root of the volume that this program came from. Load options: run=modes,legacy.
 */
#include <efi.h>

#include "lib/guest.h"
#include "lib/printf.h"
#include "lib/string.h"

const char guest_name[] = "suite";

#define NAME_MAX 32

static EFI_GUID image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
static EFI_GUID volume_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;

static EFI_FILE_PROTOCOL *open_root(void)
{
	EFI_BOOT_SERVICES *firmware = guest_firmware->BootServices;
	EFI_SIMPLE_FILE_SYSTEM_PROTOCOL *volume;
	EFI_LOADED_IMAGE *image;
	EFI_FILE_PROTOCOL *root;

	if (EFI_ERROR(firmware->HandleProtocol(guest_image, &image_guid, (void **)&image)) ||
		EFI_ERROR(firmware->HandleProtocol(image->DeviceHandle, &volume_guid, (void **)&volume)) ||
		EFI_ERROR(volume->OpenVolume(volume, &root)))
		return NULL;
	return root;
}

/* Reads the whole file, into pages that are never freed. */
static void *read_file(EFI_FILE_PROTOCOL *root, const char *name, UINTN *size)
{
	const UINTN room = 4 << 20;
	CHAR16 path[NAME_MAX];
	EFI_PHYSICAL_ADDRESS at;
	EFI_FILE_PROTOCOL *file;
	char text[NAME_MAX];
	unsigned n = 0;

	snprintf(text, sizeof(text), "\\%s.efi", name);
	do
		path[n] = text[n];
	while (text[n++]);
	*size = room;
	if (EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ, 0)) ||
		EFI_ERROR(guest_firmware->BootServices->AllocatePages(
			AllocateAnyPages, EfiLoaderData, room / 4096, &at)) ||
		EFI_ERROR(file->Read(file, size, (void *)at)))
		return NULL;
	file->Close(file);
	return (void *)at;
}

static EFI_STATUS run(EFI_FILE_PROTOCOL *root, const char *name)
{
	EFI_BOOT_SERVICES *firmware = guest_firmware->BootServices;
	EFI_HANDLE image;
	EFI_STATUS status;
	UINTN size;
	void *file = read_file(root, name, &size);

	if (!file)
		return EFI_NOT_FOUND;
	status = firmware->LoadImage(FALSE, guest_image, NULL, file, size, &image);
	return EFI_ERROR(status) ? status : firmware->StartImage(image, NULL, NULL);
}

EFI_STATUS guest_main(void)
{
	const char *list = guest_value("run");
	EFI_FILE_PROTOCOL *root = open_root();
	char name[NAME_MAX];

	if (!root || !list)
		return EFI_NOT_FOUND;
	while (*list) {
		unsigned n = 0;

		for (; *list && *list != ',' && n < sizeof(name) - 1; list++)
			name[n++] = *list;
		name[n] = '\0';
		list += *list == ',';
		print("result name=%s status=%lx\n", name, run(root, name));
	}
	return EFI_SUCCESS;
}
