/*
 * What a guest may count on: how to find Trapline and how to call it. C, usable from kernel and user space.
 */
#ifndef TRAPLINE_ABI_H
#define TRAPLINE_ABI_H

#define TRAPLINE_ABI_VERSION 1

/*
 * CPUID leaf 0x40000000: EAX = highest leaf of this range, EBX ECX EDX = "TraplineVMM\0".
 * CPUID leaf 0x40000001: EAX = TRAPLINE_ABI_VERSION, EBX ECX EDX = 0.
 * Both are there unless trapline.conf says `hypervisor = off`; VMCALL works either way.
 */
#define TRAPLINE_CPUID_SIGNATURE 0x40000000u
#define TRAPLINE_CPUID_VERSION	 0x40000001u
#define TRAPLINE_SIGNATURE_EBX	 0x70617254u /* "Trap" */
#define TRAPLINE_SIGNATURE_ECX	 0x656e696cu /* "line" */
#define TRAPLINE_SIGNATURE_EDX	 0x004d4d56u /* "VMM" */

/*
 * VMCALL or VMMCALL, whichever; both work on both vendors.
 *   RAX = 0, RBX = guest-linear address of a NUL-terminated name: RAX = the service's number, 0 when there is none.
 *   RAX = number, arguments in RBX, RCX, RDX, RSI, RDI: results in the same registers, RAX first.
 */
#define TRAPLINE_NAME_MAX 64 /* with its NUL */

#endif
