// SPDX-License-Identifier: MIT
/*
 * void five_levels_code(uint64_t pml5), copied below 4 GiB before it is called: turns 5-level paging on. CR4.LA57 changes only
 * with paging off (SDM vol. 3A 2.5), so long mode is left for 32-bit code, whose addresses are the same with paging and without.
 * Interrupts are off, the stack is not used in between.
 */
	.text
	.globl five_levels_code, five_levels_end
five_levels_code:
	push	%rbx
	sub	$24, %rsp
	sgdt	(%rsp)
	mov	%cs, %ebx
	lea	gdt(%rip), %rax
	mov	%rax, gdt_base(%rip)
	lgdt	gdtr(%rip)
	lea	back(%rip), %rax
	mov	%eax, far_back(%rip)
	lea	far_back(%rip), %edx
	lea	legacy(%rip), %rax
	pushq	$8
	push	%rax
	lretq

	.code32
legacy:	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	%cr4, %eax
	or	$0x1000, %eax
	mov	%eax, %cr4
	mov	%edi, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	ljmp	*%cs:(%edx)

	.code64
back:	lgdt	(%rsp)
	add	$24, %rsp
	push	%rbx
	lea	1f(%rip), %rax
	push	%rax
	lretq
1:	pop	%rbx
	ret

	.balign	8
gdt:	.quad	0
	.quad	0x00cf9b000000ffff	/* 8: 32-bit code */
	.quad	0x00af9b000000ffff	/* 16: 64-bit code */
gdtr:	.word	23
gdt_base: .quad	0
far_back: .long	0
	.word	16
five_levels_end:

	.section .note.GNU-stack, "", @progbits
