/* The firmware's framebuffer: where a report is shown on machines without a serial line (UEFI
 * specification 12.9). */
#include "loader.h"

static EFI_GUID graphics_output = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;

void screen_fill(struct boot_info *info)
{
	EFI_GRAPHICS_OUTPUT_PROTOCOL *gop;

	if (EFI_ERROR(BS->LocateProtocol(&graphics_output, NULL, (void **)&gop)) || !gop->Mode ||
		!gop->Mode->Info)
		return;
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode = gop->Mode->Info;
	/* Four bytes a pixel; in which order the colours are does not matter for grey. */
	if (mode->PixelFormat != PixelRedGreenBlueReserved8BitPerColor &&
		mode->PixelFormat != PixelBlueGreenRedReserved8BitPerColor)
		return;
	info->screen = (struct boot_screen){
		.base = gop->Mode->FrameBufferBase,
		.width = mode->HorizontalResolution,
		.height = mode->VerticalResolution,
		.stride = mode->PixelsPerScanLine,
	};
}
