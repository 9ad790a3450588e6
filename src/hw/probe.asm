; SPDX-License-Identifier: MIT
; One RDMSR whose #GP is caught, with the IDT of src/hw/probe.c.
bits 64
default rel
global probe_try, probe_fault

section .text

; bool probe_try(uint32_t msr, uint64_t *value)
align 16
probe_try:
	mov	ecx, edi
	rdmsr
	shl	rdx, 32
	or	rax, rdx
	mov	[rsi], rax
	mov	eax, 1
	ret
.failed:
	xor	eax, eax
	ret

; The handler of #GP. Only the RDMSR raises it while this gate is in use. It drops the error code and moves RIP on.
align 16
probe_fault:
	lea	rax, [probe_try.failed]		; RDMSR was to write it
	mov	[rsp + 8], rax
	add	rsp, 8
	iretq
