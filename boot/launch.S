// SPDX-License-Identifier: MIT
/*
 * uint64_t boot_launch(uint64_t entry, struct boot_info *info, struct boot_launch *launch, uint64_t cr3);
 *
 * Enters the VMM. It comes back in one of two ways: as the VMM's guest, at `resume`, or by a plain return when the VMM did
 * not start. Both ways need only this stack, which belongs to the guest.
 */
#include "launch_offsets.h"

	.text
	.globl boot_launch
	.hidden boot_launch
boot_launch:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	pushfq				/* seven: the stack is 16-byte aligned for the call */

	/* No interrupt may come from here to the end: the firmware's handlers cannot run with this state. */
	cli
	cld
	lea	resume(%rip), %rax
	mov	%rax, LAUNCH_RIP(%rdx)
	mov	%rsp, LAUNCH_RSP(%rdx)
	pushfq
	popq	LAUNCH_RFLAGS(%rdx)
	mov	%cr3, %r12
	mov	%r12, LAUNCH_CR3(%rdx)

	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %cr3
	call	*%rax

	/* The VMM did not start. The result is not 0, which means success. */
	mov	%r12, %cr3
	test	%rax, %rax
	jnz	out
	mov	$-1, %rax
	jmp	out

resume:	/* The guest's first instruction. */
	xor	%eax, %eax
out:
	popfq
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret

	.section .note.GNU-stack, "", @progbits
