// SPDX-License-Identifier: MIT
#include "vmx/vmx_rules.h"
#include "hw/x86.h"
#include "trace/vector.h"
#include "vmx/vmcs.h"

#define BASIC_ANY_ERROR_CODE (1ull << 56)
#define TYPE_MASK            0xfu
#define TYPE_TSS_BUSY        0xbu

#define FEATURE_LOCK       (1ull << 0)
#define FEATURE_VMX        (1ull << 2) /* outside of SMX */
#define FEATURE_SGX_LAUNCH (1ull << 17)
#define FEATURE_SGX        (1ull << 18)
#define FEATURE_LMCE       (1ull << 20)

#define XSS_PT (1ull << 8)

#define LEAF1_ECX_DTES64         (1u << 2)
#define LEAF1_ECX_DS_CPL         (1u << 4)
#define LEAF1_ECX_VMX            (1u << 5)
#define LEAF1_ECX_SMX            (1u << 6)
#define LEAF1_EDX_DS             (1u << 21)
#define LEAF6_EAX_FEEDBACK       (1u << 19)
#define LEAF6_EAX_THREADS        (1u << 23) /* the same for classes of instructions */
#define LEAF6_ECX_CLASSES        0xff00u
#define LEAF7_EBX_INVPCID        (1u << 10)
#define LEAF7_EBX_PT             (1u << 25)
#define LEAF7_ECX_WAITPKG        (1u << 5)
#define LEAF7_ECX_RDPID          (1u << 22)
#define LEAF7_EDX_PCONFIG        (1u << 18)
#define LEAF7_1_EAX_MSRLIST      (1u << 27)
#define LEAF23_EAX_PEBS          (1u << 4 | 1u << 5) /* the subleaves that it has */
#define LEAF_XSAVE_1_EAX_XSAVES  (1u << 3)
#define LEAF_XSAVE_1_ECX_PT      (1u << 8)
#define LEAF_XSAVE_PT            8
#define LEAF_EXTENDED_EDX_RDTSCP (1u << 27)

uint64_t vmx_host_cr4(uint64_t now, uint64_t fixed0, bool xsave)
{
	/* OSXSAVE for the guest's XSETBV, which only the host can carry out. LA57 says how many levels the VMM's tables have. */
	return fixed0 | CR4_PAE | CR4_MCE | CR4_VMXE | (xsave ? CR4_OSXSAVE : 0) | (now & CR4_LA57);
}

uint32_t vmx_tr_rights(uint32_t rights)
{
	return (rights & ~TYPE_MASK) | TYPE_TSS_BUSY;
}

bool vmx_can_inject(uint64_t basic, unsigned vector)
{
	return vector != VEC_CP || (basic & BASIC_ANY_ERROR_CODE);
}

uint32_t vmx_exceptions(uint64_t basic, uint32_t wanted)
{
	return vmx_can_inject(basic, VEC_CP) ? wanted : wanted & ~(1u << VEC_CP);
}

uint64_t vmx_feature_control(uint64_t firmware, bool sgx, bool sgx_launch, bool lmce)
{
	if (firmware & FEATURE_LOCK)
		return firmware;
	return firmware | FEATURE_LOCK | FEATURE_VMX | (sgx ? FEATURE_SGX : 0) |
	       (sgx && sgx_launch ? FEATURE_SGX_LAUNCH : 0) | (lmce ? FEATURE_LMCE : 0);
}

static void hide_feedback(struct cpuid *r)
{
	if (!(r->eax & LEAF6_EAX_FEEDBACK))
		return;
	r->eax &= ~(LEAF6_EAX_FEEDBACK | LEAF6_EAX_THREADS);
	r->ecx &= ~LEAF6_ECX_CLASSES;
	r->edx = 0;
}

static void hide_features(uint32_t cpu2, struct cpuid *r)
{
	r->ebx &= ~(LEAF7_EBX_PT | (cpu2 & CPU2_INVPCID ? 0 : LEAF7_EBX_INVPCID));
	r->ecx &= ~(
		(cpu2 & CPU2_USER_WAIT ? 0 : LEAF7_ECX_WAITPKG) | (cpu2 & CPU2_RDTSCP ? 0 : LEAF7_ECX_RDPID));
	r->edx &= ~(cpu2 & CPU2_PCONFIG ? 0 : LEAF7_EDX_PCONFIG);
}

static void hide_state(uint32_t subleaf, uint32_t cpu2, struct cpuid *r)
{
	if (subleaf == LEAF_XSAVE_PT)
		*r = (struct cpuid){0};
	if (subleaf != 1)
		return;
	r->eax &= ~(cpu2 & CPU2_XSAVES ? 0 : LEAF_XSAVE_1_EAX_XSAVES);
	r->ecx &= ~LEAF_XSAVE_1_ECX_PT;
}

static void hide_counters(uint32_t subleaf, struct cpuid *r)
{
	if (subleaf == 0)
		r->eax &= ~LEAF23_EAX_PEBS;
	if (subleaf == 4 || subleaf == 5)
		*r = (struct cpuid){0};
}

void vmx_hide(uint32_t leaf, uint32_t subleaf, uint32_t cpu2, struct cpuid *r)
{
	if (leaf == 1) {
		r->ecx &= ~(LEAF1_ECX_VMX | LEAF1_ECX_SMX | LEAF1_ECX_DTES64 | LEAF1_ECX_DS_CPL);
		r->edx &= ~LEAF1_EDX_DS;
	} else if (leaf == 6) {
		hide_feedback(r);
	} else if (leaf == 7 && subleaf == 0) {
		hide_features(cpu2, r);
	} else if (leaf == 7 && subleaf == 1) {
		r->eax &= ~LEAF7_1_EAX_MSRLIST; /* it needs a tertiary control, which is not set */
	} else if (leaf == 0xd) {
		hide_state(subleaf, cpu2, r);
	} else if (leaf == 0x23) {
		hide_counters(subleaf, r);
	} else if (leaf == 0x80000001) {
		r->edx &= ~(cpu2 & CPU2_RDTSCP ? 0 : LEAF_EXTENDED_EDX_RDTSCP);
	}
}

bool vmx_accepts_xss(uint64_t value)
{
	return !(value & XSS_PT);
}
