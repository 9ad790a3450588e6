// SPDX-License-Identifier: MIT
/* Zydis for the code of one mode. */
#ifndef TRAPLINE_ZYDIS_MODE_H
#define TRAPLINE_ZYDIS_MODE_H

#include <Zydis/Zydis.h>

/*
 * The decoder for a mode. Compatibility mode, real mode and virtual-8086 mode are decoded as legacy protected
 * mode. The opcodes that they reject (SYSENTER, LLDT, VEX) raise #UD, and the operator then wants to see the
 * instruction's name.
 *   mode   16, 32 or 64; an error for any other
 *   stack  outside of 64-bit mode: 16 or 32, the stack's width
 */
static inline ZyanStatus zydis_init_mode(ZydisDecoder *decoder, unsigned mode, unsigned stack)
{
	ZydisStackWidth width = stack == 32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16;

	switch (mode) {
	case 16:
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_16, width);
	case 32:
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32, width);
	case 64:
		return ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	default:
		return ZYAN_STATUS_INVALID_ARGUMENT;
	}
}

#endif
