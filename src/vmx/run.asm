; SPDX-License-Identifier: MIT
; Enters the guest and leaves it again. SDM vol. 3C 27 and 28: VM entry and VM exit exchange RIP, RSP, RFLAGS, the control
; registers except CR2, the segments and descriptor tables. This code exchanges the general registers and CR2. The debug
; registers DR0 to DR3 and DR6 stay the guest's. Vector state is never touched.
bits 64
default rel
%include "asm_offsets.inc"	; from src/cpu/asm_offsets.c
%include "cpu/mitigate.inc"
%include "cpu/registers.inc"
extern host_data_selector, vmx_exit, vmx_entry_failed, cpu_entered
global vmx_run, vmx_run_on, vmx_host_entry, vmx_mitigated_entry

%define GUEST_CR2	CPU_VENDOR_0

section .text

; Enters the guest. %1 as in LEAVE. C code preserves RBP and R12 to R15, so the guest's values stay in the registers. If a
; handler changes them, vmx_run_on() loads them. VM entry does not load CR2. Writing it is slow, and it seldom differs from
; its value at the exit, so it is compared first.
%macro ENTER 1
	mov	rax, [rdi + GUEST_CR2]
	mov	rcx, cr2
	cmp	rax, rcx
	jne	%%write_cr2
%%go:
%if %1
	MITIGATE_ENTRY
%endif
	mov	rax, [rdi + CPU_RAX]
	LOAD_REGISTERS
%if %1
	MITIGATE_BUFFERS
%endif
	vmresume
	jmp	failed
%%write_cr2:
	mov	cr2, rax
	jmp	%%go
%endmacro

; Leaves the guest. %1: 1 with the mitigations of src/hw/mitigations.h, 0 on a CPU that needs none.
%macro LEAVE 1
	push	rdi
	mov	rdi, [rsp + 8]
	pop	qword [rdi + CPU_RDI]
	mov	[rdi + CPU_RAX], rax
	SAVE_REGISTERS
	mov	rax, cr2			; before a page fault of the host, which the fix-up handles, changes it
	mov	[rdi + GUEST_CR2], rax
%if %1
	MITIGATE_EXIT
%endif
	call	vmx_exit
	mov	rdi, [rsp]
%endmacro


; noreturn void vmx_run(struct cpu *cpu)
align 16
vmx_run:
	mov	rsp, [rdi + CPU_STACK_TOP]
	push	rdi				; the exit finds its CPU here; HOST_RSP points
	push	rdi				; here, with the stack aligned (vmx_start.c)
	xor	ebp, ebp
	call	cpu_entered
	; The guest continues after the loader's call, which expects nothing in the registers: 0 leaks nothing of the VMM.
	xor	eax, eax
	xor	ecx, ecx
	xor	edx, edx
	xor	ebx, ebx
	xor	esi, esi
	xor	edi, edi
	xor	r8d, r8d
	xor	r9d, r9d
	xor	r10d, r10d
	xor	r11d, r11d
	xor	r12d, r12d
	xor	r13d, r13d
	xor	r14d, r14d
	xor	r15d, r15d
	vmlaunch
	jmp	failed

; noreturn void vmx_run_on(struct cpu *cpu)
vmx_run_on:
	mov	rsp, [rdi + CPU_STACK_TOP]
	push	rdi
	push	rdi
	LOAD_KEPT_REGISTERS
	cmp	dword [rdi + CPU_MITIGATING], 0
	jne	enter_mitigated

align 16
enter:
	ENTER 0
enter_mitigated:
	ENTER 1

; A VM entry that fails before it loads the guest continues here (27.8).
failed:
	mov	rdi, [rsp]
	xor	ebp, ebp
	call	vmx_entry_failed

; HOST_RIP is the one of the two that the CPU needs (vmx_load_host)
align 16
vmx_host_entry:
	LEAVE 0
	jmp	enter

align 16
vmx_mitigated_entry:
	LEAVE 1
	jmp	enter_mitigated
