// SPDX-License-Identifier: MIT
/*
 * Hangs in a way that a debugger has to find: the load option way= says how. Only a reset, or a debugger beneath it, ends
 * it.
 *
 *   loop   waits for a word in memory that nobody ever writes, with interrupts on
 *   storm  raises #UD as fast as it can, with interrupts off; the handler skips the instruction
 *   quiet  one #UD, then the same with #PF, which Trapline does not print by default
 *   look   reads COM2's line status, with interrupts on, and prints it when it changes to or from all ones (no UART)
 *   deaf   jumps to itself with interrupts off
 *   lone   the same behind an #UD; cpu1= says what the other CPU does meanwhile:
 *            beats   ends interrupts all the time
 *            mwaits  for a store that never comes, as in the loops of some firmware
 *            waits   for a SIPI
 *            loops   stays in the firmware's loop: it halts with interrupts off
 *   other  the other CPU does the same as with lone, and this one waits as with loop
 *   lock   #UD, whose handler waits by PAUSE, with interrupts off, as for a lock
 *   halt   #UD, whose handler halts with interrupts off
 *   alone  waits by PAUSE, interrupts on, with the local APIC switched off, as a kernel after a panic
 *   idle   the same, by HLT
 *   x2apic #UD, then the local APIC is switched off by the MSR that x2APIC has for its SVR; waits by PAUSE
 *
 * With freeze Trapline's rings are frozen before that.
 */
#include "lib/ap.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

#define MILLISECOND  10000 /* in units of 100 ns */
#define INIT_TO_SIPI 10000 /* microseconds, SDM vol. 3A 9.4.4.1 */
#define COM2_STATUS  0x2fd

const char guest_name[] = "hang";

/* Moves RIP past the faulting instruction of two bytes; the second one removes the error code first. */
__asm__(".pushsection .text\n"
	".balign 16\n"
	"hang_skip_error: lea 8(%rsp), %rsp\n"
	"hang_skip: addq $2, (%rsp)\n"
	"iretq\n"
	"hang_halt: hlt\n"
	"jmp hang_halt\n"
	"hang_deaf: jmp hang_deaf\n"
	"hang_lock: pause\n"
	"jmp hang_lock\n"
	".popsection\n");
extern const uint8_t hang_skip[], hang_skip_error[], hang_halt[], hang_deaf[], hang_lock[];

/* EFI_TIMER_ARCH_PROTOCOL, PI specification, volume 2, 12.10 */
struct timer {
	void *register_handler;
	EFI_STATUS(EFIAPI *set_period)(struct timer *timer, UINT64 period); /* of 100 ns */
};

/* OVMF's tick on Bochs is 200 ms by the UART's clock: with so few exits most of what is typed would be lost. */
static void tick_fast(void)
{
	static EFI_GUID guid = {0x26baccb3, 0x6f42, 0x11d4, {0xbc, 0xe7, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}};
	struct timer *timer;

	if (guest_emulator() & EMU_BOCHS &&
		guest_firmware->BootServices->LocateProtocol(&guid, NULL, (void **)&timer) == EFI_SUCCESS)
		timer->set_period(timer, MILLISECOND);
}

static void loop(void)
{
	static volatile uint32_t flag;

	tick_fast();
	print("hang waits=0x%lx\n", (uint64_t)&flag);
	__asm__ volatile("sti");
	while (!flag)
		;
}

static void storm(void)
{
	machine_take();
	machine_set_handler(VECTOR_UD, hang_skip);
	for (;;)
		__asm__ volatile("ud2");
}

static void quiet(void)
{
	machine_take();
	machine_set_handler(VECTOR_UD, hang_skip);
	machine_set_handler(VECTOR_PF, hang_skip_error);
	__asm__ volatile("ud2");
	for (;;)
		__asm__ volatile("mov (%0), %%al" : : "S"(PAGE_ABSENT) : "al");
}

static void look(void)
{
	bool there = true;

	tick_fast();
	__asm__ volatile("sti");
	for (;;)
		if ((inb(COM2_STATUS) != 0xff) != there) {
			there = !there;
			print("hang there=%u\n", there);
		}
}

static void deaf(void)
{
	__asm__ volatile("cli");
	for (;;)
		;
}

static void end_interrupts(unsigned id)
{
	(void)id;
	for (;;)
		apic_write(APIC_EOI, 0);
}

static void wait_for_store(unsigned id)
{
	for (;;)
		__asm__ volatile("monitor; mwait" : : "a"(&aps[id].order), "c"(0), "d"(0) : "memory");
}

static bool start_other(void (*task)(unsigned id))
{
	if (!ap_prepare())
		return false;
	ap_task = task;
	ap_send(1, ICR_SIPI | ap_vector[0]);
	if (!ap_wait_starts(1, 1))
		return false;
	aps[1].order = AP_TASK;
	return true;
}

static void die(unsigned id)
{
	(void)id;
	__asm__ volatile("ud2");
}

static void other(void)
{
	ap_set_handler(VECTOR_UD, hang_deaf);
	ap_send(1, ICR_INIT);
	ap_delay(INIT_TO_SIPI);
	if (start_other(die))
		loop();
}

static void lone(void)
{
	const char *does = guest_value("cpu1");

	if (!guest_listed(does, "loops")) {
		ap_send(1, ICR_INIT);
		ap_delay(INIT_TO_SIPI);
	}
	if (guest_listed(does, "beats") && !start_other(end_interrupts))
		return;
	if (guest_listed(does, "mwaits") && !start_other(wait_for_store))
		return;
	machine_take();
	machine_set_handler(VECTOR_UD, hang_deaf);
	__asm__ volatile("ud2");
}

static void die_in(const uint8_t *handler)
{
	machine_take();
	machine_set_handler(VECTOR_UD, handler);
	__asm__ volatile("ud2");
}

static void lock(void)
{
	die_in(hang_lock);
}

static void halt(void)
{
	die_in(hang_halt);
}

static void leave_apic(void)
{
	apic_write(APIC_SVR, apic_read(APIC_SVR) & ~APIC_SVR_ENABLE);
	__asm__ volatile("sti");
}

static void alone(void)
{
	leave_apic();
	for (;;)
		__asm__ volatile("pause");
}

static void idle(void)
{
	leave_apic();
	for (;;)
		__asm__ volatile("hlt");
}

static void x2apic(void)
{
	machine_take();
	machine_set_handler(VECTOR_UD, hang_skip);
	__asm__ volatile("ud2");
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
	wrmsr(MSR_X2APIC_SIVR, rdmsr(MSR_X2APIC_SIVR) & ~(uint64_t)APIC_SVR_ENABLE);
	for (;;)
		__asm__ volatile("pause");
}

static const struct {
	const char *name;
	void (*hang)(void);
} ways[] = {{"loop", loop}, {"storm", storm}, {"quiet", quiet}, {"look", look}, {"deaf", deaf},
	{"lone", lone}, {"other", other}, {"lock", lock}, {"halt", halt}, {"alone", alone}, {"idle", idle},
	{"x2apic", x2apic}};

EFI_STATUS guest_main(void)
{
	const char *way = guest_value("way");

	guest_freeze();
	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!guest_listed(way ? way : "loop", ways[i].name))
			continue;
		print("hang way=%s\n", ways[i].name);
		ways[i].hang();
	}
	return EFI_SUCCESS;
}
