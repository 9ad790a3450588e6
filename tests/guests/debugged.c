// SPDX-License-Identifier: MIT
/*
 * For a debugger: a function with arguments, a variable that it changes, instructions that exit, and a fault with its handler. It runs, with
 * interrupts on, until the debugger sets debugged_order.
 *
 * The load option other has the second CPU call debugged_other() all the time.
 */
#include "lib/ap.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

const char guest_name[] = "debugged";

enum order {
	WORK,
	FAULT, /* once, with its own handler */
	RESET,
	END
};

volatile uint32_t debugged_order, debugged_total, debugged_faults, debugged_others;
volatile uint64_t debugged_read = 0x1122334455667788;

/* CPUID, RDMSR and WRMSR of IA32_APIC_BASE, VMCALL of a name that is none, IN of a port of COM2's, and PUSHF. */
__asm__(".pushsection .text\n"
	".balign 16\n"
	"debugged_exits: push %rbx\n"
	"xor %eax, %eax\n"
	"cpuid\n"
	"mov $0x1b, %ecx\n"
	"rdmsr\n"
	"wrmsr\n"
	"xor %eax, %eax\n"
	"xor %ebx, %ebx\n"
	"vmcall\n"
	"mov $0x2fd, %edx\n"
	"in %dx, %al\n"
	"pushfq\n"
	"pop %rax\n"
	"pop %rbx\n"
	"ret\n"
	".balign 16\n"
	"debugged_fault: ud2\n"
	"debugged_behind: ret\n"
	"debugged_handler: incl debugged_faults(%rip)\n"
	"addq $2, (%rsp)\n"
	"iretq\n"
	".popsection\n");
void debugged_exits(void);
void debugged_fault(void);
extern const uint8_t debugged_handler[];

__attribute__((noipa)) static void debugged_add(uint32_t a, uint32_t b)
{
	debugged_total = debugged_total + a * b;
}

__attribute__((noipa)) static void debugged_other(uint32_t times)
{
	debugged_others = times;
}

static void run_other(unsigned id)
{
	(void)id;
	for (uint32_t times = 1;; times++)
		debugged_other(times);
}

static bool start_other(void)
{
	if (!ap_start_second(run_other))
		return false;
	aps[1].order = AP_TASK;
	return true;
}

static void fault(void)
{
	debugged_order = WORK;
	machine_take();
	machine_set_handler(VECTOR_UD, debugged_handler);
	debugged_fault();
	machine_give_back();
}

EFI_STATUS guest_main(void)
{
	if (guest_option("other") && !start_other())
		return EFI_DEVICE_ERROR;
	print("debugged at=0x%lx\n", (uint64_t)&debugged_order);
	__asm__ volatile("sti");
	for (uint32_t n = 1; debugged_order != END; n++) {
		debugged_add(n, 3);
		debugged_exits();
		if (debugged_order == FAULT)
			fault();
		if (debugged_order == RESET)
			outb(0xcf9, 6);
	}
	print("debugged faults=%u total=%u read=%u\n", debugged_faults, debugged_total, debugged_read != 0);
	return EFI_SUCCESS;
}
