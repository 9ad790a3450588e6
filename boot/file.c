// SPDX-License-Identifier: MIT
/* Files of the volume that Trapline was loaded from (UEFI specification 13.4 and 13.5). */
#include <lib/string.h>
#include "loader.h"

void file_path(CHAR16 to[LOADER_PATH_MAX], const char *path)
{
	size_t n = 0;

	if (path[0] != '\\' && path[0] != '/')
		to[n++] = '\\';
	for (; *path && n < LOADER_PATH_MAX - 1; path++)
		to[n++] = *path == '/' ? '\\' : (CHAR16)*path;
	to[n] = 0;
}

/* A file path may be split into several nodes (UEFI specification 10.3.5.4); this joins them. */
size_t file_own_path(const struct loader *l, CHAR16 *path, size_t max)
{
	size_t n = 0;

	for (EFI_DEVICE_PATH *node = l->loaded->FilePath; node && !IsDevicePathEndType(node);
		node = NextDevicePathNode(node)) {
		if (DevicePathType(node) != MEDIA_DEVICE_PATH || DevicePathSubType(node) != MEDIA_FILEPATH_DP)
			continue;
		const char *bytes = (const char *)node + SIZE_OF_FILEPATH_DEVICE_PATH;
		size_t units = (DevicePathNodeLength(node) - SIZE_OF_FILEPATH_DEVICE_PATH) / sizeof(CHAR16);
		if (n && path[n - 1] != '\\' && n < max)
			path[n++] = '\\';
		for (CHAR16 c; units-- && n < max; bytes += sizeof(c)) {
			memcpy(&c, bytes, sizeof(c)); /* nodes are not aligned */
			if (!c)
				break;
			path[n++] = c;
		}
	}
	return n;
}

EFI_STATUS file_volume(struct loader *l)
{
	EFI_FILE_IO_INTERFACE *volume;
	EFI_STATUS status;

	if (!l->loaded->DeviceHandle)
		return EFI_UNSUPPORTED;
	status = BS->HandleProtocol(l->loaded->DeviceHandle, &FileSystemProtocol, (void **)&volume);
	if (EFI_ERROR(status))
		return status;
	return volume->OpenVolume(volume, &l->root);
}

static EFI_STATUS open(const struct loader *l, EFI_FILE_HANDLE *file, CHAR16 *path, UINT64 mode)
{
	if (!l->root)
		return EFI_NO_MEDIA;
	return l->root->Open(l->root, file, path, mode, 0);
}

EFI_STATUS file_exists(const struct loader *l, const char *path)
{
	CHAR16 wide[LOADER_PATH_MAX];
	EFI_FILE_HANDLE file;

	file_path(wide, path);
	EFI_STATUS status = open(l, &file, wide, EFI_FILE_MODE_READ);
	if (!EFI_ERROR(status))
		file->Close(file);
	return status;
}

/* Whether the volume of `handle` has the file. */
static bool volume_has(EFI_HANDLE handle, CHAR16 *path)
{
	EFI_FILE_IO_INTERFACE *volume;
	EFI_FILE_HANDLE root, file;
	bool has;

	if (EFI_ERROR(BS->HandleProtocol(handle, &FileSystemProtocol, (void **)&volume)) ||
		EFI_ERROR(volume->OpenVolume(volume, &root)))
		return false;
	has = !EFI_ERROR(root->Open(root, &file, path, EFI_FILE_MODE_READ, 0));
	if (has)
		file->Close(file);
	root->Close(root);
	return has;
}

EFI_HANDLE file_elsewhere(const struct loader *l, const char *path)
{
	CHAR16 wide[LOADER_PATH_MAX];
	EFI_HANDLE *handles, found = NULL;
	UINTN count;

	file_path(wide, path);
	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &FileSystemProtocol, NULL, &count, &handles)))
		return NULL;
	for (UINTN i = 0; i < count && !found; i++)
		if (handles[i] != l->loaded->DeviceHandle && volume_has(handles[i], wide))
			found = handles[i];
	FreePool(handles);
	return found;
}

EFI_STATUS file_size(const struct loader *l, const char *path, UINTN *size)
{
	CHAR16 wide[LOADER_PATH_MAX];
	EFI_FILE_HANDLE file;
	UINT64 end = 0;

	file_path(wide, path);
	EFI_STATUS status = open(l, &file, wide, EFI_FILE_MODE_READ);
	if (EFI_ERROR(status))
		return status;
	status = file->SetPosition(file, ~0ull); /* the end: UEFI specification 13.5, SetPosition() */
	if (!EFI_ERROR(status))
		status = file->GetPosition(file, &end);
	file->Close(file);
	*size = end;
	return status;
}

EFI_STATUS file_read(const struct loader *l, CHAR16 *path, char *buf, UINTN max, UINTN *len)
{
	EFI_FILE_HANDLE file;
	EFI_STATUS status = open(l, &file, path, EFI_FILE_MODE_READ);
	char more;
	UINTN one = 1;

	*len = 0;
	if (EFI_ERROR(status))
		return status;
	*len = max;
	status = file->Read(file, len, buf);
	if (!EFI_ERROR(status) && *len == max && !EFI_ERROR(file->Read(file, &one, &more)) && one)
		status = EFI_BUFFER_TOO_SMALL;
	file->Close(file);
	return status;
}

#define WRITTEN (EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE | EFI_FILE_MODE_CREATE)

/* Writes at the file's position, and closes it. */
static EFI_STATUS write(EFI_FILE_HANDLE file, const void *bytes, UINTN size)
{
	UINTN written = size;
	EFI_STATUS status = file->Write(file, &written, (void *)bytes), closed = file->Close(file);

	if (!EFI_ERROR(status) && written < size)
		status = EFI_VOLUME_FULL;
	return EFI_ERROR(status) ? status : closed;
}

/* The file is opened and closed for each line, so that the line is on the disk if the machine hangs right after. */
EFI_STATUS file_append(const struct loader *l, const char *path, const char *text)
{
	CHAR16 wide[LOADER_PATH_MAX];
	EFI_FILE_HANDLE file;

	file_path(wide, path);
	EFI_STATUS status = open(l, &file, wide, WRITTEN);
	if (EFI_ERROR(status))
		return status;
	status = file->SetPosition(file, ~0ull); /* the end: UEFI specification 13.5, SetPosition() */
	if (!EFI_ERROR(status))
		return write(file, text, strlen(text));
	file->Close(file);
	return status;
}

static void delete (const struct loader *l, CHAR16 *path)
{
	EFI_FILE_HANDLE file;

	if (!EFI_ERROR(open(l, &file, path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE)))
		file->Delete(file);
}

/* An old file may be longer: it is deleted first. A part of a file looks like a whole one: it does not stay. */
EFI_STATUS file_replace(const struct loader *l, const char *path, const void *bytes, UINTN size)
{
	CHAR16 wide[LOADER_PATH_MAX];
	EFI_FILE_HANDLE file;

	file_path(wide, path);
	delete (l, wide);
	EFI_STATUS status = open(l, &file, wide, WRITTEN);
	if (EFI_ERROR(status))
		return status;
	status = write(file, bytes, size);
	if (EFI_ERROR(status))
		delete (l, wide);
	return status;
}
