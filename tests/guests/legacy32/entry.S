// SPDX-License-Identifier: MIT
/*
 * In and out of the 32-bit half, the entries of its IDT, and the way into a case. An entry pushes its vector and all
 * registers, and calls capture(), which says whether the code goes on (1) or the case is over (0).
 */
#include "legacy32/shared.h"

	.section .text
	.globl entry32
entry32:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov %eax, %fs
	mov %eax, %gs
	mov $main_stack_top, %esp
	mov %cr0, %eax
	and $0x7fffffff, %eax		/* compatibility mode ends with paging */
	mov %eax, %cr0
	mov $0xc0000080, %ecx
	rdmsr
	and $~0x100, %eax		/* LME */
	wrmsr
	call main32
	mov %cr0, %eax
	and $0x7fffffff, %eax
	mov %eax, %cr0
	mov legacy + LEGACY_CR4, %eax
	mov %eax, %cr4
	mov legacy + LEGACY_CR3, %eax
	mov %eax, %cr3
	mov $0xc0000080, %ecx
	rdmsr
	or $0x100, %eax
	wrmsr
	mov %cr0, %eax
	or $0x80000000, %eax
	mov %eax, %cr0
	ljmp *legacy + LEGACY_BACK

/* int enter(const uint32_t *frame, const uint32_t *gpr, uint32_t data): POPA and IRET; comes back from leave() */
	.globl enter
enter:
	push %ebx
	push %ebp
	push %esi
	push %edi
	mov %esp, saved_esp
	mov 20(%esp), %esi		/* 9 words: EIP CS EFLAGS ESP SS ES DS FS GS */
	mov 24(%esp), %edx
	mov 28(%esp), %ebx
	mov $frame_room, %edi
	testl $0x20000, 8(%esi)		/* VM: all nine; with a change of ring five, else three from the stack itself */
	jnz 1f
	testl $3, 4(%esi)
	jnz 1f
	mov 12(%esi), %edi		/* ring 0: below the stack pointer that it shall have */
	sub $12, %edi
	mov $3, %ecx
	jmp 2f
1:	mov $9, %ecx
2:	mov %edi, %eax
	cld
	rep movsl
	mov %eax, %esp			/* under the frame the registers, in POPA's order */
	pushl 0(%edx)
	pushl 4(%edx)
	pushl 8(%edx)
	pushl 12(%edx)
	pushl 16(%edx)
	pushl 20(%edx)
	pushl 24(%edx)
	pushl 28(%edx)
	mov %ebx, %ds
	mov %ebx, %es
	popa
	iret

	.globl leave
leave:
	ljmp $0x08, $1f			/* an entry may have been reached through another code segment */
1:
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	mov saved_esp, %esp
	pop %edi
	pop %esi
	pop %ebp
	pop %ebx
	ret

	.balign 16
	.globl entries
entries:
	.set vector, 0
	.rept 256
	.balign 16
	push $vector
	jmp caught
	.set vector, vector + 1
	.endr

caught:
	pusha
	mov %ds, %esi
	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %esp, %eax
	cld
	push %eax
	call capture
	add $4, %esp
	test %eax, %eax
	jz leave
	mov %esi, %ds
	mov %esi, %es
	popa
	add $4, %esp
	iret

/* A task of its own takes #DF: what it was told of, and then the case is over. */
	.globl fault_task
fault_task:
	pusha				/* on top of the error code */
	push %esp
	call capture_task
	jmp leave

	.section .bss
	.balign 16
saved_esp:
	.skip 16
	.skip 4096
	.globl main_stack_top
main_stack_top:
	.skip 128			/* below: 32 bytes of registers */
frame_room:
	.skip 64

	.section .note.GNU-stack, "", @progbits
