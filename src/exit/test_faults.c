// SPDX-License-Identifier: MIT
#include "exit/test_faults.h"
#include "exit/handlers.h"

#ifdef TRAPLINE_TEST

#include "report/fault.h"
#include "hw/asm.h"
#include "hw/x86.h"
#include "vendor.h"

#define DR7_HIGH (1ull << 32)

/* between GUEST_RAM and POOL_BASE, beyond any RAM (src/mem/layout.h) */
#define NOWHERE 0xffff900000000123ull

static enum test_fault pending = TEST_FAULT_COUNT;

/* The sum prevents the compiler from making a loop of it. */
__attribute__((noinline)) static uint64_t overflow(uint64_t depth)
{
	volatile uint64_t frame[64];

	frame[0] = depth;
	return depth == ~0ull ? 0 : overflow(depth + 1) + frame[0];
}

static void write_to(uint64_t address)
{
	*(volatile uint64_t *)address = 1;
}

static void divide(void)
{
	unsigned value = 1000;

	__asm__ volatile("xor %%edx, %%edx\n\tdiv %1" : "+a"(value) : "r"(0) : "edx");
}

static void fault_in_screen(void)
{
	enum test_fault which = pending;

	pending = TEST_FAULT_COUNT;
	if (which == TEST_FAULT_IN_SCREEN)
		write_to(NOWHERE + 8);
	else if (which == TEST_FAULT_OVERFLOW_IN_SCREEN)
		overflow(0);
}

static void fault_on_purpose(struct cpu *cpu, enum test_fault which)
{
	switch (which) {
	case TEST_FAULT_IN_SCREEN:
	case TEST_FAULT_OVERFLOW_IN_SCREEN:
		pending = which;
		fault_in_step = fault_in_screen;
		write_to(NOWHERE);
		break;
	case TEST_FAULT_BAD_POINTER:
		write_to(NOWHERE);
		break;
	case TEST_FAULT_READ_ONLY:
		write_to((uint64_t)exit_test_vmcall);
		break;
	case TEST_FAULT_STACK_OVERFLOW:
		overflow(0);
		break;
	case TEST_FAULT_BAD_OPCODE:
		__asm__ volatile("ud2");
		break;
	case TEST_FAULT_BAD_MSR:
		rdmsr(0x4fffffff);
		break;
	case TEST_FAULT_BAD_STATE:
		vendor->state.set(cpu, GUEST_DR7, vendor->state.get(cpu, GUEST_DR7) | DR7_HIGH);
		break;
	case TEST_FAULT_DIVIDE:
		divide();
		break;
	default:
		fault_fatal(cpu, "a state that must not happen, as the test asked for");
	}
}

/* Once: the guest executes the call again, without IF. */
static bool take_if(struct cpu *cpu)
{
	uint64_t rflags = vendor->state.get(cpu, GUEST_RFLAGS);

	vendor->state.set(cpu, GUEST_RFLAGS, rflags & ~RFLAGS_IF);
	return rflags & RFLAGS_IF;
}

void exit_test_vmcall(struct cpu *cpu)
{
	if (cpu->gpr[TRAP_RAX] != TEST_FAULT_CALL) {
		exit_vmcall(cpu);
		return;
	}
	if (cpu->gpr[TRAP_RBX] == TEST_FAULT_SHADOW_WITHOUT_IF) {
		if (!take_if(cpu))
			exit_skip(cpu);
		return;
	}
	fault_on_purpose(cpu, (enum test_fault)cpu->gpr[TRAP_RBX]);
	exit_skip(cpu); /* it did not fault on this CPU */
}

#endif
