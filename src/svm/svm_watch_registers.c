// SPDX-License-Identifier: MIT
/* Watches of registers: what exits for them. */
#include "hw/asm.h"
#include "lib/array.h"
#include "svm/svm.h"
#include "watch/watch.h"

static bool wants(enum watch_register reg, unsigned access)
{
	return watch_register_mask(reg, 0, access);
}

void svm_watch_tables(struct cpu *cpu, bool on)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	vmcb_intercept(c, SVM_EXIT_GDTR_WRITE, on && wants(WATCH_GDTR, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_IDTR_WRITE, on && wants(WATCH_IDTR, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_LDTR_WRITE, on && wants(WATCH_LDTR, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_TR_WRITE, on && wants(WATCH_TR, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_GDTR_READ, on && wants(WATCH_GDTR, WATCH_READ));
	vmcb_intercept(c, SVM_EXIT_IDTR_READ, on && wants(WATCH_IDTR, WATCH_READ));
	vmcb_intercept(c, SVM_EXIT_LDTR_READ, on && wants(WATCH_LDTR, WATCH_READ));
	vmcb_intercept(c, SVM_EXIT_TR_READ, on && wants(WATCH_TR, WATCH_READ));
}

/* Without a watch svm_cr.c decides about CR0 and CR4. */
static void watch_control(struct vmcb_control *c)
{
	vmcb_intercept(c, SVM_EXIT_CR0_WRITE, wants(WATCH_CR0, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_CR3_WRITE, wants(WATCH_CR3, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_CR4_WRITE, !svm_caps.strict_cr || wants(WATCH_CR4, WATCH_WRITE));
}

/* An instruction that was let through may need several steps: what is open for it stays open until it is closed. */
void svm_watch_registers(struct cpu *cpu)
{
	struct vmcb_control *c = &vmcb_of(cpu)->control;

	if (!(svm_of(cpu)->pending & SVM_CR_OPEN))
		watch_control(c);
	vmcb_intercept(c, SVM_EXIT_DR5_WRITE, wants(WATCH_DR7, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_DR7_WRITE, wants(WATCH_DR7, WATCH_WRITE));
	vmcb_intercept(c, SVM_EXIT_XSETBV, wants(WATCH_XCR0, WATCH_WRITE));
	svm_watch_tables(cpu, !(cpu->work & CPU_WORK_OPEN));
}

enum {
	EBX = 1,
	ECX,
	EDX
};

/* By CPUID: APM vol. 2 3.1.3 and vol. 3 appendix E. */
uint64_t svm_cr4_bits(void)
{
	static const struct {
		uint8_t leaf, reg, bit;
		uint32_t bits;
	} rows[] = {
		{1, EDX, 1, CR4_VME | CR4_PVI},
		{1, EDX, 2, CR4_DE},
		{1, EDX, 3, CR4_PSE},
		{1, EDX, 4, CR4_TSD},
		{1, EDX, 6, CR4_PAE},
		{1, EDX, 7, CR4_MCE},
		{1, EDX, 13, CR4_PGE},
		{1, EDX, 24, CR4_OSFXSR},
		{1, EDX, 25, CR4_OSXMMEXCPT},
		{1, ECX, 17, CR4_PCIDE},
		{1, ECX, 26, CR4_OSXSAVE},
		{7, EBX, 0, CR4_FSGSBASE},
		{7, EBX, 7, CR4_SMEP},
		{7, EBX, 20, CR4_SMAP},
		{7, ECX, 2, CR4_UMIP},
		{7, ECX, 3, CR4_PKE},
		{7, ECX, 7, CR4_CET},
		{7, ECX, 16, CR4_LA57},
	};
	uint64_t bits = CR4_PCE;

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct cpuid r = cpuid(rows[i].leaf, 0);
		uint32_t words[] = {r.eax, r.ebx, r.ecx, r.edx};

		if (rows[i].leaf <= cpuid(0, 0).eax && words[rows[i].reg] >> rows[i].bit & 1)
			bits |= rows[i].bits;
	}
	return bits;
}
