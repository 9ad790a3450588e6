; SPDX-License-Identifier: MIT
; Exchanges two stacks. The registers that C preserves are on the stack that rests; rbp and r12 to r15 may be the guest's
; (src/svm/run.asm), and come back with the stack that they were saved on.
bits 64
default rel
global slice_switch

section .text

; void slice_switch(uint64_t *save, uint64_t load)
align 16
slice_switch:
	push	rbp
	push	rbx
	push	r12
	push	r13
	push	r14
	push	r15
	mov	[rdi], rsp
	mov	rsp, rsi
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbx
	pop	rbp
	ret
