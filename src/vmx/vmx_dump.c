// SPDX-License-Identifier: MIT
/* Prints the VMCS in words: every field by name, exit reasons, VM-instruction errors. */
#include "vmx/vmx.h"
#include "lib/array.h"
#include "log/log.h"

#define X(number, name) [number] = #name,
static const char *const exit_names[] = {VMX_EXITS(X)};
#undef X

const char *vmx_exit_name(uint64_t reason)
{
	const char *name = reason < ARRAY_SIZE(exit_names) ? exit_names[reason] : NULL;

	return name ? name : "not in the list";
}

/* Table 31-1 */
const char *vmx_instruction_error(uint64_t number)
{
	static const char *const names[] = {
		[1] = "VMCALL in VMX root operation",
		[2] = "VMCLEAR with an invalid physical address",
		[3] = "VMCLEAR with the VMXON pointer",
		[4] = "VMLAUNCH with a VMCS that is not clear",
		[5] = "VMRESUME with a VMCS that is not launched",
		[6] = "VMRESUME after VMXOFF",
		[7] = "a VM-execution control, a VM-exit or VM-entry control, or the event to inject is not "
		      "valid",
		[8] = "a field of the host's state is not valid",
		[9] = "VMPTRLD with an invalid physical address",
		[10] = "VMPTRLD with the VMXON pointer",
		[11] = "VMPTRLD with another VMCS revision",
		[12] = "VMREAD or VMWRITE of a field that the CPU does not have",
		[13] = "VMWRITE of a read-only field",
		[15] = "VMXON in VMX root operation",
		[16] = "the executive-VMCS pointer is not valid",
		[17] = "the executive VMCS is not launched",
		[18] = "the executive-VMCS pointer is not the VMXON pointer",
		[19] = "VMCALL with a VMCS that is not clear",
		[20] = "VMCALL with invalid VM-exit controls",
		[22] = "VMCALL with another MSEG revision",
		[23] = "VMXOFF under dual-monitor treatment",
		[24] = "VMCALL with invalid SMM-monitor features",
		[25] = "invalid VM-execution controls in the executive VMCS",
		[26] = "a MOV SS shadow blocks events",
		[28] = "INVEPT or INVVPID with an invalid operand",
	};
	const char *name = number < ARRAY_SIZE(names) ? names[number] : NULL;

	return name ? name : "an error without a name";
}

static bool vmread_exists(uint32_t field, uint64_t *value)
{
	bool ok;

	__asm__ volatile("vmread %2, %1" : "=@cca"(ok), "=r"(*value) : "r"((uint64_t)field));
	return ok;
}

/* The number of digits for a field's width, table 25-21. */
static int digits(uint32_t field)
{
	static const int by_width[] = {4, 16, 8, 16};

	return by_width[VMCS_WIDTH(field)];
}

void vmx_dump(const struct cpu *cpu)
{
#define X(encoding, name) {encoding, #name},
	static const struct {
		uint32_t field;
		const char *name;
	} fields[] = {VMCS_FIELDS(X)};
#undef X
	const char *reason = vmx_exit_name(vmread(VMCS_EXIT_REASON) & EXIT_REASON_BASIC);
	uint64_t value;

	log_print("  exit reason %s, guest cr2=%016lx", reason, cpu->vendor_asm[0]);
	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++)
		if (vmread_exists(fields[i].field, &value))
			log_print("  %04x %-22s %0*lx", fields[i].field, fields[i].name,
				digits(fields[i].field), value);
}
