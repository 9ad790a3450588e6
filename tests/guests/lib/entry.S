// SPDX-License-Identifier: MIT
/*
 * Enters and leaves the code under test. A state consists of: struct trap_state (trap.h), sixteen general
 * registers in ModRM order, then the frame of IRETQ: RIP, CS, RFLAGS, RSP, SS.
 */
	.equ STATE_RIP, 16 * 8

	.text

/*
 * One entry for each vector, 16 bytes each. Nothing is pushed in place of a missing error code, because the
 * tests check whether the CPU pushed one (INT 13 does not, #GP does).
 */
	.globl trap_entries
	.balign 16
trap_entries:
	.set vector, 0
	.rept 256
	.balign 16
	pushq $vector
	jmp capture
	.set vector, vector + 1
	.endr

capture:
	push %r15
	push %r14
	push %r13
	push %r12
	push %r11
	push %r10
	push %r9
	push %r8
	push %rdi
	push %rsi
	push %rbp
	push $0			/* RSP: it is in the CPU's frame */
	push %rbx
	push %rdx
	push %rcx
	push %rax
	mov %rsp, %rdi
	mov %rsp, %rbx
	and $-16, %rsp
	cld
	call trap_capture
	mov %rbx, %rsp
	pop %rax
	pop %rcx
	pop %rdx
	pop %rbx
	add $8, %rsp
	pop %rbp
	pop %rsi
	pop %rdi
	pop %r8
	pop %r9
	pop %r10
	pop %r11
	pop %r12
	pop %r13
	pop %r14
	pop %r15
	add $8, %rsp		/* the vector */
	/*
	 * The CPU aligns the stack to 16 before it pushes (SDM vol. 3A 6.14.2): five words leave it odd, with an
	 * error code it is even.
	 */
	test $8, %spl
	jnz 1f
	add $8, %rsp
1:	iretq

/* void trap_enter(const struct trap_state *); comes back by trap_leave() */
	.globl trap_enter
trap_enter:
	push %rbx
	push %rbp
	push %r12
	push %r13
	push %r14
	push %r15
	mov %rsp, saved_stack(%rip)
	pushq STATE_RIP + 32(%rdi)	/* SS */
	pushq STATE_RIP + 24(%rdi)	/* RSP */
	pushq STATE_RIP + 16(%rdi)	/* RFLAGS */
	pushq STATE_RIP + 8(%rdi)	/* CS */
	pushq STATE_RIP + 0(%rdi)
	mov 0(%rdi), %rax
	mov 8(%rdi), %rcx
	mov 16(%rdi), %rdx
	mov 24(%rdi), %rbx
	mov 40(%rdi), %rbp
	mov 48(%rdi), %rsi
	mov 64(%rdi), %r8
	mov 72(%rdi), %r9
	mov 80(%rdi), %r10
	mov 88(%rdi), %r11
	mov 96(%rdi), %r12
	mov 104(%rdi), %r13
	mov 112(%rdi), %r14
	mov 120(%rdi), %r15
	mov 56(%rdi), %rdi
	iretq

/* Drops the event's frame and returns from trap_enter(). After a change of CPL SS is null, so it is reloaded. */
	.globl trap_leave
trap_leave:
	mov saved_stack(%rip), %rsp
	mov $0x10, %eax		/* SEG_DATA */
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	pop %r15
	pop %r14
	pop %r13
	pop %r12
	pop %rbp
	pop %rbx
	ret

/* The code under test has a section and pages of its own, which ring 3 sees at a second address. */
	.section trap_stubs, "ax", @progbits
	.balign 4096
	int3

	.section .bss
	.balign 8
saved_stack:
	.skip 8

	.section .note.GNU-stack, "", @progbits
