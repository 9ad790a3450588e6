// SPDX-License-Identifier: MIT
#include "hw/features.h"
#include "hw/msr.h"
#include "lib/printf.h"

#define LEAF_STRUCTURED 7u
#define LEAF_EXTENDED   0x80000000u
#define LEAF_WIDTHS     0x80000008u
#define LEAF_ENCRYPTION 0x8000001fu

#define SYSCFG_ENCRYPTION (1ull << 23) /* MemEncryptionModEn, APM vol. 2 7.10.1 */
#define PHYSICAL_DEFAULT  36           /* if the leaf does not exist: SDM vol. 3A 4.1.4 */
#define PHYSICAL_MAX      52
#define LAM_BIT           26
#define LINE_MAX          140

struct features features;

/* Intel's CPUs return the contents of the last leaf for every leaf beyond it, so those are not read. */
static struct cpuid ask(const struct features *f, features_reader *read, uint32_t leaf)
{
	uint32_t last = leaf >= LEAF_EXTENDED ? f->last_extended : f->last_basic;

	return leaf <= last ? read(leaf, 0) : (struct cpuid){0};
}

/*
 * APM vol. 3 Fn8000_001F EBX 11:6: the number of address bits that memory loses when encryption is on. Guest-physical
 * addresses keep them (APM vol. 2 15.34.6), and the reserved bits in the guest's tables do not change.
 */
static uint8_t reduction(const struct features *f, features_reader *read, uint64_t syscfg)
{
	if (!f->encryption || !(syscfg & SYSCFG_ENCRYPTION))
		return 0;
	return ask(f, read, LEAF_ENCRYPTION).ebx >> 6 & 63;
}

/* Leaf 7 says in EAX which subleaf is its last. */
static bool has_lam(const struct features *f, features_reader *read)
{
	return ask(f, read, LEAF_STRUCTURED).eax && read(LEAF_STRUCTURED, 1).eax >> LAM_BIT & 1;
}

/* SDM vol. 3A 4.1.4, APM vol. 3 Fn8000_0008 EAX. */
static void take_widths(struct features *f, features_reader *read, uint64_t syscfg)
{
	uint32_t widths = ask(f, read, LEAF_WIDTHS).eax;
	uint8_t physical = widths & 0xff, linear = widths >> 8 & 0xff, lost = reduction(f, read, syscfg);

	if (!physical)
		physical = PHYSICAL_DEFAULT;
	f->physical_bits = physical > PHYSICAL_MAX ? PHYSICAL_MAX : physical;
	f->memory_bits = lost < f->physical_bits ? f->physical_bits - lost : f->physical_bits;
	f->linear_bits = linear ? linear : f->long_mode ? 48 : 32;
}

void features_from(struct features *f, features_reader *read, uint64_t syscfg)
{
	uint32_t last = read(LEAF_EXTENDED, 0).eax;

	*f = (struct features){
		.last_basic = read(0, 0).eax, .last_extended = last > LEAF_EXTENDED ? last : LEAF_EXTENDED};
#define X(member, leaf, reg, bit, meaning) f->member = ask(f, read, leaf).reg >> (bit)&1;
	FEATURE_BITS(X)
#undef X
	f->lam = has_lam(f, read);
	take_widths(f, read, syscfg);
}

static void read_this_cpu(struct features *f, features_probe *probe)
{
	features_from(f, cpuid, 0);
	if (f->encryption)
		features_from(f, cpuid, probe(MSR_SYSCFG, 0));
}

void features_init(features_probe *probe)
{
	read_this_cpu(&features, probe);
}

static const char *width_differs(const char *of, uint8_t boot, uint8_t other)
{
	static char line[LINE_MAX];

	if (boot == other)
		return NULL;
	snprintf(line, sizeof(line), "it differs from the boot CPU: %s of %u bits instead of %u", of, other,
		boot);
	return line;
}

static const char *bit_differs(
	const char *meaning, uint32_t leaf, const char *reg, unsigned bit, bool boot, bool other)
{
	static char line[LINE_MAX];

	if (boot == other)
		return NULL;
	snprintf(line, sizeof(line),
		"it differs from the boot CPU, which has %s%s (CPUID leaf 0x%x %s bit %u)",
		boot ? "" : "not ", meaning, leaf, reg, bit);
	return line;
}

const char *features_differ(const struct features *boot, const struct features *other)
{
	const char *line = width_differs("physical addresses", boot->physical_bits, other->physical_bits);

	if (!line)
		line = width_differs("addresses of memory", boot->memory_bits, other->memory_bits);
	if (!line)
		line = width_differs("linear addresses", boot->linear_bits, other->linear_bits);
	if (!line)
		line = bit_differs("linear-address masking", LEAF_STRUCTURED, "subleaf 1 eax", LAM_BIT,
			boot->lam, other->lam);
#define X(member, leaf, reg, bit, meaning)                                                                   \
	if (!line)                                                                                           \
		line = bit_differs(meaning, leaf, #reg, bit, boot->member, other->member);
	FEATURE_BITS(X)
#undef X
	return line;
}

const char *features_compare(features_probe *probe)
{
	struct features own;

	read_this_cpu(&own, probe);
	return features_differ(&features, &own);
}
