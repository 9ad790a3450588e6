#include "apic/nap.h"
#include "apic/apic.h"
#include "console/console.h"
#include "cpu/idt.h"
#include "vendor.h"

/*
 * The timer's vector is of the highest class, and only this class gets past the priority that a nap sets: what else was sent to
 * the CPU waits for the guest. No APIC tells how fast it counts: 20 ms on QEMU, 200 ms at the 100 MHz of AMD's.
 */
#define NAP_VECTOR   0xf1
#define NAP_PRIORITY 0xe0
#define NAP_COUNT    20000000
#define DIVIDE_BY_1  0x0b
#define SVR_ENABLE   (1u << 8)
#define TO_SELF      (ICR_TO_SELF << 18 | ICR_ASSERT)

/* What a nap changes: all that it takes for one interrupt, of the timer, to come in. An 8259's would not ask for the priority. */
static const uint16_t borrowed[] = {
	APIC_TPR, APIC_LVT_LINT0, APIC_SVR, APIC_TIMER_DIVIDE, APIC_LVT_TIMER, APIC_TIMER_COUNT};
#define BORROWED (sizeof(borrowed) / sizeof(borrowed[0]))

static void borrow(enum apic_mode mode, uint32_t *before)
{
	for (unsigned i = 0; i < BORROWED; i++)
		before[i] = apic_read(mode, borrowed[i]);
	apic_write(mode, APIC_TPR, NAP_PRIORITY);
	apic_write(mode, APIC_LVT_LINT0, apic_read(mode, APIC_LVT_LINT0) | APIC_LVT_MASKED);
	apic_write(mode, APIC_SVR, apic_read(mode, APIC_SVR) | SVR_ENABLE);
	apic_write(mode, APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	apic_write(mode, APIC_LVT_TIMER, NAP_VECTOR);
	apic_write(mode, APIC_TIMER_COUNT, NAP_COUNT);
}

static bool is_set(enum apic_mode mode, unsigned bits, uint8_t vector)
{
	return apic_read(mode, bits + vector / 32 * 0x10) >> vector % 32 & 1;
}

/* An interrupt of the guest's is requested anew; one that is not in service was spurious. */
static void settle(struct cpu *cpu, enum apic_mode mode)
{
	uint8_t vector = cpu->host_interrupt;

	if (!cpu->host_interrupt_valid)
		return;
	cpu->host_interrupt_valid = false;
	if (!is_set(mode, APIC_ISR, vector))
		return;
	apic_write(mode, APIC_EOI, 0);
	if (vector != NAP_VECTOR)
		apic_write(mode, APIC_ICR, TO_SELF | vector);
}

static void give_back(struct cpu *cpu, enum apic_mode mode, const uint32_t *before)
{
	apic_write(mode, APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(mode, APIC_TIMER_COUNT, 0);
	settle(cpu, mode);
	if (is_set(mode, APIC_IRR, NAP_VECTOR)) { /* it came when something else had ended the nap */
		vendor->drop_interrupt(cpu);
		settle(cpu, mode);
	}
	for (unsigned i = BORROWED; i--;)
		apic_write(mode, borrowed[i], before[i]);
}

/*
 * False where the guest waits for the timer. One that is masked and goes on counting all the same, as EDK II leaves it, starts
 * from its beginning again: nobody reads it on a CPU that sleeps.
 */
static bool can_borrow(enum apic_mode mode)
{
	return mode != APIC_OFF &&
	       (!apic_read(mode, APIC_TIMER_COUNT) || (apic_read(mode, APIC_LVT_TIMER) & APIC_LVT_MASKED));
}

void nap(struct cpu *cpu, const _Atomic uint32_t *word, uint32_t old)
{
	enum apic_mode mode = apic_mode();
	uint32_t before[BORROWED];

	console_look(cpu);
	if (cpu->work & CPU_WORK_CONSOLE) {
		console_serve(cpu);
	} else if (console_attends(cpu)) {
		cpu_pause();
	} else if (console_wants_others() && can_borrow(mode)) {
		borrow(mode, before);
		idt_load_window();
		vendor->wait(cpu_nap, word, old);
		idt_load();
		give_back(cpu, mode, before);
	} else {
		vendor->wait(cpu_wait, word, old);
	}
}
