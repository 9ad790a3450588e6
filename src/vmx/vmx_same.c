// SPDX-License-Identifier: MIT
#include "vmx/vmx_same.h"
#include "hw/msr.h"
#include "lib/printf.h"
#include "vmx/vmcs.h"

#define LINE_MAX 160
#define BASIC_USED                                                                                           \
	(0x7fffffffull | 1ull << 55 | 1ull << 56) /* revision, TRUE controls, error codes of any vector */
#define MISC_USED (0x1full | 1ull << 8)           /* the timer's rate, wait-for-SIPI */
#define EPT_USED                                                                                             \
	(EPT_CAP_WALK_4 | EPT_CAP_WB | EPT_CAP_2M | EPT_CAP_1G | EPT_CAP_INVEPT | EPT_CAP_INVEPT_SINGLE |    \
		EPT_CAP_INVEPT_ALL | VPID_CAP_INVVPID_ALL)
#define ALL ~0ull

const char *vmx_differs(const struct vmx_caps *boot, const struct vmx_caps *other)
{
	const struct vmx_controls *b = &boot->controls, *o = &other->controls;
	const struct {
		uint32_t msr;
		uint64_t boot, other, used;
	} words[] = {
		{MSR_VMX_BASIC, boot->basic, other->basic, BASIC_USED},
		{MSR_VMX_PINBASED_CTLS, b->pin, o->pin, ALL},
		{MSR_VMX_PROCBASED_CTLS, b->cpu, o->cpu, ALL},
		{MSR_VMX_PROCBASED_CTLS2, b->cpu2, o->cpu2, ALL},
		{MSR_VMX_EXIT_CTLS, b->exit, o->exit, ALL},
		{MSR_VMX_ENTRY_CTLS, b->entry, o->entry, ALL},
		{MSR_VMX_MISC, boot->misc, other->misc, MISC_USED},
		{MSR_VMX_EPT_VPID_CAP, boot->ept_vpid, other->ept_vpid, EPT_USED},
		{MSR_VMX_CR0_FIXED0, boot->cr0_fixed0, other->cr0_fixed0, ALL},
		{MSR_VMX_CR0_FIXED1, boot->cr0_fixed1, other->cr0_fixed1, ALL},
		{MSR_VMX_CR4_FIXED0, boot->cr4_fixed0, other->cr4_fixed0, ALL},
		{MSR_VMX_CR4_FIXED1, boot->cr4_fixed1, other->cr4_fixed1, ALL},
	};
	static char line[LINE_MAX];

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if ((words[i].boot ^ words[i].other) & words[i].used) {
			snprintf(line, sizeof(line),
				"its VT-x differs from the boot CPU's: %s asks for 0x%lx instead of 0x%lx",
				msr_name(words[i].msr), words[i].other & words[i].used,
				words[i].boot & words[i].used);
			return line;
		}
	return NULL;
}
