; SPDX-License-Identifier: MIT
; What the modes guest runs outside of 64-bit mode: a copy of this lies below 1 MiB, and every segment that is not flat
; begins at the copy, so that offsets are the same wherever it lies, in protected mode, real mode and in what is printed.
;
; From 64-bit mode through compatibility mode to protected mode without paging, there exceptions and task switches; to
; real mode, there exceptions; back the same way. Each event is noted in `results`, and the code goes on at [resume].
bits 64
org 0

%define EFER		0xc0000080
%define CODE32		0x08
%define DATA32		0x10
%define CODE16		0x18
%define DATA16		0x20
%define CODE64		0x28
%define TSS_MAIN	0x30
%define TSS_CALLED	0x38
%define TSS_FAULT	0x40
%define ABSENT		0x48
%define SIZE		0x4000
%define RESULT_BYTES	24
%define VECTORS		33

	dd	entry, results, result_count, SIZE

; What an emulator does not survive is left out: modes.c says which.
%define LEAVE_OUT_CR0_PG	1	; paging without protection
%define LEAVE_OUT_CR0_CR4	2	; any value of CR0 or CR4 that a CPU refuses
%define CALLS			4	; Trapline's VMCALLs as well, which are #UD bare

; void entry(uint64_t base, uint32_t options)
entry:
	push	rbx
	push	rbp
	push	r12
	push	r13
	push	r14
	push	r15
	pushfq
	cli
	mov	ebx, edi			; the base, for as long as there are registers
	mov	[rdi + saved_rsp], rsp
	mov	[rdi + options], esi
	sgdt	[rdi + saved_gdt]
	sidt	[rdi + saved_idt]
	mov	rax, cr3
	mov	[rdi + saved_cr3], rax
	mov	rax, cr0
	mov	[rdi + saved_cr0], rax
	mov	word [rdi + saved_cs], cs
	mov	word [rdi + saved_ss], ss
	mov	word [rdi + saved_ds], ds
	mov	word [rdi + saved_es], es
	mov	word [rdi + saved_fs], fs
	mov	word [rdi + saved_gs], gs
	mov	[rdi + gdtr + 2], rdi
	add	qword [rdi + gdtr + 2], gdt
	mov	[rdi + idtr + 2], edi
	add	dword [rdi + idtr + 2], idt
	mov	[rdi + ivtr + 2], edi
	add	dword [rdi + ivtr + 2], ivt
	mov	eax, edi
	shr	eax, 4
	mov	[rdi + real_segment], ax
	mov	[rdi + real_cs], ax
	lea	eax, [rdi + back64]
	mov	[rdi + far64], eax
	; bases of the descriptors that have one, and where the tables of the CPU's point to
	lea	rsi, [rdi + based]
.descriptor:
	movzx	ecx, word [rsi]
	test	ecx, ecx
	jz	.gates
	movzx	eax, word [rsi + 2]
	add	eax, edi
	mov	[rdi + gdt + rcx + 2], ax
	shr	eax, 16
	mov	[rdi + gdt + rcx + 4], al
	add	rsi, 4
	jmp	.descriptor
.gates:
	xor	ecx, ecx
.gate:
	mov	eax, ecx
	shl	eax, 4
	add	eax, stubs32
	mov	word [rdi + idt + rcx * 8], ax
	mov	word [rdi + idt + rcx * 8 + 2], CODE32
	mov	word [rdi + idt + rcx * 8 + 4], 0x8e00
	mov	word [rdi + idt + rcx * 8 + 6], 0
	mov	eax, ecx
	shl	eax, 4
	add	eax, stubs16
	mov	word [rdi + ivt + rcx * 4], ax
	mov	ax, [rdi + real_segment]
	mov	word [rdi + ivt + rcx * 4 + 2], ax
	inc	ecx
	cmp	ecx, VECTORS
	jb	.gate
	lgdt	[rdi + gdtr]
	push	CODE32
	push	protected
	retfq

back64:
	mov	rdi, rbx
	mov	rsp, [rdi + saved_rsp]
	lgdt	[rdi + saved_gdt]
	lidt	[rdi + saved_idt]
	mov	ss, [rdi + saved_ss]
	mov	ds, [rdi + saved_ds]
	mov	es, [rdi + saved_es]
	mov	fs, [rdi + saved_fs]
	mov	gs, [rdi + saved_gs]
	movzx	eax, word [rdi + saved_cs]
	push	rax
	lea	rax, [rdi + .restored]
	push	rax
	retfq
.restored:
	popfq
	pop	r15
	pop	r14
	pop	r13
	pop	r12
	pop	rbp
	pop	rbx
	ret

; A case: the instructions, then where the handler lets the code go on.
%macro CASE32 1+
	mov	dword [resume], %%next
	%1
%%next:
%endmacro

; The same with TF set from the POPF on: the instruction is stepped.
%macro STEP32 1+
	pushfd
	or	dword [esp], 0x100
	mov	dword [resume], %%next
	popfd
	%1
%%next:
%endmacro

%macro STEP16 1+
	pushf
	mov	bp, sp
	or	word [bp], 0x100
	mov	word [resume], %%next
	popf
	%1
%%next:
%endmacro

%macro CASE16 1+
	mov	word [resume], %%next
	%1
%%next:
%endmacro

bits 32
protected:
	mov	ax, DATA32
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	fs, ax
	mov	gs, ax
	mov	esp, stack_top
	mov	eax, cr0			; compatibility mode ends with paging
	and	eax, 0x7fffffff
	mov	cr0, eax
	mov	ecx, EFER
	rdmsr
	and	eax, ~0x100			; LME
	wrmsr
	mov	[base], ebx
	lidt	[idtr]
	mov	byte [mode], 32

	CASE32	ud2
	mov	ecx, 0
	CASE32	div ecx
	CASE32	int3
	CASE32	int 0x20
	mov	al, 0x7f
	add	al, 1				; OF
	CASE32	into
	mov	eax, 9
	CASE32	bound eax, [limits]
	mov	eax, 0xfff8
	CASE32	mov ds, eax			; #GP with the selector
	mov	eax, ABSENT
	CASE32	mov es, eax			; #NP
	CASE32	mov ss, eax			; #SS
	CASE32	mov al, [0x7fffffff]		; #GP: beyond the limit
	mov	ebp, 0x7fffffff
	CASE32	mov al, [ebp]			; #SS
	CASE32	int 0x50			; #GP: beyond the IDT
	mov	ecx, 0x4a1
	CASE32	db 0x0f, 0x01, 0xc2		; VMLAUNCH, in a CPU without VMX
	; a single step behind an instruction of the CPU's, and behind one that may be carried out elsewhere
	STEP32	nop
	xor	eax, eax
	STEP32	cpuid
	test	byte [options], LEAVE_OUT_CR0_CR4
	jnz	.fpu
	; a reserved bit of CR4; in CR0 NW without CD, paging without protection
	mov	eax, cr4
	bts	eax, 15
	CASE32	mov cr4, eax
	mov	eax, cr0
	bts	eax, 29
	CASE32	mov cr0, eax
	test	byte [options], LEAVE_OUT_CR0_PG
	jnz	.fpu
	mov	eax, cr0
	and	al, 0xfe
	bts	eax, 31
	CASE32	mov cr0, eax
.fpu:
	test	byte [options], CALLS
	jz	.ne
	mov	edi, called32
	call	make_calls
.ne:
	; CR0.NE goes off and on, and reads as it was written
	mov	eax, cr0
	mov	edx, eax
	xor	eax, 0x20
	mov	cr0, eax
	mov	ecx, cr0
	xor	ecx, edx
	call	note_value
	mov	cr0, edx
	mov	ecx, cr0
	xor	ecx, edx
	call	note_value

	; Task switches: by CALL and back by IRET, by an exception through a task gate, with and without an error code
	mov	eax, TSS_MAIN
	ltr	ax
	call	TSS_CALLED:0
	mov	ecx, cr0
	and	ecx, 8				; TS
	call	note_value
	clts
	str	ecx
	call	note_value
	mov	dword [idt + 6 * 8], TSS_FAULT << 16
	mov	dword [idt + 6 * 8 + 4], 0x8500
	CASE32	ud2
	mov	dword [idt + 13 * 8], TSS_FAULT << 16
	mov	dword [idt + 13 * 8 + 4], 0x8500
	mov	byte [with_error], 1
	mov	eax, 0xfff8
	CASE32	mov fs, eax
	mov	byte [with_error], 0
	mov	dword [idt + 3 * 8], TSS_FAULT << 16
	mov	dword [idt + 3 * 8 + 4], 0x8500
	CASE32	int3
	mov	dword [idt + 3 * 8], TSS_MAIN << 16	; busy: #GP, which is a task too
	mov	byte [with_error], 1
	CASE32	int3
	mov	byte [with_error], 0
	clts

	jmp	CODE16:protected16

bits 16
protected16:
	mov	ax, DATA16
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	fs, ax
	mov	gs, ax
	mov	eax, cr0
	and	al, 0xfe
	mov	cr0, eax
	jmp	far [real_far]
real:
	mov	ax, cs
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	mov	fs, ax
	mov	gs, ax
	mov	esp, stack_top
	o32 lidt [ivtr]
	mov	byte [mode], 16

	CASE16	ud2
	mov	ecx, 0
	CASE16	div ecx
	CASE16	int3
	CASE16	int 0x20
	mov	al, 0x7f
	add	al, 1
	CASE16	into
	mov	ax, 9
	CASE16	bound ax, [limits]
	CASE16	mov ax, [0xffff]		; #GP, no error code on the stack
	mov	bp, 0xffff
	CASE16	mov ax, [bp]			; #SS
	CASE16	lldt ax				; #UD in real mode
	STEP16	nop
	xor	eax, eax
	STEP16	cpuid
	test	byte [options], LEAVE_OUT_CR0_CR4
	jnz	.protect
	mov	eax, cr4
	bts	eax, 15
	CASE16	mov cr4, eax
.protect:
	test	byte [options], CALLS
	jz	.leave
	mov	edi, called16
	call	make_calls16
.leave:
	mov	eax, cr0
	or	al, 1
	mov	cr0, eax
	jmp	dword CODE32:back32

; di: room for four results: `version` by its name and its number, a number that no service has, and EBX of `version`
%macro MAKE_CALLS 0
	mov	ebx, [base]
	add	ebx, name_version
	xor	eax, eax
	vmmcall
	mov	[edi], eax
	mov	eax, 1
	vmmcall
	mov	[edi + 4], eax
	mov	[edi + 8], ebx
	mov	eax, 63
	vmmcall
	mov	[edi + 12], eax
	ret
%endmacro
make_calls16:
	MAKE_CALLS

bits 32
back32:
	mov	ax, DATA32
	mov	ds, ax
	mov	es, ax
	mov	ss, ax
	test	byte [options], CALLS
	jz	.paging
	xor	esi, esi
.result:
	mov	ecx, [called32 + esi]
	call	note_value
	add	esi, 4
	cmp	esi, 32
	jb	.result
.paging:
	mov	eax, [saved_cr3]
	mov	cr3, eax
	mov	ecx, EFER
	rdmsr
	or	eax, 0x100
	wrmsr
	mov	ebx, [base]
	mov	eax, [saved_cr0]
	mov	cr0, eax
	jmp	far [far64]

make_calls:
	MAKE_CALLS

; ecx: a value to keep among the results, as vector 255
note_value:
	pushad
	call	next_result
	mov	byte [edi], 255
	mov	al, [mode]
	mov	[edi + 1], al
	mov	[edi + 4], ecx
	mov	eax, [esp + 32]
	mov	[edi + 8], eax
	popad
	ret

; edi: the next result, all zero
next_result:
	mov	edi, [result_count]
	imul	edi, edi, RESULT_BYTES
	add	edi, results
	inc	dword [result_count]
	ret

%define HAS_ERROR(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17)

align 16
stubs32:
%assign v 0
%rep VECTORS
align 16
%if !HAS_ERROR(v)
	push	dword -1
%endif
	push	dword v
	jmp	strict near handler32
%assign v v+1
%endrep

; Above the registers of PUSHAD: vector, error, EIP, CS, EFLAGS
handler32:
	pushad
	mov	ax, DATA32
	mov	ds, ax
	mov	es, ax
	call	next_result
	mov	al, [esp + 32]
	mov	[edi], al
	mov	al, [mode]
	mov	[edi + 1], al
	mov	eax, [esp + 36]
	mov	[edi + 4], eax
	mov	eax, [esp + 40]
	mov	[edi + 8], eax
	mov	eax, [esp + 44]
	mov	[edi + 12], eax
	mov	eax, [esp + 48]
	mov	[edi + 16], eax
	and	dword [esp + 48], ~0x10100	; no RF, no TF
	mov	eax, dr6
	mov	[edi + 20], eax
	mov	eax, 0xffff0ff0
	mov	dr6, eax
	mov	eax, [resume]
	mov	[esp + 40], eax
	popad
	add	esp, 8
	iretd

; The task of the CALL: notes that it was here, twice, since a task goes on where it was.
called:
	str	ecx
	call	note_value
	movzx	ecx, word [tss_called]		; the link
	call	note_value
	pushfd
	pop	ecx
	call	note_value
	iretd
	jmp	called

; The task of faults: what the interrupted task's TSS says, and the error code if there is one
faulted:
	xor	ecx, ecx
	cmp	byte [with_error], 0
	je	.note
	pop	ecx
.note:
	call	note_value
	mov	ecx, [tss_main + 32]		; EIP
	call	note_value
	mov	ecx, [tss_main + 36]		; EFLAGS
	call	note_value
	mov	eax, [resume]
	mov	[tss_main + 32], eax
	and	dword [tss_main + 36], ~0x10000
	iretd
	jmp	faulted

bits 16
align 16
stubs16:
%assign v 0
%rep VECTORS
align 16
	push	word v
	jmp	strict near handler16
%assign v v+1
%endrep

; Above the registers of PUSHAD: vector, IP, CS, FLAGS, 16 bits each
handler16:
	pushad
	mov	bp, sp
	mov	edi, [result_count]
	imul	edi, edi, RESULT_BYTES
	add	edi, results
	inc	dword [result_count]
	mov	al, [bp + 32]
	mov	[di], al
	mov	al, [mode]
	mov	[di + 1], al
	mov	dword [di + 4], -1
	movzx	eax, word [bp + 34]
	mov	[di + 8], eax
	movzx	eax, word [bp + 36]
	sub	ax, [real_segment]
	mov	[di + 12], eax
	movzx	eax, word [bp + 38]
	mov	[di + 16], eax
	and	word [bp + 38], ~0x100
	mov	eax, dr6
	mov	[di + 20], eax
	mov	eax, 0xffff0ff0
	mov	dr6, eax
	mov	ax, [resume]
	mov	[bp + 34], ax
	popad
	add	sp, 2
	iret

align 8
gdt:
	dq	0
	dq	0x00419a000000ffff		; 32-bit code
	dq	0x004192000000ffff		; data
	dq	0x00009a000000ffff		; 16-bit code
	dq	0x000092000000ffff
	dq	0x00209a0000000000		; 64-bit code
	dq	0x0000890000000067		; TSSs
	dq	0x0000890000000067
	dq	0x0000890000000067
	dq	0x004112000000ffff		; data, not present
gdt_end:

; selector, offset of its base
based:
	dw	CODE32, 0, DATA32, 0, CODE16, 0, DATA16, 0
	dw	TSS_MAIN, tss_main, TSS_CALLED, tss_called, TSS_FAULT, tss_fault, 0

gdtr:	dw	gdt_end - gdt - 1
	dq	0
idtr:	dw	VECTORS * 8 - 1
	dd	0
ivtr:	dw	VECTORS * 4 - 1
	dd	0
real_far:
	dw	real
real_cs:
	dw	0
far64:	dd	0
	dw	CODE64
limits:	dw	0, 0, 0, 0

%macro TSS 2 ; code, stack
	dd	0, 0, 0, 0, 0, 0, 0, 0
	dd	%1, 2, 0, 0, 0, 0, %2, 0, 0, 0
	dd	DATA32, CODE32, DATA32, DATA32, 0, 0, 0
	dw	0, 104
%endmacro

align 8
tss_main:	TSS 0, 0
tss_called:	TSS called, stack_called
tss_fault:	TSS faulted, stack_fault

align 8
saved_rsp:	dq	0
saved_cr0:	dq	0
saved_cr3:	dq	0
saved_gdt:	dw	0
		dq	0
saved_idt:	dw	0
		dq	0
saved_cs:	dw	0
saved_ss:	dw	0
saved_ds:	dw	0
saved_es:	dw	0
saved_fs:	dw	0
saved_gs:	dw	0
real_segment:	dw	0
		dw	0
base:		dd	0
resume:		dd	0
result_count:	dd	0
options:	dd	0
called32:	times 4 dd 0
called16:	times 4 dd 0
name_version:	db	"version", 0
mode:		db	0
with_error:	db	0

align 16
idt:	times VECTORS dq 0
ivt:	times VECTORS dd 0
results:
	times 80 * RESULT_BYTES db 0
	times 0x200 db 0
stack_called:
	times 0x200 db 0
stack_fault:
	times 0x400 db 0
stack_top:
	times SIZE - ($ - $$) db 0
