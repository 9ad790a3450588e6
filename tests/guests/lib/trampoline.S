// SPDX-License-Identifier: MIT
/*
 * The start of a CPU after a SIPI: real mode, CS = vector << 8. The code is copied to the page of the vector (ap.c). It stores
 * the state that it finds in this CPU's slot of that page, and enters 64-bit mode with the boot CPU's page tables.
 */
	.equ SLOTS, 0x400
	.equ SLOT_SHIFT, 7

	.section .rodata
	.globl ap_trampoline, ap_trampoline_end, ap_parameters

	.code16
	.balign 16
ap_trampoline:
	cli
	/* A word that is 0 if all registers except EDX are 0. */
	or %ebx, %eax
	or %ecx, %eax
	or %esi, %eax
	or %edi, %eax
	or %ebp, %eax
	or %esp, %eax
	mov %eax, %esi
	mov %edx, %edi
	mov $1, %eax
	xor %ecx, %ecx
	cpuid
	shr $24, %ebx			/* the APIC's identifier */
	shl $SLOT_SHIFT, %ebx
	add $SLOTS, %ebx
	mov %ds, %ax
	mov %es, %cx
	or %cx, %ax
	mov %ss, %cx
	or %cx, %ax
	mov %fs, %cx
	or %cx, %ax
	mov %gs, %cx
	or %cx, %ax
	mov %cs, %cx
	mov %cx, %ds
	mov %cx, %ss
	lea 128(%bx), %sp
	mov %ax, 2(%bx)
	mov %cx, 0(%bx)
	mov %esi, 4(%bx)
	mov %edi, 8(%bx)
	pushfl
	popl 12(%bx)
	mov %cr0, %eax
	mov %eax, 16(%bx)
	mov %cr2, %eax
	mov %eax, 20(%bx)
	mov %cr3, %eax
	mov %eax, 24(%bx)
	mov %cr4, %eax
	mov %eax, 28(%bx)
	mov %dr0, %eax
	mov %eax, 32(%bx)
	mov %dr6, %eax
	mov %eax, 36(%bx)
	mov %dr7, %eax
	mov %eax, 40(%bx)
	mov $0xc0000080, %ecx
	rdmsr
	mov %eax, 44(%bx)
	sgdt 48(%bx)
	sidt 54(%bx)

	lgdtl parameter_gdt - ap_trampoline
	mov $0x11, %eax			/* PE, ET; caches on */
	mov %eax, %cr0
	ljmpl *(parameter_jump32 - ap_trampoline)

	.code32
ap_32:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	/* The page's own address is the base of the GDT, less its offset. */
	call 1f
1:	pop %ebp
	sub $(1b - ap_trampoline), %ebp
	mov $0x620, %eax		/* PAE, OSFXSR, OSXMMEXCPT */
	mov %eax, %cr4
	mov (parameter_cr3 - ap_trampoline)(%ebp), %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x100, %eax			/* LME */
	or (parameter_efer - ap_trampoline)(%ebp), %eax
	wrmsr
	mov $0x80010011, %eax		/* PG, WP, ET, PE */
	mov %eax, %cr0
	ljmpl *(parameter_jump64 - ap_trampoline)(%ebp)

	.code64
ap_64:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %ebp, %ebp
	mov %ebx, %ebx
	lea (%rbp, %rbx), %rdi		/* the slot */
	mov %ebx, %esi
	sub $SLOTS, %esi
	shr $SLOT_SHIFT, %esi		/* the identifier */
	/* Stacks of 4 KiB, one after the other. */
	lea 1(%rsi), %eax
	shl $12, %rax
	add (parameter_stacks - ap_trampoline)(%rbp), %rax
	mov %rax, %rsp
	xor %ebp, %ebp
	mov parameter_entry(%rip), %rax
	call *%rax
	ud2

	/* Filled in by ap.c: struct ap_parameters. */
	.balign 16
ap_parameters:
parameter_gdt:
	.word 0x1f
	.long 0
	.word 0
parameter_jump32:
	.long ap_32 - ap_trampoline
	.word 0x08
	.word 0
parameter_jump64:
	.long ap_64 - ap_trampoline
	.word 0x18
	.word 0
parameter_cr3:
	.long 0
parameter_efer:
	.long 0
parameter_stacks:
	.quad 0
parameter_entry:
	.quad 0
	.balign 16
parameter_table:
	.quad 0
	.quad 0x00cf9b000000ffff
	.quad 0x00cf93000000ffff
	.quad 0x00af9b000000ffff
ap_trampoline_end:

	.section .note.GNU-stack, "", @progbits
