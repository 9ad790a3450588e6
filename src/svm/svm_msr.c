// SPDX-License-Identifier: MIT
/* MSRs and CPUID bits of AMD-V itself, which are hidden from the guest. */
#include "svm/svm.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "hw/asm.h"
#include "cpu/idt.h"
#include "hw/msr.h"
#include "mem/pool.h"
#include "watch/msr_map.h"

#define EFER_PROBE  (1ull << 2) /* no CPU defines it: APM vol. 2 3.1.7 */
#define S_CET_BITS  3ull        /* SH_STK_EN and WR_SHSTK_EN: APM vol. 2 18.13 */
#define VM_CR_VALUE 0x18        /* SVMDIS and LOCK: as if the firmware had turned SVM off */

static uint64_t msrpm;
static struct watch_msr_map watched;
static uint64_t efer_bits;

uint64_t svm_msrpm(void)
{
	return msrpm;
}

/* Two bits for each MSR, read and write, in three ranges: APM vol. 2 15.11. */
#define ON_READ  1u
#define ON_WRITE 2u

static uint32_t bit_of(uint32_t msr)
{
	uint32_t bit = (msr & 0x1fff) * 2;

	if (msr >= 0xc0010000)
		bit += 0x1000 * 8;
	else if (msr >= 0xc0000000)
		bit += 0x800 * 8;
	return bit;
}

static void intercept(uint32_t msr, unsigned accesses)
{
	uint8_t *map = pool_virt(msrpm);

	map[bit_of(msr) / 8] |= (uint8_t)(accesses << bit_of(msr) % 8);
}

/* An MSR outside of the ranges exits always. */
static bool in_map(uint32_t msr)
{
	return msr < 0x2000 || (msr & ~0x1fffu) == 0xc0000000 || (msr & ~0x1fffu) == 0xc0010000;
}

/* A watch begins or ends: changes only the bits of its MSR, because other CPUs read the map meanwhile. */
static unsigned set_watched(uint32_t msr, unsigned accesses)
{
	uint8_t *byte = (uint8_t *)pool_virt(msrpm) + bit_of(msr) / 8;
	unsigned shift = bit_of(msr) % 8, before = *byte >> shift & (ON_READ | ON_WRITE);

	if (in_map(msr))
		*byte = (uint8_t)((*byte & ~((ON_READ | ON_WRITE) << shift)) | accesses << shift);
	return before;
}

void svm_watch_msrs(void)
{
	watch_msr_map_update(&watched, set_watched);
}

/* Bits of EFER that this CPU has, except SVME: APM vol. 2 3.1.7. */
static uint64_t supported_efer(void)
{
	uint64_t bits = 0;

	bits |= features.syscall ? EFER_SCE : 0;
	bits |= features.long_mode ? EFER_LME : 0;
	bits |= features.nx ? EFER_NXE : 0;
	bits |= features.ffxsr ? EFER_FFXSR : 0;
	bits |= features.tce ? EFER_TCE : 0;
	bits |= features.mcommit ? EFER_MCOMMIT : 0;
	bits |= features.intwb ? EFER_INTWB : 0;
	bits |= features.uaie ? EFER_UAIE : 0;
	bits |= features.aibrse ? EFER_AIBRSE : 0;
	return bits;
}

/* Emulators accept some values that the manual refuses. The guest gets the behaviour of its CPU. */
void svm_msr_probe(void)
{
	static bool probed;
	uint64_t efer = rdmsr(MSR_EFER);

	if (probed)
		return;
	probed = true;
	svm_caps.strict_efer = !wrmsr_safe(MSR_EFER, efer | EFER_PROBE);
	wrmsr(MSR_EFER, efer);
	svm_cr_probe();
}

const char *svm_msr_init(void)
{
	msrpm = pool_alloc(2);
	if (!msrpm)
		return "the VMM's memory is too small for the MSR permission map";
	intercept(MSR_APIC_BASE, ON_WRITE);
	intercept(MSR_X2APIC_ICR, ON_WRITE);
	intercept(MSR_X2APIC_SIVR, ON_WRITE);
	intercept(MSR_EFER, ON_READ | ON_WRITE);
	intercept(MSR_VM_CR, ON_READ | ON_WRITE);
	intercept(MSR_VM_HSAVE_PA, ON_READ | ON_WRITE);
	intercept(MSR_SVM_KEY, ON_READ | ON_WRITE);
	intercept(MSR_PATCH_LOADER, ON_WRITE);
	efer_bits = supported_efer();
	return NULL;
}

/* The same of features that not every CPU has: the VMCB has these then. */
static uint64_t *extension_at(struct vmcb_save *s, uint32_t msr)
{
	switch (msr) {
	case MSR_S_CET:
		return features.shadow_stacks ? &s->s_cet : NULL;
	case MSR_INTERRUPT_SSP_TABLE_ADDR:
		return features.shadow_stacks ? &s->isst_addr : NULL;
	case MSR_SPEC_CTRL:
		return svm_caps.features & SVM_FEATURE_SPEC_CTRL ? &s->spec_ctrl : NULL;
	default:
		return NULL;
	}
}

/* MSRs of which the CPU has the host's value now: VMLOAD and VMRUN have put it there (15.5.1, 15.5.2). */
static uint64_t *saved_at(struct vmcb_save *s, uint32_t msr)
{
	switch (msr) {
	case MSR_STAR:
		return &s->star;
	case MSR_LSTAR:
		return &s->lstar;
	case MSR_CSTAR:
		return &s->cstar;
	case MSR_FMASK:
		return &s->sfmask;
	case MSR_FS_BASE:
		return &s->fs.base;
	case MSR_GS_BASE:
		return &s->gs.base;
	case MSR_KERNEL_GS_BASE:
		return &s->kernel_gs_base;
	case MSR_SYSENTER_CS:
		return &s->sysenter_cs;
	case MSR_SYSENTER_ESP:
		return &s->sysenter_esp;
	case MSR_SYSENTER_EIP:
		return &s->sysenter_eip;
	case MSR_PAT:
		return &s->g_pat;
	default:
		return extension_at(s, msr);
	}
}

SLOW_PATH static enum msr_result read_saved(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	const uint64_t *at = saved_at(&vmcb_of(cpu)->save, msr);

	if (!at)
		return MSR_NOT_MINE;
	*value = *at;
	return MSR_DONE;
}

/* Of SPEC_CTRL the CPU alone knows which bits it has. */
static bool cpu_accepts(uint32_t msr, uint64_t value)
{
	uint64_t host;

	if (msr == MSR_S_CET)
		return !(value & ~S_CET_BITS);
	if (msr != MSR_SPEC_CTRL)
		return true;
	host = rdmsr(msr);
	if (!wrmsr_safe(msr, value))
		return false;
	wrmsr(msr, host);
	return true;
}

/* Written on the guest's behalf only while a watch lets them exit. */
SLOW_PATH static enum msr_result write_saved(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	struct vmcb_save *s = &vmcb_of(cpu)->save;
	uint64_t *at = saved_at(s, msr);

	if (!at)
		return MSR_NOT_MINE;
	if (!watch_msr_accepts(msr, value, s->cr4 & CR4_LA57) || !cpu_accepts(msr, value))
		return MSR_FAULT;
	*at = value;
	return MSR_DONE;
}

SLOW_PATH static enum msr_result read_rare(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	switch (msr) {
	case MSR_VM_CR:
		*value = VM_CR_VALUE;
		return MSR_DONE;
	case MSR_VM_HSAVE_PA:
	case MSR_SVM_KEY:
		return MSR_FAULT;
	default:
		return read_saved(cpu, msr, value);
	}
}

static inline enum msr_result read_msr(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
	if (msr != MSR_EFER)
		return read_rare(cpu, msr, value);
	*value = vmcb_of(cpu)->save.efer & ~EFER_SVME;
	return MSR_DONE;
}

/*
 * LME cannot change while paging is on (APM vol. 2 14.6.1), and LMA is the CPU's. An intercepted WRMSR does not flush what
 * the guest's own WRMSR would: the VMM has to request the flush (15.16).
 */
static enum msr_result write_efer(struct cpu *cpu, uint64_t value)
{
	struct vmcb *v = vmcb_of(cpu);
	uint64_t old = v->save.efer;

	if (svm_caps.strict_efer && (value & ~(efer_bits | EFER_LMA)))
		return MSR_FAULT;
	/* If the CPU accepts the change, it is refused here, because VMRUN would refuse the state. */
	if (((old ^ value) & EFER_LME) && (v->save.cr0 & CR0_PG) &&
		(svm_caps.strict_efer || !(v->save.cr4 & CR4_PAE)))
		return MSR_FAULT;
	v->save.efer = (value & efer_bits) | (old & EFER_LMA) | EFER_SVME;
	if ((old ^ v->save.efer) & (EFER_NXE | EFER_LME | EFER_LMA))
		vendor->stage2.flush(cpu);
	return MSR_DONE;
}

static enum msr_result write_msr(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	switch (msr) {
	case MSR_EFER:
		return write_efer(cpu, value);
	case MSR_PATCH_LOADER:
		return MSR_DONE; /* the VMM runs on this microcode: nothing is loaded, as under other hypervisors */
	case MSR_VM_CR:
		return MSR_DONE; /* locked: writes of SVMDIS and LOCK are ignored, 15.30.1 */
	case MSR_VM_HSAVE_PA:
	case MSR_SVM_KEY:
		return MSR_FAULT;
	default:
		return write_saved(cpu, msr, value);
	}
}

enum msr_result svm_msr(struct cpu *cpu, uint32_t msr, bool write, uint64_t *value)
{
	return write ? write_msr(cpu, msr, *value) : read_msr(cpu, msr, value);
}

/*
 * Memory encryption is hidden: an address with the C-bit, or with a key, is a different address in second-level paging
 * (15.25, 15.34.1), and Linux turns SME on if it sees no hypervisor.
 */
#define LEAF_ENCRYPTION      0x8000001f
#define LEAF_ENCRYPTION_KEYS 0x80000023

void svm_hide_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid *r)
{
	if (leaf == 0x80000001)
		r->ecx &= ~(1u << 2 | 1u << 12); /* SVM, SKINIT */
	else if (leaf == 0x80000008)
		r->ebx &= ~(
			1u << 3 |
			1u << 21); /* INVLPGB, which would not wait for a copy: vmcall/copy.c; and nested */
	else if (leaf == 0x8000000a || leaf == LEAF_ENCRYPTION || leaf == LEAF_ENCRYPTION_KEYS)
		*r = (struct cpuid){0};
}
