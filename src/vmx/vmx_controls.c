// SPDX-License-Identifier: MIT
/*
 * Computes the control words from the capability MSRs: bits that must be set, bits that Trapline needs, and wanted bits that the
 * CPU allows (SDM vol. 3D appendix A.2 to A.5).
 */
#include "hw/msr.h"
#include <boot/boot_info.h>
#include "lib/array.h"
#include "lib/printf.h"
#include "vmx/vmx_controls.h"
#include "vmx/vmcs.h"

#define BASIC_TRUE_CONTROLS (1ull << 55)

static const struct word_msr {
	uint32_t msr, true_msr;
} msrs[] = {
	[VMX_WORD_PIN] = {MSR_VMX_PINBASED_CTLS, MSR_VMX_TRUE_PINBASED_CTLS},
	[VMX_WORD_CPU] = {MSR_VMX_PROCBASED_CTLS, MSR_VMX_TRUE_PROCBASED_CTLS},
	[VMX_WORD_CPU2] = {MSR_VMX_PROCBASED_CTLS2, MSR_VMX_PROCBASED_CTLS2},
	[VMX_WORD_EXIT] = {MSR_VMX_EXIT_CTLS, MSR_VMX_TRUE_EXIT_CTLS},
	[VMX_WORD_ENTRY] = {MSR_VMX_ENTRY_CTLS, MSR_VMX_TRUE_ENTRY_CTLS},
};

#define X(word, bit, name, rule, text) {VMX_WORD_##word, VMX_##rule, 1u << (bit), text},
static const struct control {
	enum vmx_control_word word;
	enum vmx_rule rule;
	uint32_t bit;
	const char *text;
} controls[] = {VMX_CONTROLS(X)};
#undef X

static uint32_t bits_of(enum vmx_control_word word, enum vmx_rule rule)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(controls); i++)
		if (controls[i].word == word && controls[i].rule == rule)
			bits |= controls[i].bit;
	return bits;
}

static const char *complain(enum vmx_control_word word, uint32_t bits, const char *what)
{
	static char line[BOOT_ERROR_MAX];

	for (unsigned i = 0; i < ARRAY_SIZE(controls); i++)
		if (controls[i].word == word && (controls[i].bit & bits)) {
			snprintf(line, sizeof(line), "this CPU's VT-x %s \"%s\" (MSR 0x%x)", what,
				controls[i].text, msrs[word].msr);
			return line;
		}
	return "this CPU's VT-x lacks a control";
}

/* What the words are computed from. */
struct request {
	uint64_t (*read)(uint32_t msr);
	uint64_t basic;
	const uint32_t *asked;
};

static uint64_t capabilities(uint64_t (*read)(uint32_t msr), uint64_t basic, enum vmx_control_word word)
{
	return read(basic & BASIC_TRUE_CONTROLS ? msrs[word].true_msr : msrs[word].msr);
}

bool vmx_may(uint64_t (*read)(uint32_t msr), uint64_t basic, enum vmx_control_word word, uint32_t control)
{
	return capabilities(read, basic, word) >> 32 & control;
}

/* The low half of a capability MSR has the bits that must be 1, the high half those that may be 1. */
static const char *compute(const struct request *r, enum vmx_control_word word, uint32_t *out)
{
	uint64_t caps = capabilities(r->read, r->basic, word);
	uint32_t must = (uint32_t)caps, may = caps >> 32;
	uint32_t required = bits_of(word, VMX_REQUIRED) | r->asked[word];
	uint32_t needed = required | bits_of(word, VMX_SOMETIMES), forbidden = bits_of(word, VMX_FORBIDDEN);

	if (needed & ~may)
		return complain(word, needed & ~may, "has no");
	if (forbidden & must)
		return complain(word, forbidden & must, "cannot go without");
	*out = must | required | (bits_of(word, VMX_WANTED) & may);
	return NULL;
}

const char *vmx_controls_compute(uint64_t (*read)(uint32_t msr), uint64_t basic,
	const uint32_t asked[VMX_CONTROL_WORDS], struct vmx_controls *c)
{
	const struct request r = {read, basic, asked};
	const char *error = compute(&r, VMX_WORD_PIN, &c->pin);

	if (!error)
		error = compute(&r, VMX_WORD_CPU, &c->cpu);
	if (!error) /* the MSR exists if the secondary controls do */
		error = compute(&r, VMX_WORD_CPU2, &c->cpu2);
	if (!error)
		error = compute(&r, VMX_WORD_EXIT, &c->exit);
	if (!(c->pin & PIN_PREEMPTION_TIMER)) /* 27.2.1.2 */
		c->exit &= ~(uint32_t)EXIT_SAVE_TIMER;
	if (!error)
		error = compute(&r, VMX_WORD_ENTRY, &c->entry);
	return error;
}
