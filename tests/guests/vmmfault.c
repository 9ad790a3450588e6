// SPDX-License-Identifier: MIT
/*
 * Makes a test build of Trapline fault (src/exit/test_faults.h): the load option fault= names the
 * kind. In any other build, and bare, it has no effect.
 */
#include "exit/test_faults.h"
#include "lib/guest.h"

const char guest_name[] = "vmmfault";

#define X(name, meaning) #name,
static const char *const names[] = {TEST_FAULTS(X)};
#undef X

static void call(uint64_t which)
{
	uint64_t result = TEST_FAULT_CALL;

	/* in the shadow of a STI, which one kind needs */
	if (guest_emulator() & EMU_BOCHS_VMX)
		__asm__ volatile("cli; sti; vmcall; sti" : "+a"(result) : "b"(which) : "memory");
	else
		__asm__ volatile("cli; sti; vmmcall; sti" : "+a"(result) : "b"(which) : "memory");
	print("the call came back with %lx\n", result);
}

EFI_STATUS guest_main(void)
{
	const char *fault = guest_value("fault");

	for (unsigned i = 0; i < TEST_FAULT_COUNT; i++) {
		if (!guest_listed(fault ? fault : "", names[i]))
			continue;
		print("fault=%s\n", names[i]);
		call(i);
	}
	return EFI_SUCCESS;
}
