// SPDX-License-Identifier: MIT
/*
 * Deliberate faults of the VMM, for the tests of the fault screen. Only in a test build (make
 * test-efi).
 */
#ifndef TRAPLINE_TEST_FAULTS_H
#define TRAPLINE_TEST_FAULTS_H

#include <stdint.h>

/* RAX of the VMCALL that requests one; RBX is its number in TEST_FAULTS. */
#define TEST_FAULT_CALL 0x7261705474736554ull /* "TestTrap" */

/* X(name, effect) */
#define TEST_FAULTS(X)                                                                                       \
	X(BAD_POINTER, "writes to an address that nothing is mapped at")                                     \
	X(READ_ONLY, "writes to the VMM's own code")                                                         \
	X(STACK_OVERFLOW, "recurses into the guard page: #DF on its own stack")                              \
	X(BAD_OPCODE, "runs UD2")                                                                            \
	X(BAD_MSR, "reads an MSR that is none; an emulator may let it")                                      \
	X(SHADOW_WITHOUT_IF,                                                                                 \
		"takes IF away in the shadow of a STI, which VT-x does not enter: no fault, it is "          \
		"corrected")                                                                                 \
	X(DIVIDE, "divides by zero")                                                                         \
	X(BAD_STATE, "gives the guest a DR7 that the CPU does not enter it with")                            \
	X(ASSERTION, "finds a state that must not happen")                                                   \
	X(IN_SCREEN, "a bad pointer, and another fault in a step of the fault screen")                       \
	X(OVERFLOW_IN_SCREEN, "a bad pointer, and a stack overflow in a step of the fault screen")

#define X(name, meaning) TEST_FAULT_##name,
enum test_fault {
	TEST_FAULTS(X) TEST_FAULT_COUNT
};
#undef X

struct cpu;

/* Replaces exit_vmcall: passes other calls on. */
void exit_test_vmcall(struct cpu *cpu);

#endif
