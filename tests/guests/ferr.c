// SPDX-License-Identifier: MIT
/*
 * x87 errors with CR0.NE clear: the CPU asserts FERR#, which the chipset turns into IRQ 13 of the 8259s, and no #MF is raised
 * (SDM vol. 3A 2.5, vol. 1 8.7). The handler writes to port 0xf0, which drops the request, and ends the interrupt at both
 * 8259s. VMX operation fixes NE at 1, where the same error is a #MF: a hypervisor on VT-x has to make the interrupt itself.
 *
 * Each step is a line, the same bare and under Trapline: how often each handler ran. The RIP in the interrupt's frame is not compared:
 * Bochs executes the instruction before which a CPU waits.
 */
#include <efi.h>

#include "hw/x86.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"

const char guest_name[] = "ferr";

#define PIC1         0x20
#define PIC2         0xa0
#define BASE1        0x68 /* the firmware's own, so that nothing has to be put back */
#define BASE2        0x70
#define VECTOR_IRQ13 (BASE2 + 5)
#define VECTOR_MF    16
#define ONLY_CASCADE 0xfb
#define ONLY_IRQ13   0xdf
#define SPINS        10000

static volatile uint32_t interrupts, faults;

extern const uint8_t ferr_irq13[], ferr_mf[];
__asm__(".text\n"
	"ferr_irq13: push %rax; incl interrupts(%rip); xor %eax, %eax; out %al, $0xf0; fnclex\n"
	"mov $0x20, %al; out %al, $0xa0; out %al, $0x20; pop %rax; iretq\n"
	"ferr_mf: incl faults(%rip); fnclex; iretq\n");

/* SDM has nothing on it; Intel 8259A data sheet, initialization command words 1 to 4. */
static void start_pics(void)
{
	outb(PIC1, 0x11);
	outb(PIC1 + 1, BASE1);
	outb(PIC1 + 1, 4);
	outb(PIC1 + 1, 1);
	outb(PIC2, 0x11);
	outb(PIC2 + 1, BASE2);
	outb(PIC2 + 1, 2);
	outb(PIC2 + 1, 1);
	outb(PIC1 + 1, ONLY_CASCADE);
	outb(PIC2 + 1, ONLY_IRQ13);
}

/* Divides by zero; the error is then pending, and the next FPU instruction that waits takes it. */
static void divide(void)
{
	static const uint16_t unmasked = 0x037b; /* all but the division by zero are masked */

	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(unmasked));
	for (unsigned i = 0; i < SPINS; i++)
		__asm__ volatile("pause");
	__asm__ volatile("fninit");
}

static void step(const char *name, bool numeric_error)
{
	write_cr0(numeric_error ? read_cr0() | CR0_NE : read_cr0() & ~CR0_NE);
	interrupts = faults = 0;
	__asm__ volatile("sti");
	divide();
	__asm__ volatile("cli");
	print("case name=ferr step=%s ne=%u interrupts=%u faults=%u\n", name, !!(read_cr0() & CR0_NE),
		interrupts, faults);
}

EFI_STATUS guest_main(void)
{
	machine_take();
	machine_set_handler(VECTOR_IRQ13, ferr_irq13);
	machine_set_handler(VECTOR_MF, ferr_mf);
	start_pics();
	step("fault", true);
	step("interrupt", false);
	step("again", false);
	step("fault_again", true);
	machine_give_back();
	return EFI_SUCCESS;
}
