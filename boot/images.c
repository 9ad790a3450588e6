// SPDX-License-Identifier: MIT
/*
 * The images that the firmware has loaded: handles with EFI_LOADED_IMAGE_PROTOCOL (UEFI specification 9.1). An image is named by the path
 * of its debug information (PE format, "debug directory"), else by its file, else by the user interface section of the firmware volume
 * that it comes from (PI specification vol. 3, EFI_SECTION_USER_INTERFACE).
 */
#include <lib/string.h>
#include "loader.h"
#include "images.h"

#define UI_SECTION 0x15
#define FV_FILE    6 /* device path subtype: PI specification vol. 2 8.2, firmware file */

/* The first entries of EFI_FIRMWARE_VOLUME2_PROTOCOL (PI specification vol. 3 3.4.1). */
struct volume {
	void *attributes[2];
	void *read_file;
	EFI_STATUS(EFIAPI *read_section)
	(struct volume *v, const EFI_GUID *name, UINT8 type, UINTN instance, void **buffer, UINTN *size,
		UINT32 *status);
};

static EFI_GUID volume_guid = {0x220e73b6, 0x6bdb, 0x4413, {0x84, 0x05, 0xb9, 0x74, 0xb1, 0x08, 0x61, 0x9a}};

/* Keeps printable characters that need no escape in a line. */
static void keep_name(char to[NAMES_IMAGE_MAX], const CHAR16 *from, size_t n)
{
	size_t used = 0;

	for (size_t i = 0; i < n && from[i] && used < NAMES_IMAGE_MAX - 1; i++)
		if (from[i] > ' ' && from[i] <= '~' && from[i] != '"' && from[i] != '\\')
			to[used++] = (char)from[i];
	to[used] = '\0';
}

/* Reads the name from the user interface section of the image's file in a firmware volume. */
static bool name_by_volume(
	const EFI_LOADED_IMAGE *image, const EFI_DEVICE_PATH *node, char to[NAMES_IMAGE_MAX])
{
	struct volume *v;
	void *text = NULL;
	UINTN size = 0;
	UINT32 status;
	EFI_GUID file;

	if (!image->DeviceHandle ||
		EFI_ERROR(BS->HandleProtocol(image->DeviceHandle, &volume_guid, (void **)&v)))
		return false;
	memcpy(&file, (const char *)node + sizeof(*node), sizeof(file));
	if (EFI_ERROR(v->read_section(v, &file, UI_SECTION, 0, &text, &size, &status)) || !text)
		return false;
	keep_name(to, text, size / sizeof(CHAR16));
	FreePool(text);
	return to[0] != '\0';
}

/* Takes the last part of the path. Nodes are not aligned. */
static bool name_by_file(const EFI_DEVICE_PATH *node, char to[NAMES_IMAGE_MAX])
{
	CHAR16 path[LOADER_PATH_MAX];
	size_t n = (DevicePathNodeLength(node) - SIZE_OF_FILEPATH_DEVICE_PATH) / sizeof(CHAR16), from = 0;

	if (n > LOADER_PATH_MAX)
		n = LOADER_PATH_MAX;
	memcpy(path, (const char *)node + SIZE_OF_FILEPATH_DEVICE_PATH, n * sizeof(CHAR16));
	for (size_t i = 0; i < n && path[i]; i++)
		if (path[i] == '\\' || path[i] == '/')
			from = i + 1;
	keep_name(to, path + from, n - from);
	return to[0] != '\0';
}

static bool name_by_path(const EFI_LOADED_IMAGE *image, char to[NAMES_IMAGE_MAX])
{
	const EFI_DEVICE_PATH *node = image->FilePath;

	for (; node && !IsDevicePathEndType(node); node = NextDevicePathNode(node)) {
		unsigned length = DevicePathNodeLength(node);

		if (length < sizeof(*node))
			return false;
		if (DevicePathType(node) != MEDIA_DEVICE_PATH)
			continue;
		if (DevicePathSubType(node) == MEDIA_FILEPATH_DP && name_by_file(node, to))
			return true;
		if (DevicePathSubType(node) == FV_FILE && length >= sizeof(*node) + sizeof(EFI_GUID) &&
			name_by_volume(image, node, to))
			return true;
	}
	return false;
}

void image_name(const EFI_LOADED_IMAGE *image, char to[NAMES_IMAGE_MAX])
{
	if (!image_debug_name(image->ImageBase, image->ImageSize, to) && !name_by_path(image, to))
		memcpy(to, "image", sizeof("image"));
}

void images_list(struct names_block *b)
{
	EFI_HANDLE *handles;
	EFI_LOADED_IMAGE *image;
	UINTN count;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &LoadedImageProtocol, NULL, &count, &handles)))
		return;
	for (UINTN i = 0; i < count && b->images < NAMES_IMAGES - 1; i++) {
		struct names_image *to = &b->image[b->images];

		if (EFI_ERROR(BS->HandleProtocol(handles[i], &LoadedImageProtocol, (void **)&image)) ||
			!image->ImageBase || !image->ImageSize)
			continue;
		to->base = (uint64_t)image->ImageBase;
		to->size = image->ImageSize;
		image_name(image, to->name);
		b->images++;
	}
	FreePool(handles);
}
