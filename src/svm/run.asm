; Into the guest and out again. APM vol. 2 15.5.1 and 15.6: VMRUN and #VMEXIT exchange RAX, RSP, RIP, RFLAGS, the
; control registers and ES, CS, SS, DS; VMLOAD and VMSAVE the rest that the host must have back (TR for its IST stacks,
; GS for its CPU); the general registers are ours to exchange. Vector state is never touched.
bits 64
default rel
%include "cpu/mitigate.inc"
extern host_data_selector, svm_exit, cpu_entered
global svm_run, svm_run_on, svm_open_nmi_window, svm_open_interrupt_window

; struct cpu (src/cpu/cpu.h)
%define GPR(n)		(8 + 8 * (n))
%define VMCB_PA		136
%define HOST_VMCB_PA	144
%define STACK_TOP	168

section .text

; The loop. %1: 1 with what src/hw/mitigations.h chose, 0 on a CPU that needs none of it.
; C gives back RBP and R12 to R15 as it found them, and no handler changes the guest's: where they have to change,
; svm_run_on() does.
%macro GUEST_LOOP 1
%%again:
%if %1
	MITIGATE_ENTRY
%endif
	mov	rax, [rdi + VMCB_PA]
	mov	rcx, [rdi + GPR(1)]
	mov	rdx, [rdi + GPR(2)]
	mov	rbx, [rdi + GPR(3)]
	mov	rsi, [rdi + GPR(6)]
	mov	r8,  [rdi + GPR(8)]
	mov	r9,  [rdi + GPR(9)]
	mov	r10, [rdi + GPR(10)]
	mov	r11, [rdi + GPR(11)]
	mov	rdi, [rdi + GPR(7)]
	vmload
%if %1
	MITIGATE_BUFFERS
%endif
	vmrun
	vmsave
	push	rdi
	mov	rdi, [rsp + 8]
	pop	qword [rdi + GPR(7)]
	mov	[rdi + GPR(1)], rcx
	mov	[rdi + GPR(2)], rdx
	mov	[rdi + GPR(3)], rbx
	mov	[rdi + GPR(5)], rbp
	mov	[rdi + GPR(6)], rsi
	mov	[rdi + GPR(8)], r8
	mov	[rdi + GPR(9)], r9
	mov	[rdi + GPR(10)], r10
	mov	[rdi + GPR(11)], r11
	mov	[rdi + GPR(12)], r12
	mov	[rdi + GPR(13)], r13
	mov	[rdi + GPR(14)], r14
	mov	[rdi + GPR(15)], r15
	mov	rax, [rdi + HOST_VMCB_PA]
	vmload
%if %1
	MITIGATE_EXIT
%endif
	call	svm_exit
	mov	rdi, [rsp]
	jmp	%%again
%endmacro


; noreturn void svm_run(struct cpu *cpu)
align 16
svm_run:
	mov	rsp, [rdi + STACK_TOP]
	push	rdi				; where the exit finds its CPU
	push	rdi				; and the stack's alignment
	xor	ebp, ebp
	call	cpu_entered
	mov	rdi, [rsp]
	jmp	svm_run_on.load

; noreturn void svm_run_on(struct cpu *cpu)
svm_run_on:
	mov	rsp, [rdi + STACK_TOP]
	push	rdi
	push	rdi
.load:
	mov	rbp, [rdi + GPR(5)]
	mov	r12, [rdi + GPR(12)]
	mov	r13, [rdi + GPR(13)]
	mov	r14, [rdi + GPR(14)]
	mov	r15, [rdi + GPR(15)]
	cmp	dword [rdi + MITIGATIONS], 0
	jne	.mitigated
	GUEST_LOOP 0
.mitigated:
	GUEST_LOOP 1

; The global interrupt flag is clear since the #VMEXIT (15.17); a pending NMI is taken as soon as it is set.
svm_open_nmi_window:
	stgi
	nop
	clgi
	ret

svm_open_interrupt_window:
	stgi
	sti
	nop
	nop
	cli
	clgi
	ret
