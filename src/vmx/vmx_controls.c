/*
 * The control words, from the capability MSRs: what must be set, what we need, what we would like and the CPU
 * allows (SDM vol. 3D appendix A.2 to A.5).
 */
#include "hw/msr.h"
#include <boot/boot_info.h>
#include "lib/array.h"
#include "lib/printf.h"
#include "vmx/vmx_controls.h"
#include "vmx/vmcs.h"

#define BASIC_TRUE_CONTROLS (1ull << 55)

/* What is on, and what has to be off; external-interrupt, NMI-window and interrupt-window exiting come and
 * go. */
enum {
	PIN_REQUIRED = PIN_NMI_EXITING | PIN_VIRTUAL_NMIS,
	PIN_SOMETIMES = PIN_INTERRUPT_EXITING,
	CPU_REQUIRED = CPU_IO_BITMAPS | CPU_MSR_BITMAPS | CPU_SECONDARY,
	CPU_SOMETIMES = CPU_INTERRUPT_WINDOW | CPU_NMI_WINDOW,
	CPU_FORBIDDEN = CPU_CR3_LOAD_EXITING | CPU_CR3_STORE_EXITING,
	CPU2_REQUIRED = CPU2_EPT | CPU2_UNRESTRICTED,
	/* Without these the instructions raise #UD in the guest, whatever CPUID says (26.3). */
	CPU2_WANTED = CPU2_RDTSCP | CPU2_VPID | CPU2_INVPCID | CPU2_XSAVES | CPU2_USER_WAIT | CPU2_PCONFIG,
	EXIT_REQUIRED = EXIT_SAVE_DEBUG | EXIT_HOST_64 | EXIT_SAVE_PAT | EXIT_LOAD_PAT | EXIT_SAVE_EFER |
			EXIT_LOAD_EFER,
	ENTRY_REQUIRED = ENTRY_LOAD_DEBUG | ENTRY_GUEST_64 | ENTRY_LOAD_PAT | ENTRY_LOAD_EFER,
};

enum word {
	WORD_PIN,
	WORD_CPU,
	WORD_CPU2,
	WORD_EXIT,
	WORD_ENTRY
};

/* clang-format off */
static const struct rule {
	uint32_t msr, true_msr;
	uint32_t required, wanted, sometimes, forbidden;
} rules[] = {
	[WORD_PIN] = {MSR_VMX_PINBASED_CTLS, MSR_VMX_TRUE_PINBASED_CTLS, PIN_REQUIRED, PIN_PREEMPTION_TIMER, PIN_SOMETIMES, 0},
	[WORD_CPU] = {MSR_VMX_PROCBASED_CTLS, MSR_VMX_TRUE_PROCBASED_CTLS, CPU_REQUIRED, 0, CPU_SOMETIMES, CPU_FORBIDDEN},
	[WORD_CPU2] = {MSR_VMX_PROCBASED_CTLS2, MSR_VMX_PROCBASED_CTLS2, CPU2_REQUIRED, CPU2_WANTED, 0, 0},
	[WORD_EXIT] = {MSR_VMX_EXIT_CTLS, MSR_VMX_TRUE_EXIT_CTLS, EXIT_REQUIRED, EXIT_SAVE_TIMER, 0, 0},
	[WORD_ENTRY] = {MSR_VMX_ENTRY_CTLS, MSR_VMX_TRUE_ENTRY_CTLS, ENTRY_REQUIRED, 0, 0, 0},
};

#define X(word, bit, name, text) {WORD_##word, 1u << (bit), text},
static const struct control {
	enum word word;
	uint32_t bit;
	const char *text;
} controls[] = {VMX_CONTROLS(X)};
#undef X
/* clang-format on */

static const char *complain(enum word word, uint32_t bits, const char *what)
{
	static char line[BOOT_ERROR_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(controls); i++)
		if (controls[i].word == word && (controls[i].bit & bits)) {
			snprintf(line, sizeof(line), "this CPU's VT-x %s \"%s\" (MSR 0x%x)", what,
				controls[i].text, rules[word].msr);
			return line;
		}
	return "this CPU's VT-x lacks a control";
}

/* The low half of a capability MSR has the bits that must be 1, the high half those that may be. */
static const char *compute(enum word word, uint64_t (*read)(uint32_t msr), uint64_t basic, uint32_t *out)
{
	const struct rule *r = &rules[word];
	uint64_t caps = read(basic & BASIC_TRUE_CONTROLS ? r->true_msr : r->msr);
	uint32_t must = (uint32_t)caps, may = caps >> 32;

	if ((r->required | r->sometimes) & ~may)
		return complain(word, (r->required | r->sometimes) & ~may, "has no");
	if (r->forbidden & must)
		return complain(word, r->forbidden & must, "cannot go without");
	*out = must | r->required | (r->wanted & may);
	return NULL;
}

const char *vmx_controls_compute(uint64_t (*read)(uint32_t msr), uint64_t basic, struct vmx_controls *c)
{
	const char *error = compute(WORD_PIN, read, basic, &c->pin);

	if (!error)
		error = compute(WORD_CPU, read, basic, &c->cpu);
	if (!error) /* the MSR exists where the secondary controls do */
		error = compute(WORD_CPU2, read, basic, &c->cpu2);
	if (!error)
		error = compute(WORD_EXIT, read, basic, &c->exit);
	if (!(c->pin & PIN_PREEMPTION_TIMER)) /* 27.2.1.2 */
		c->exit &= ~(uint32_t)EXIT_SAVE_TIMER;
	if (!error)
		error = compute(WORD_ENTRY, read, basic, &c->entry);
	return error;
}
