// SPDX-License-Identifier: MIT
#include "apic/apic.h"
#include "cpu/host_interrupt.h"
#include "log/log.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "hw/probe.h"
#include "mem/host_map.h"
#include "stage2/stage2.h"

#define XAPIC_EVERYBODY    0xff
#define BASE_BSP           (1ull << 8)
#define BASE_X2APIC        (1ull << 10)
#define BASE_ENABLE        (1ull << 11)
#define X2APIC_MSR(offset) (0x800 + (offset) / 16)
#define WORDS              8 /* number of words of ISR and IRR, 16 bytes apart */
#define WORD_STEP          0x10
#define DRAIN_MAX          256 /* the number of vectors */
/* reads of the delivery status: an APIC accepts a command within microseconds or never */
#define IDLE_READS 100000

/*
 * Each CPU's registers are at an address of its own choice (IA32_APIC_BASE). Each CPU has a host window for them, and one for
 * an address at which another CPU has its registers (src/exit/apic_page.c).
 */
uint64_t apic_pages[BOOT_MAX_CPUS];
bool apic_hardware;
static struct apic_names names[BOOT_MAX_CPUS];

enum apic_mode apic_mode(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (!(base & BASE_ENABLE))
		return APIC_OFF;
	return base & BASE_X2APIC ? APIC_X2APIC : APIC_XAPIC;
}

bool apic_is_bsp(void)
{
	return rdmsr(MSR_APIC_BASE) & BASE_BSP;
}

static uint32_t read_own(const struct cpu *cpu, enum apic_mode mode, unsigned offset)
{
	return mode == APIC_X2APIC ? (uint32_t)rdmsr(X2APIC_MSR(offset)) : apic_registers(cpu)[offset / 4];
}

uint32_t apic_read(enum apic_mode mode, unsigned offset)
{
	return read_own(this_cpu(), mode, offset);
}

void apic_write(enum apic_mode mode, unsigned offset, uint32_t value)
{
	if (mode == APIC_X2APIC)
		wrmsr(X2APIC_MSR(offset), value);
	else
		apic_registers(this_cpu())[offset / 4] = value;
}

/* Other CPUs read these at any time. Each value is valid, before the change and after it. */
void apic_note_names(const struct cpu *cpu)
{
	enum apic_mode mode = apic_mode();
	volatile struct apic_names *n = &names[cpu->number];

	if (mode == APIC_OFF) {
		n->there = false;
		return;
	}
	n->id = mode == APIC_X2APIC ? read_own(cpu, mode, APIC_ID) : read_own(cpu, mode, APIC_ID) >> 24;
	n->ldr = read_own(cpu, mode, APIC_LDR);
	n->dfr = mode == APIC_X2APIC ? 0 : read_own(cpu, mode, APIC_DFR);
	n->x2apic = mode == APIC_X2APIC;
	n->there = true;
}

bool apic_takes_pic(void)
{
	enum apic_mode mode = apic_mode();

	return mode == APIC_OFF ||
	       (apic_read(mode, APIC_LVT_LINT0) & (APIC_LVT_EXTINT | APIC_LVT_MASKED)) == APIC_LVT_EXTINT;
}

bool apic_sees_interrupts(void)
{
	return !apic_hardware && apic_mode() == APIC_XAPIC &&
	       (apic_read(APIC_XAPIC, APIC_SVR) & APIC_SVR_ENABLE) && !apic_takes_pic();
}

bool apic_follow(unsigned number, uint64_t base)
{
	bool watches = !apic_hardware;

	if (stage2_is_hidden(base) || (watches && !stage2_watch(number, base)))
		return false;
	apic_pages[number] = base;
	host_window_map(number, base);
	return true;
}

const char *apic_init(void)
{
	uint64_t base = probe_need(MSR_APIC_BASE);

	/* Only on request: a CPU that reports them wrongly, such as Bochs 2.7, cannot be recognised. */
	apic_hardware = boot_info.config.ap_start == AP_START_HARDWARE && vendor->traits->reports_init_sipi;
	if (probe_missing())
		return probe_missing();
	if (!host_windows_init() || !apic_follow(0, base & APIC_BASE_ADDRESS))
		return "the VMM's memory is too small to watch the APIC";
	return NULL;
}

void apic_say_way(void)
{
	if (boot_info.config.ap_start == AP_START_HARDWARE && !apic_hardware)
		log_print("trapline: ap_start=hardware: this CPU does not report INIT and SIPI both");
	log_print("trapline: INIT and SIPI by %s",
		apic_hardware ? "the CPU's exits" : "the APIC's command register");
}

const char *apic_cpu_init(struct cpu *cpu)
{
	uint64_t base = probe_need(MSR_APIC_BASE);

	if (probe_missing())
		return probe_missing();
	if (!apic_follow(cpu->number, base & APIC_BASE_ADDRESS))
		return "its APIC is at an address that cannot be watched";
	apic_note_names(cpu);
	return NULL;
}

static bool any(enum apic_mode mode, unsigned offset)
{
	for (unsigned i = 0; i < WORDS; i++)
		if (apic_read(mode, offset + i * WORD_STEP))
			return true;
	return false;
}

void apic_drain(struct cpu *cpu, enum apic_mode mode)
{
	for (unsigned i = 0; i < DRAIN_MAX && any(mode, APIC_ISR); i++)
		apic_write(mode, APIC_EOI, 0);
	for (unsigned i = 0; i < DRAIN_MAX && any(mode, APIC_IRR); i++) {
		host_interrupt_take(cpu);
		cpu->host_interrupt_valid = false;
		apic_write(mode, APIC_EOI, 0);
	}
}

static void wait_idle(void)
{
	for (unsigned i = 0; i < IDLE_READS && (apic_read(APIC_XAPIC, APIC_ICR) & ICR_BUSY); i++)
		cpu_pause();
}

/* Restores the guest's upper word: the guest may have written the destination of its next command there. */
static void send_xapic(uint32_t low, uint32_t destination)
{
	uint32_t high = apic_read(APIC_XAPIC, APIC_ICR_HIGH);

	wait_idle();
	apic_write(APIC_XAPIC, APIC_ICR_HIGH, destination << 24);
	apic_write(APIC_XAPIC, APIC_ICR, low);
	wait_idle();
	apic_write(APIC_XAPIC, APIC_ICR_HIGH, high);
}

bool apic_send_nmi(uint32_t number)
{
	enum apic_mode mode = apic_mode();

	if (mode == APIC_OFF || !names[number].there)
		return false;
	if (mode == APIC_XAPIC && names[number].id >= XAPIC_EVERYBODY)
		return false; /* it has gone to x2APIC, and this one has no name for it */
	if (mode == APIC_XAPIC)
		send_xapic(ICR_NMI, names[number].id);
	else
		wrmsr(MSR_X2APIC_ICR, (uint64_t)names[number].id << 32 | ICR_NMI);
	return true;
}

bool apic_is_on(void)
{
	enum apic_mode mode = apic_mode();

	return mode != APIC_OFF && apic_read(mode, APIC_SVR) & APIC_SVR_ENABLE;
}

enum msr_result apic_refuse_base(struct cpu *cpu, uint64_t value)
{
	if (cpu_tells(cpu, REFUSED_BASE))
		log_line("trapline: APIC moved to an address that cannot be watched cpu=%u base=0x%lx; "
			 "it gets #GP",
			cpu->number, value);
	return MSR_FAULT;
}

struct cpu_set apic_targets(const struct cpu *cpu, const struct icr *icr)
{
	return icr_targets(icr, names, boot_info.cpus, cpu->number);
}
