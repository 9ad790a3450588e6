// SPDX-License-Identifier: MIT
/*
 * The firmware's framebuffer, which shows reports on machines without a serial line (UEFI specification
 * 12.9).
 */
#include "loader.h"

static EFI_GUID graphics_output = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

/* EDK II marks the devices to which its console splitter sends ConOut with this GUID. */
static EFI_GUID console_out_device = {
	0xd3b36f2c, 0xd551, 0x11d4, {0x9a, 0x46, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d}};

/* Four bytes a pixel. The order of the colours does not matter for grey. */
static bool is_linear(const EFI_GRAPHICS_OUTPUT_PROTOCOL *gop)
{
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode = gop->Mode ? gop->Mode->Info : NULL;

	return mode && gop->Mode->FrameBufferBase &&
	       (mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor ||
		       mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor);
}

static bool take(EFI_HANDLE handle, struct boot_screen *screen)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;

	if (!handle || EFI_ERROR(BS->HandleProtocol(handle, &graphics_output, (void **)&gop)) ||
		!is_linear(gop))
		return false;
	*screen = (struct boot_screen){
		.base = gop->Mode->FrameBufferBase,
		.width = gop->Mode->Info->HorizontalResolution,
		.height = gop->Mode->Info->VerticalResolution,
		.stride = gop->Mode->Info->PixelsPerScanLine,
	};
	return true;
}

/* Takes the first linear framebuffer; with `console`, the first among the devices that ConOut goes to. */
static bool take_any(bool console, struct boot_screen *screen)
{
	EFI_HANDLE *handles;
	UINTN count;
	bool found = false;
	void *mark;

	if (EFI_ERROR(BS->LocateHandleBuffer(ByProtocol, &graphics_output, NULL, &count, &handles)))
		return false;
	for (UINTN i = 0; i < count && !found; i++)
		if (!console || !EFI_ERROR(BS->HandleProtocol(handles[i], &console_out_device, &mark)))
			found = take(handles[i], screen);
	FreePool(handles);
	return found;
}

/*
 * The operator sees the screen of ConOut. A console splitter that feeds several devices has no framebuffer itself (Blt only); then one of
 * these devices is used.
 */
void screen_find(struct boot_screen *screen)
{
	if (!take(ST->ConsoleOutHandle, screen) && !take_any(true, screen))
		take_any(false, screen);
}
