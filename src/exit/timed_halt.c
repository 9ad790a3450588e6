// SPDX-License-Identifier: MIT
#include "exit/timed_halt.h"
#include "apic/apic.h"
#include "log/turn.h"
#include "cpu/host_interrupt.h"
#include "cpu/idt.h"
#include "cpu/moment.h"
#include "vendor.h"

/*
 * During a timed halt only the highest priority class gets through, and the timer's vector is the highest of it. Other
 * interrupts wait for the guest. The APIC does not report its frequency: the count lasts 20 ms on QEMU, 200 ms at the
 * 100 MHz of AMD's.
 */
#define TIMED_HALT_VECTOR 0xff
/* not the timer's vector, as after an INIT: Bochs 2.7 does not end an interrupt with that number */
#define HALT_SPURIOUS 0xf0
#define HALT_PRIORITY 0xe0
#define HALT_CLASS    0xffff0000u /* of the last word of IRR and ISR */
#define HALT_COUNT    20000000
#define DIVIDE_BY_1   0x0b
#define LAST_WORD     0x70
#define TO_SELF       (ICR_TO_SELF << 18 | ICR_ASSERT)
#define TURN_US       100 /* between two turns of the console: the FIFO takes 1400, and other CPUs need the lock */

/* The registers that a timed halt changes and restores. */
struct borrowed {
	uint32_t tpr, lint0, svr, divide, lvt, count;
};

static bool is_set(enum apic_mode mode, unsigned bits, uint8_t vector)
{
	return apic_read(mode, bits + vector / 32 * 0x10) >> vector % 32 & 1;
}

/* Whether the guest does not wait for the timer: it is masked (EDK II lets it count on nevertheless), or a one-shot timer that has fired. */
static bool timer_is_free(enum apic_mode mode)
{
	uint32_t lvt = apic_read(mode, APIC_LVT_TIMER);

	return lvt & APIC_LVT_MASKED || (!(lvt & APIC_LVT_MODE) && !apic_read(mode, APIC_TIMER_CURRENT));
}

static bool can_borrow(enum apic_mode mode)
{
	return mode != APIC_OFF && timer_is_free(mode) &&
	       !((apic_read(mode, APIC_ISR + LAST_WORD) | apic_read(mode, APIC_IRR + LAST_WORD)) &
		       HALT_CLASS);
}

/* An 8259's interrupt ignores the priority, so LINT0 is masked: this CPU must not take it instead of the intended one. */
static void borrow(enum apic_mode mode, struct borrowed *b)
{
	*b = (struct borrowed){.tpr = apic_read(mode, APIC_TPR),
		.lint0 = apic_read(mode, APIC_LVT_LINT0),
		.svr = apic_read(mode, APIC_SVR),
		.divide = apic_read(mode, APIC_TIMER_DIVIDE),
		.lvt = apic_read(mode, APIC_LVT_TIMER),
		.count = apic_read(mode, APIC_TIMER_COUNT)};
	apic_write(mode, APIC_TPR, HALT_PRIORITY);
	if ((b->lint0 & APIC_LVT_EXTINT) == APIC_LVT_EXTINT)
		apic_write(mode, APIC_LVT_LINT0, b->lint0 | APIC_LVT_MASKED);
	apic_write(mode, APIC_SVR, (b->svr & ~APIC_SVR_VECTOR) | APIC_SVR_ENABLE | HALT_SPURIOUS);
	apic_write(mode, APIC_TIMER_DIVIDE, DIVIDE_BY_1);
	apic_write(mode, APIC_LVT_TIMER, TIMED_HALT_VECTOR);
	apic_write(mode, APIC_TIMER_COUNT, HALT_COUNT);
}

/* An interrupt of the guest is requested again. One that is not in service was spurious, and needs no end. */
static void settle(struct cpu *cpu, enum apic_mode mode)
{
	uint8_t vector = cpu->host_interrupt;

	if (!cpu->host_interrupt_valid)
		return;
	cpu->host_interrupt_valid = false;
	if (!is_set(mode, APIC_ISR, vector))
		return;
	apic_write(mode, APIC_EOI, 0);
	if (vector != TIMED_HALT_VECTOR)
		apic_write(mode, APIC_ICR, TO_SELF | vector);
}

/*
 * An APIC that was off has accepted interrupts meanwhile, which the guest's would not have. The count of a timer that has fired
 * is not restored, because the timer would fire again.
 */
static void give_back(struct cpu *cpu, enum apic_mode mode, const struct borrowed *b)
{
	apic_write(mode, APIC_LVT_TIMER, APIC_LVT_MASKED);
	apic_write(mode, APIC_TIMER_COUNT, 0);
	settle(cpu, mode);
	/* The timer fired after another event had ended the timed halt. */
	if (is_set(mode, APIC_IRR, TIMED_HALT_VECTOR)) {
		host_interrupt_take(cpu);
		settle(cpu, mode);
	}
	if (!(b->svr & APIC_SVR_ENABLE)) {
		apic_write(mode, APIC_TPR, 0);
		apic_drain(cpu, mode);
	}
	apic_write(mode, APIC_TPR, b->tpr);
	apic_write(mode, APIC_LVT_LINT0, b->lint0);
	apic_write(mode, APIC_TIMER_DIVIDE, b->divide);
	apic_write(mode, APIC_LVT_TIMER, b->lvt);
	if (b->lvt & APIC_LVT_MASKED)
		apic_write(mode, APIC_TIMER_COUNT, b->count);
	apic_write(mode, APIC_SVR, b->svr);
}

static void wait_a_moment(void)
{
	uint64_t since = rdtsc();

	while (rdtsc() - since < boot_info.tsc_khz * TURN_US / 1000)
		moment();
}

bool timed_halt_ends(void)
{
	return turn_wants_others() && can_borrow(apic_mode());
}

void timed_halt(struct cpu *cpu, const _Atomic uint32_t *word, uint32_t old)
{
	enum apic_mode mode = apic_mode();
	struct borrowed before;

	turn_poll(cpu);
	if (cpu->work & CPU_WORK_CONSOLE) {
		turn_serve(cpu);
		wait_a_moment();
	} else if (turn_attends(cpu)) {
		wait_a_moment();
	} else if (timed_halt_ends()) {
		borrow(mode, &before);
		idt_load_window();
		moment_wait(cpu_timed_halt, word, old);
		idt_load();
		give_back(cpu, mode, &before);
	} else {
		moment_wait(cpu_wait, word, old);
	}
}
