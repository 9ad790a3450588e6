// SPDX-License-Identifier: MIT
/* The next image: the operating system's loader, or any other EFI program. */
#include <lib/string.h>
#include "loader.h"
#include "lib/array.h"

static CHAR16 lower(CHAR16 c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* FAT ignores the case of letters. */
static bool is_next_ourselves(const struct loader *l)
{
	CHAR16 next[LOADER_PATH_MAX], own[LOADER_PATH_MAX];
	size_t n = file_own_path(l, own, LOADER_PATH_MAX - 1), i = 0;

	own[n] = 0;
	file_path(next, l->config.next);
	while (next[i] && lower(next[i]) == lower(own[i]))
		i++;
	return next[i] == own[i];
}

static void say_volume(const char *next, EFI_HANDLE volume)
{
	CHAR16 *path = DevicePathToStr(DevicePathFromHandle(volume));
	char text[CONFIG_TEXT_MAX];
	size_t n = 0;

	for (; path && path[n] && n < sizeof(text) - 1; n++)
		text[n] = path[n] < ' ' || path[n] > '~' ? '?' : (char)path[n];
	text[n] = '\0';
	say("next image %s is on another volume: %s", next, text);
	if (path)
		FreePool(path);
}

/* Also searches other volumes: a stick may start the system of a disk. */
static EFI_STATUS find_next(struct loader *l)
{
	EFI_STATUS status = file_exists(l, l->config.next);

	l->next_volume = l->loaded->DeviceHandle;
	if (!EFI_ERROR(status))
		return status;
	EFI_HANDLE other = file_elsewhere(l, l->config.next);
	if (!other)
		return status;
	l->next_volume = other;
	say_volume(l->config.next, other);
	return EFI_SUCCESS;
}

EFI_STATUS chain_check(struct loader *l)
{
	if (!l->config.next[0])
		return EFI_SUCCESS;
	if (is_next_ourselves(l)) { /* it would start itself until memory is used up */
		say("next image %s is Trapline itself; booting without Trapline", l->config.next);
		return EFI_INVALID_PARAMETER;
	}
	EFI_STATUS status = find_next(l);
	if (status == EFI_NOT_FOUND)
		say("next image %s is not on any volume of the firmware's (%s): see next= in trapline.conf; "
		    "booting without Trapline",
			l->config.next, say_status(status));
	else if (EFI_ERROR(status))
		say("next image %s cannot be read (%s); booting without Trapline", l->config.next,
			say_status(status));
	return status;
}

/* Load options are UCS-2 with a NUL. They are never freed, because the image may read them as long as it runs. */
static EFI_STATUS set_options(EFI_HANDLE next, const char *options)
{
	static CHAR16 wide[CONFIG_TEXT_MAX];
	EFI_LOADED_IMAGE *loaded;
	UINT32 n = 0;

	if (!options[0])
		return EFI_SUCCESS;
	EFI_STATUS status = BS->HandleProtocol(next, &LoadedImageProtocol, (void **)&loaded);
	if (EFI_ERROR(status))
		return status;
	for (; options[n]; n++)
		wide[n] = (CHAR16)options[n];
	wide[n] = 0;
	loaded->LoadOptions = wide;
	loaded->LoadOptionsSize = (n + 1) * sizeof(CHAR16);
	return EFI_SUCCESS;
}

static EFI_STATUS load(const struct loader *l, EFI_HANDLE *next)
{
	CHAR16 wide[LOADER_PATH_MAX];

	file_path(wide, l->config.next);
	EFI_DEVICE_PATH *path = FileDevicePath(l->next_volume, wide);
	if (!path)
		return EFI_OUT_OF_RESOURCES;
	*next = NULL;
	EFI_STATUS status = BS->LoadImage(FALSE, l->image, path, NULL, 0, next);
	FreePool(path);
	if (!EFI_ERROR(status))
		status = set_options(*next, l->config.options);
	/*
	 * With EFI_SECURITY_VIOLATION the image is loaded and has to be unloaded (UEFI specification 7.4,
	 * LoadImage()).
	 */
	if (EFI_ERROR(status) && *next)
		BS->UnloadImage(*next);
	return status;
}

/* What a status of LoadImage() means (UEFI specification 7.4), and what helps. */
static const struct {
	EFI_STATUS status;
	const char *advice;
} load_failures[] = {
	{EFI_NOT_FOUND, "the file is not there: see next= in trapline.conf"},
	{EFI_UNSUPPORTED, "the file is not an EFI program for this CPU: see next= in trapline.conf"},
	{EFI_LOAD_ERROR, "the file is damaged: copy it again"},
	{EFI_DEVICE_ERROR, "the disk cannot be read"},
	{EFI_OUT_OF_RESOURCES, "out of memory: a smaller ring= or copy_buffer= in trapline.conf leaves more"},
	{EFI_ACCESS_DENIED, "Secure Boot refuses it: sign it, or turn Secure Boot off in the setup"},
	{EFI_SECURITY_VIOLATION, "Secure Boot refuses it: sign it, or turn Secure Boot off in the setup"},
};

static const char *load_advice(EFI_STATUS status)
{
	for (size_t i = 0; i < ARRAY_SIZE(load_failures); i++)
		if (load_failures[i].status == status)
			return load_failures[i].advice;
	return "see next= in trapline.conf";
}

/* Reports the next image twice: as "next", which maps of `symbols` refer to, then by its own name, which lines show. */
static void tell_place(EFI_HANDLE next)
{
	char name[NAMES_IMAGE_MAX];
	EFI_LOADED_IMAGE *loaded;

	if (EFI_ERROR(BS->HandleProtocol(next, &LoadedImageProtocol, (void **)&loaded)))
		return;
	image_name(loaded, name);
	say_image("next", (uint64_t)loaded->ImageBase, loaded->ImageSize);
	say_image(name, (uint64_t)loaded->ImageBase, loaded->ImageSize);
}

EFI_STATUS chain_start(const struct loader *l)
{
	EFI_HANDLE next;
	EFI_STATUS status = load(l, &next);

	if (EFI_ERROR(status)) {
		say("next image %s cannot be loaded (%s): %s", l->config.next, say_status(status),
			load_advice(status));
		return status;
	}
	tell_place(next);
	status = BS->StartImage(next, NULL, NULL);
	if (EFI_ERROR(status))
		say("next image %s ended with %s: the firmware's screen may say why; see also options= in "
		    "trapline.conf",
			l->config.next, say_status(status));
	return status;
}
