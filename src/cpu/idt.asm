; SPDX-License-Identifier: MIT
; The stubs of the host's IDT, 256 of 16 bytes each, and the path to host_trap().
bits 64
default rel
%include "asm_offsets.inc"	; from src/cpu/asm_offsets.c
extern host_trap
global idt_stubs, window_stubs, gdt_load, cpu_wait, cpu_timed_halt, cpu_wait_begin, cpu_wait_end

%define HAS_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)

section .text
align 16
idt_stubs:
%assign v 0
%rep 256
align 16
%if !HAS_ERROR(v)
	push	0
%endif
	push	strict dword v
	jmp	strict near trap_common
%assign v v+1
%endrep

; In the window every vector is an external interrupt without an error code, because a PIC may use 8 to 15. The stub stores it for
; the guest and closes the window, because a second interrupt would overwrite the first one. It also ends cpu_timed_halt().
align 16
window_stubs:
%assign v 0
%rep 256
align 16
	mov	byte [gs:CPU_HOST_INTERRUPT], v
	jmp	strict near window_common
%assign v v+1
%endrep

align 16
window_common:
	mov	byte [gs:CPU_HOST_INTERRUPT_VALID], 1
	and	dword [rsp + FRAME_RFLAGS - FRAME_RIP], ~RFLAGS_IF
	push	rax
	lea	rax, [cpu_wait_begin]
	cmp	[rsp + 8], rax			; RIP of the frame
	jb	.other
	lea	rax, [cpu_wait_end]
	cmp	[rsp + 8], rax
	jae	.other
	mov	[rsp + 8], rax
.other:
	pop	rax
	iretq

align 16
trap_common:
	push	rax
	push	rcx
	push	rdx
	push	rbx
	push	rbp
	push	rsi
	push	rdi
	push	r8
	push	r9
	push	r10
	push	r11
	push	r12
	push	r13
	push	r14
	push	r15
	cld
	mov	rdi, rsp
	lea	rbp, [rsp + FRAME_RBP]		; the chain of frame pointers continues at the saved RBP
	call	host_trap
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	r11
	pop	r10
	pop	r9
	pop	r8
	pop	rdi
	pop	rsi
	pop	rbp
	pop	rbx
	pop	rdx
	pop	rcx
	pop	rax
	add	rsp, FRAME_RIP - FRAME_VECTOR
	iretq

; void gdt_load(const struct descriptor_table *gdtr): loads the GDT, CS = 0x08, the data segments 0x10 or null
gdt_load:
	lgdt	[rdi]
	mov	eax, SEL_HOST_DS
	mov	ss, eax
	mov	ds, eax
	mov	es, eax
	xor	eax, eax
	mov	fs, eax
	mov	gs, eax
	pop	rax
	push	SEL_HOST_CS
	push	rax
	retfq

; void cpu_wait(const _Atomic uint32_t *word, uint32_t old): halts until an NMI comes, unless *word is no longer `old`.
; If an NMI comes between this test and the HLT, host_trap() continues at cpu_wait_end, because the HLT would not end.
; cpu_timed_halt() has the same parameters; an external interrupt, through the window, ends it as well.
cpu_timed_halt:
cpu_wait_begin:
	sti
cpu_wait:
	cmp	[rdi], esi
	jne	cpu_wait_end
	hlt
cpu_wait_end:
	cli
	ret
