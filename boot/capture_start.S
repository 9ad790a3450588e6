// SPDX-License-Identifier: MIT
/*
 * The first instructions of the capture kernel's CPU. The VMM starts them as after a SIPI, but with paging on: in a 16-bit segment of
 * long mode whose base is CAPTURE_LINEAR. They end at Linux' 64-bit entry point, in the state of its boot protocol
 * (Documentation/arch/x86/boot.rst, "64-bit boot protocol"): flat segments 0x10 and 0x18, interrupts off, RSI at boot_params.
 */
#include <boot/capture_layout.h>

#define AT(label) ((label) - capture_start)

	.section .rodata
	.balign 16
	.globl capture_start, capture_start_entry, capture_start_params, capture_start_end
	.hidden capture_start, capture_start_entry, capture_start_params, capture_start_end
capture_start:
	.code16
	lgdtl	%cs:AT(gdtr)
	ljmpl	$0x10, $CAPTURE_LINEAR + AT(flat)
	.code64
flat:
	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	capture_start_params(%rip), %rsi
	jmp	*capture_start_entry(%rip)

	.balign 8
capture_start_entry:			/* filled in by the loader, in its copy */
	.quad	0
capture_start_params:
	.quad	0
gdt:
	.quad	0, 0
	.quad	0x00af9b000000ffff	/* 0x10: 64-bit code */
	.quad	0x00cf93000000ffff	/* 0x18: data */
gdtr:
	.word	gdtr - gdt - 1
	.long	CAPTURE_LINEAR + AT(gdt)
capture_start_end:

	.section .note.GNU-stack, "", @progbits
