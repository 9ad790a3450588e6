// SPDX-License-Identifier: MIT
#include "hw/mitigations.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "lib/printf.h"
#include "lib/array.h"

/* The last four letters of the vendor's name: CPUID leaf 0, ECX. */
#define SIGNATURE_AMD   0x444d4163 /* AuthenticAMD */
#define SIGNATURE_HYGON 0x656e6975 /* HygonGenuine */

#define LEAF7_EBX_RTM       (1u << 11)
#define LEAF7_EDX_MD_CLEAR  (1u << 10)
#define LEAF7_EDX_IBRS      (1u << 26) /* IBPB as well */
#define LEAF7_EDX_L1D_FLUSH (1u << 28)
#define LEAF7_EDX_ARCH_CAP  (1u << 29)
#define LEAF7_2_BHI_CTRL    (1u << 4)

#define ARCH_RDCL_NO       (1ull << 0)
#define ARCH_IBRS_ALL      (1ull << 1)
#define ARCH_SKIP_L1DFL    (1ull << 3)
#define ARCH_MDS_NO        (1ull << 5)
#define ARCH_TAA_NO        (1ull << 8)
#define ARCH_STALE_DATA_NO (7ull << 13) /* SBDR_SSDP_NO, FBSDP_NO, PSDP_NO */
#define ARCH_FB_CLEAR      (1ull << 17)
#define ARCH_BHI_NO        (1ull << 20)
#define ARCH_PBRSB_NO      (1ull << 24)
#define ARCH_RFDS_NO       (1ull << 27)
#define ARCH_RFDS_CLEAR    (1ull << 28)

#define EXT8_EBX_IBPB       (1u << 12)
#define EXT8_EBX_IBPB_RET   (1u << 30) /* IBPB also clears the return stack */
#define EXT21_EAX_VERW      (1u << 5)
#define EXT21_EAX_AUTO_IBRS (1u << 8)
#define EXT21_EAX_SRSO_NO   (1u << 29)
#define EXT21_ECX_TSA_NO    (3u << 1) /* TSA_SQ_NO, TSA_L1_NO */

static bool has_leaf(uint32_t leaf)
{
	return cpuid(leaf & 0x80000000, 0).eax >= leaf;
}

struct mitigation_facts mitigation_facts(void)
{
	struct cpuid none = {0}, leaf0 = cpuid(0, 0);
	struct cpuid leaf7 = has_leaf(7) ? cpuid(7, 0) : none;
	struct cpuid ext21 = has_leaf(0x80000021) ? cpuid(0x80000021, 0) : none;
	struct mitigation_facts f = {
		.amd = leaf0.ecx == SIGNATURE_AMD || leaf0.ecx == SIGNATURE_HYGON,
		.leaf7_ebx = leaf7.ebx,
		.leaf7_edx = leaf7.edx,
		.leaf7_2_edx = leaf7.eax >= 2 ? cpuid(7, 2).edx : 0,
		.ext8_ebx = has_leaf(0x80000008) ? cpuid(0x80000008, 0).ebx : 0,
		.ext21_eax = ext21.eax,
		.ext21_ecx = ext21.ecx,
	};

	if (f.leaf7_edx & LEAF7_EDX_ARCH_CAP)
		rdmsr_safe(MSR_ARCH_CAPABILITIES, &f.arch_capabilities);
	return f;
}

static const struct {
	uint32_t bit;
	const char *word;
} words[] = {
#define X(bit, enumerator, word, meaning) {1u << (bit), word},
	MITIGATIONS(X)
#undef X
};

#define WORDS ARRAY_SIZE(words)

/*
 * On CPUs without AutoIBRS, and on those whose returns can be steered as well (SRSO; Zen 1 and 2, which have no bit for it), only a
 * barrier at the exit removes what the guest has trained.
 */
static uint32_t amd_needs(const struct mitigation_facts *f)
{
	uint32_t needs = 0;

	if ((f->ext21_eax & EXT21_EAX_SRSO_NO) && (f->ext21_eax & EXT21_EAX_AUTO_IBRS))
		needs = MITIGATE_AUTO_IBRS;
	else
		needs = MITIGATE_IBPB | (f->ext8_ebx & EXT8_EBX_IBPB_RET ? 0 : MITIGATE_RSB);
	if ((f->ext21_eax & EXT21_EAX_VERW) && (f->ext21_ecx & EXT21_ECX_TSA_NO) != EXT21_ECX_TSA_NO)
		needs |= MITIGATE_VERW;
	return needs;
}

/*
 * IBRS of the older kind covers only what was trained before its WRMSR, and costs hundreds of cycles: the exit writes it
 * each time. It also keeps an empty return stack from using the indirect predictor (Skylake), as retpolines would.
 */
static uint32_t intel_branches(const struct mitigation_facts *f)
{
	uint64_t arch = f->arch_capabilities;
	uint32_t needs = MITIGATE_IBRS;

	if (!(arch & ARCH_IBRS_ALL))
		return needs | MITIGATE_RSB;
	if (!(arch & ARCH_PBRSB_NO))
		needs |= MITIGATE_CALL;
	if (!(arch & ARCH_BHI_NO))
		needs |= f->leaf7_2_edx & LEAF7_2_BHI_CTRL ? MITIGATE_BHI_DIS_S : MITIGATE_BHB;
	return needs;
}

/* MDS, TAA; MMIO stale data; RFDS. Each later one has a bit that says that VERW helps. */
static bool intel_needs_verw(const struct mitigation_facts *f)
{
	uint64_t arch = f->arch_capabilities;
	bool taa = (f->leaf7_ebx & LEAF7_EBX_RTM) && !(arch & ARCH_TAA_NO);
	bool stale = (arch & ARCH_FB_CLEAR) && (arch & ARCH_STALE_DATA_NO) != ARCH_STALE_DATA_NO;
	bool rfds = (arch & ARCH_RFDS_CLEAR) && !(arch & ARCH_RFDS_NO);

	return !(arch & ARCH_MDS_NO) || taa || stale || rfds;
}

static uint32_t intel_needs(const struct mitigation_facts *f)
{
	uint32_t needs = intel_branches(f);

	if (intel_needs_verw(f))
		needs |= MITIGATE_VERW;
	if (!(f->arch_capabilities & (ARCH_RDCL_NO | ARCH_SKIP_L1DFL)))
		needs |= MITIGATE_L1D;
	return needs;
}

static uint32_t amd_can(const struct mitigation_facts *f)
{
	uint32_t can = MITIGATE_RSB | MITIGATE_CALL | MITIGATE_BHB | MITIGATE_VERW;

	if (f->ext8_ebx & EXT8_EBX_IBPB)
		can |= MITIGATE_IBPB;
	if (f->ext21_eax & EXT21_EAX_AUTO_IBRS)
		can |= MITIGATE_AUTO_IBRS;
	return can;
}

/*
 * VERW overwrites buffers only if the CPU says so: by MD_CLEAR, or on CPUs without MDS by FB_CLEAR or RFDS_CLEAR. On others it
 * is the original instruction.
 */
static uint32_t intel_can(const struct mitigation_facts *f)
{
	uint32_t can = MITIGATE_RSB | MITIGATE_CALL | MITIGATE_BHB;

	if (f->leaf7_edx & LEAF7_EDX_IBRS)
		can |= MITIGATE_IBRS | MITIGATE_IBPB;
	if (f->leaf7_2_edx & LEAF7_2_BHI_CTRL)
		can |= MITIGATE_BHI_DIS_S;
	if ((f->leaf7_edx & LEAF7_EDX_MD_CLEAR) || (f->arch_capabilities & (ARCH_FB_CLEAR | ARCH_RFDS_CLEAR)))
		can |= MITIGATE_VERW;
	if (f->leaf7_edx & LEAF7_EDX_L1D_FLUSH)
		can |= MITIGATE_L1D;
	return can;
}

/* Drops mitigations that only complete another one: filling the return stack is useless without a barrier or IBRS. */
static uint32_t without_lone(uint32_t used)
{
	return used & (MITIGATE_IBRS | MITIGATE_IBPB) ? used : used & ~MITIGATE_RSB;
}

/* BHI_DIS_S is in the register that the exit writes for IBRS, and only then. */
static uint32_t can_of(const struct mitigation_facts *f, uint32_t wanted)
{
	uint32_t can = f->amd ? amd_can(f) : intel_can(f);

	return wanted & can & MITIGATE_IBRS ? can : can & ~MITIGATE_BHI_DIS_S;
}

struct mitigations mitigations_choose(const struct mitigation_facts *f, uint32_t configured)
{
	bool itself = configured & MITIGATIONS_AUTO;
	uint32_t wanted = !itself ? configured : f->amd ? amd_needs(f) : intel_needs(f);
	uint32_t can = can_of(f, wanted), used = wanted & can;

	return (struct mitigations){.used = itself ? without_lone(used) : used, .missing = wanted & ~can};
}

const char *mitigation_names(char *out, size_t size, uint32_t bits)
{
	size_t used = 0;

	for (size_t i = 0; i < WORDS; i++)
		if (bits & words[i].bit)
			used += (size_t)snprintf(
				out + used, size - used, "%s%s", used ? "," : "", words[i].word);
	if (!used)
		snprintf(out, size, "none");
	return out;
}
