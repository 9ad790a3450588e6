; Into the guest and out again. APM vol. 2 15.5.1 and 15.6: VMRUN and #VMEXIT exchange RAX, RSP, RIP, RFLAGS, the
; control registers and ES, CS, SS, DS; VMLOAD and VMSAVE the rest that the host must have back (TR for its IST stacks,
; GS for its CPU); the general registers are ours to exchange. Vector state is never touched.
bits 64
default rel
%include "asm_offsets.inc"	; of src/cpu/asm_offsets.c
%include "cpu/mitigate.inc"
%include "cpu/registers.inc"
extern host_data_selector, svm_exit, cpu_entered
global svm_run, svm_run_on, svm_open_nmi_window

%define VMCB_PA		CPU_VENDOR_0
%define HOST_VMCB_PA	CPU_VENDOR_1

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
	push	rdi				; where the exit finds its CPU
	push	rdi				; and the stack's alignment
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
