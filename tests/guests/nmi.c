// SPDX-License-Identifier: MIT
/*
 * Non-maskable interrupts that the CPU sends to itself through its local APIC.
 *
 * SDM vol. 3A 6.7.1, APM vol. 2 8.2.3: while an NMI is being handled the next one is held back until an IRET
 * has been executed. It is then taken after the IRET, not before it. A handler on an IST stack
 * depends on that: a frame that is pushed too early overwrites the one that the IRET is about to pop.
 * Hypervisors that intercept NMIs have to emulate all of this, and IRET exits come before the
 * instruction.
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"

const char guest_name[] = "nmi";

#define APIC_ID       0x20
#define APIC_ICR_LOW  0x300
#define APIC_ICR_HIGH 0x310
#define ICR_NMI       0x4400 /* delivery mode NMI, level assert */
#define SPINS         100000

/* Stored by the handler, in the order of entries. */
static volatile unsigned taken;
static volatile unsigned taken_inside; /* how many there were when the first one was at its IRET */
static volatile uint64_t frame_rip[4], frame_rsp[4];
static volatile unsigned to_send; /* what the first invocation sends while it runs */
extern const uint8_t nmi_entry[], nmi_iret[];

static volatile uint32_t *apic;

static void send_nmi(void)
{
	apic[APIC_ICR_HIGH / 4] = apic[APIC_ID / 4] & 0xff000000;
	apic[APIC_ICR_LOW / 4] = ICR_NMI;
}

static void spin(void)
{
	for (unsigned i = 0; i < SPINS; i++)
		__asm__ volatile("" : : : "memory");
}

__attribute__((used)) static void nmi_handler(const uint64_t *frame)
{
	unsigned n = taken;

	if (n < 4) {
		frame_rip[n] = frame[0];
		frame_rsp[n] = frame[3];
	}
	taken = n + 1;
	if (n)
		return;
	for (unsigned i = 0; i < to_send; i++) {
		send_nmi();
		spin();
	}
	taken_inside = taken;
}

__asm__(".text\n"
	"nmi_entry:\n"
	"	push %rax\n	push %rcx\n	push %rdx\n	push %rsi\n	push %rdi\n"
	"	push %r8\n	push %r9\n	push %r10\n	push %r11\n"
	"	lea 72(%rsp), %rdi\n"
	"	mov %rsp, %rax\n	and $-16, %rsp\n	push %rax\n	push %rax\n"
	"	call nmi_handler\n"
	"	pop %rsp\n"
	"	pop %r11\n	pop %r10\n	pop %r9\n	pop %r8\n"
	"	pop %rdi\n	pop %rsi\n	pop %rdx\n	pop %rcx\n	pop %rax\n"
	"nmi_iret:\n"
	"	iretq\n");

static void run(const char *name, unsigned inside, unsigned ist)
{
	machine_reset();
	machine_set_handler(2, nmi_entry);
	machine_idt[2].ist = (uint8_t)ist;
	taken = taken_inside = 0;
	to_send = inside;
	send_nmi();
	spin();
	print("case name=%s taken=%u inside=%u second=%s\n", name, taken, taken_inside,
		taken < 2                            ? "none"
		: frame_rip[1] == (uint64_t)nmi_iret ? "before-iret"
		: frame_rsp[1] == frame_rsp[0]       ? "after-iret"
						     : "nested");
}

EFI_STATUS guest_main(void)
{
	apic = (volatile uint32_t *)(rdmsr(MSR_APIC_BASE) & 0xfffff000);
	machine_take();
	run("one", 0, 0);
	run("one_ist", 0, IST_SPARE);
	run("second_waits", 1, 0);
	run("second_waits_ist", 1, IST_SPARE);
	run("third_is_lost", 2, 0); /* one is held, more are not counted: SDM vol. 3A 6.7.1 */
	machine_give_back();
	return EFI_SUCCESS;
}
