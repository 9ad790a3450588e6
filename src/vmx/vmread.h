// SPDX-License-Identifier: MIT
/* VMREAD and VMWRITE. Unit tests and fuzz targets have a VMCS of their own: tests/fake/vmx/vmread.h. */
#ifndef TRAPLINE_VMREAD_H
#define TRAPLINE_VMREAD_H

#include <stdint.h>

#ifdef VMX_COUNT
extern uint64_t vmx_reads, vmx_writes; /* vmx_count.c */
#define VMX_COUNT_ONE(n) ((n)++)
#else
#define VMX_COUNT_ONE(n) ((void)0)
#endif

/* Reads a field of the current VMCS; every CPU must have the field, or a control must show that this CPU has it. */
static inline uint64_t vmread(uint32_t field)
{
	uint64_t v;

	VMX_COUNT_ONE(vmx_reads);
	__asm__ volatile("vmread %1, %0" : "=r"(v) : "r"((uint64_t)field) : "cc");
	return v;
}

static inline void vmwrite(uint32_t field, uint64_t value)
{
	VMX_COUNT_ONE(vmx_writes);
	__asm__ volatile("vmwrite %1, %0" : : "r"((uint64_t)field), "rm"(value) : "cc");
}

#endif
