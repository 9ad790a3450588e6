/*
 * uint64_t boot_launch(uint64_t entry, struct boot_info *info, struct boot_launch *launch, uint64_t cr3);
 *
 * The way into the VMM, and the two ways back: as its guest, at `resume`, or by a plain return when it did not start. All
 * that either way needs is on this stack, which is the guest's own.
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

	/* No interrupt between here and the end: the firmware's handlers do not know the state in between. */
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

	/* It did not start. 0 would say that it did. */
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
