; SPDX-License-Identifier: MIT
; Enters the guest and leaves it again. APM vol. 2 15.5.1 and 15.6: VMRUN and #VMEXIT exchange RAX, RSP, RIP, RFLAGS, the
; control registers and ES, CS, SS, DS; VMLOAD and VMSAVE exchange the other state that the host needs (TR for its IST stacks,
; GS for its CPU); this code exchanges the general registers. Vector state is never touched.
bits 64
default rel
%include "asm_offsets.inc"	; from src/cpu/asm_offsets.c
%include "cpu/mitigate.inc"
%include "cpu/registers.inc"
extern host_data_selector, svm_exit, cpu_entered
global svm_run, svm_run_on, svm_open_nmi_window

%define VMCB_PA		CPU_VENDOR_0
%define HOST_VMCB_PA	CPU_VENDOR_1

section .text

; The loop. %1: 1 with the mitigations of src/hw/mitigations.h, 0 on a CPU that needs none.
; C code preserves RBP and R12 to R15, so the guest's values stay in the registers. If a handler changes them,
; svm_run_on() loads them.
%macro GUEST_LOOP 1
%%again:
%if %1
	MITIGATE_ENTRY
%endif
	mov	rax, [rdi + VMCB_PA]
	LOAD_REGISTERS
	vmload
%if %1
	MITIGATE_BUFFERS
%endif
	vmrun
	vmsave
	push	rdi
	mov	rdi, [rsp + 8]
	pop	qword [rdi + CPU_RDI]
	SAVE_REGISTERS
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
	mov	rsp, [rdi + CPU_STACK_TOP]
	push	rdi				; the exit finds its CPU here
	push	rdi				; aligns the stack
	xor	ebp, ebp
	call	cpu_entered
	mov	rdi, [rsp]
	jmp	svm_run_on.load

; noreturn void svm_run_on(struct cpu *cpu)
svm_run_on:
	mov	rsp, [rdi + CPU_STACK_TOP]
	push	rdi
	push	rdi
.load:
	LOAD_KEPT_REGISTERS
	cmp	dword [rdi + CPU_MITIGATING], 0
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
