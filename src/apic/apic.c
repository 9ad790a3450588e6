#include "apic/apic.h"
#include "exit/handlers.h"
#include "exit/start.h"
#include "log/log.h"
#include "log/turn.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "apic/flush.h"
#include "exit/exception.h"
#include "exit/halt.h"
#include "guest/insn.h"
#include "guest/store_run.h"
#include "mem/host_map.h"
#include "mem/layout.h"
#include "stage2/stage2.h"
#include "trace/vector.h"

#define BASE_BSP           (1ull << 8)
#define BASE_X2APIC        (1ull << 10)
#define BASE_ENABLE        (1ull << 11)
#define X2APIC_MSR(offset) (0x800 + (offset) / 16)
#define WORDS              8 /* of ISR and IRR, 16 bytes apart */
#define WORD_STEP          0x10
#define DRAIN_MAX          256    /* as many as there are vectors */
#define IDLE_READS         100000 /* of the delivery status: an APIC accepts within microseconds or never */

/* Each CPU's registers are at an address of its own choice (IA32_APIC_BASE): a window of the host's for each, and one for what lies
 * where another one's are. */
#define OTHER_WINDOW(number) (BOOT_MAX_CPUS + (number))
_Static_assert(HOST_WINDOWS == 2 * BOOT_MAX_CPUS, "two windows a CPU");

static uint64_t page_of[BOOT_MAX_CPUS];
static bool by_hardware;
static bool left; /* the boot CPU's APIC is off, by the guest's doing */
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

static inline volatile uint32_t *registers(const struct cpu *cpu)
{
	return (volatile uint32_t *)host_window(cpu->number);
}

static uint32_t read_own(const struct cpu *cpu, enum apic_mode mode, unsigned offset)
{
	return mode == APIC_X2APIC ? (uint32_t)rdmsr(X2APIC_MSR(offset)) : registers(cpu)[offset / 4];
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
		registers(this_cpu())[offset / 4] = value;
}

/* Others look at them at any time: each is right before and after. */
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

bool apic_by_hardware(void)
{
	return by_hardware;
}

bool apic_takes_pic(void)
{
	enum apic_mode mode = apic_mode();

	return mode == APIC_OFF ||
	       (apic_read(mode, APIC_LVT_LINT0) & (APIC_LVT_EXTINT | APIC_LVT_MASKED)) == APIC_LVT_EXTINT;
}

bool apic_sees_interrupts(void)
{
	return !by_hardware && apic_mode() == APIC_XAPIC &&
	       (apic_read(APIC_XAPIC, APIC_SVR) & APIC_SVR_ENABLE) && !apic_takes_pic();
}

uint64_t apic_page(unsigned number)
{
	return page_of[number];
}

bool apic_follow(unsigned number, uint64_t base)
{
	bool watches = vendor->skip_to && !by_hardware;

	if (stage2_is_hidden(base) || (watches && !stage2_watch(number, base)))
		return false;
	page_of[number] = base;
	host_window_map(number, base);
	return true;
}

const char *apic_init(void)
{
	by_hardware = boot_info.config.ap_start != AP_START_INTERCEPT && vendor->starts_exit &&
		      vendor->starts_exit();
	if (!host_windows_init() || !apic_follow(0, rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS))
		return "the VMM's memory is too small to watch the APIC";
	return NULL;
}

void apic_say_way(void)
{
	if (boot_info.config.ap_start == AP_START_HARDWARE && !by_hardware)
		console_print("trapline: ap_start=hardware: this CPU does not report INIT and SIPI both");
	console_print("trapline: INIT and SIPI by %s",
		by_hardware ? "the CPU's exits" : "the APIC's command register");
}

const char *apic_cpu_init(struct cpu *cpu)
{
	if (!apic_follow(cpu->number, rdmsr(MSR_APIC_BASE) & APIC_BASE_ADDRESS))
		return "its APIC is where it cannot be watched";
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
		vendor->drop_interrupt(cpu);
		cpu->host_interrupt_valid = false;
		apic_write(mode, APIC_EOI, 0);
	}
}

static void wait_idle(void)
{
	for (unsigned i = 0; i < IDLE_READS && (apic_read(APIC_XAPIC, APIC_ICR) & ICR_BUSY); i++)
		cpu_pause();
}

/* The guest's destination stays in the upper word: it may have written that one already, for a command of its
 * own. */
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
	if (mode == APIC_XAPIC)
		send_xapic(ICR_NMI, names[number].id);
	else
		wrmsr(MSR_X2APIC_ICR, (uint64_t)names[number].id << 32 | ICR_NMI);
	return true;
}

/* INIT or SIPI. One for a CPU that is not beneath Trapline goes nowhere: such a CPU would run without it. */
static void command(struct cpu *cpu, const struct icr *icr)
{
	uint64_t targets = icr_targets(icr, names, BOOT_MAX_CPUS, cpu->number);

	cpu->stats.bad_guest[BAD_APIC] += !targets;
	if (!targets && cpu_tells(cpu, REFUSED_COMMAND))
		console_log("trapline: %s to no CPU of Trapline's cpu=%u icr=0x%x destination=0x%x; it is "
			    "not sent",
			ICR_MODE(icr->low) == ICR_MODE_INIT ? "INIT" : "SIPI", cpu->number, icr->low,
			icr->destination);
	start_send(cpu, targets, icr->low);
}

bool apic_is_on(void)
{
	enum apic_mode mode = apic_mode();

	return mode != APIC_OFF && apic_read(mode, APIC_SVR) & APIC_SVR_ENABLE;
}

bool apic_is_left(void)
{
	return left;
}

void apic_note_switch(struct cpu *cpu, bool was, bool is, const char *how)
{
	if (cpu->number || was == is)
		return;
	left = was;
	cpu_add_work(cpu, CPU_WORK_CONSOLE); /* keys are to be noticed by other exits, or are not any more */
	if (was)
		halt_apic_off(cpu, how);
	else
		halt_apic_on(cpu);
}

static void write_register(struct cpu *cpu, unsigned offset, uint32_t value)
{
	if (offset == APIC_ICR && icr_starts(value) && apic_mode() == APIC_XAPIC) {
		struct icr icr = {.low = value, .destination = apic_read(APIC_XAPIC, APIC_ICR_HIGH) >> 24};

		command(cpu, &icr);
		return;
	}
	if (offset == APIC_SVR)
		apic_note_switch(
			cpu, apic_is_on(), apic_mode() != APIC_OFF && value & APIC_SVR_ENABLE, "SVR");
	registers(cpu)[offset / 4] = value;
	if (offset == APIC_EOI)
		console_look(cpu);
	else if (offset == APIC_ID || offset == APIC_LDR || offset == APIC_DFR)
		apic_note_names(cpu);
	else if (offset == APIC_SVR || offset == APIC_LVT_LINT0)
		cpu_add_work(cpu, CPU_WORK_CONSOLE); /* apic_sees_interrupts() may have another answer */
}

/* Stores of a register but RSP, or of a constant: those that an operating system makes at every interrupt. */
static bool is_usual(const struct store *s)
{
	return s->kind == STORE_MOV && s->reg != TRAP_RSP;
}

static bool carry_out(struct cpu *cpu, unsigned offset, unsigned mode, const struct store *s)
{
	uint32_t value;

	if (is_usual(s)) {
		write_register(cpu, offset, s->from_register ? (uint32_t)cpu->gpr[s->reg] : s->immediate);
		vendor->skip_to(cpu, insn_after(cpu, mode, s->length));
		return true;
	}
	if (!store_run(cpu, s, store_reads(s) ? registers(cpu)[offset / 4] : 0, &value))
		return false;
	write_register(cpu, offset, value);
	store_end(cpu, s, mode);
	return true;
}

/* In a page where only other CPUs have their registers: for this one it is what else lies there. */
SLOW_PATH static bool carry_out_elsewhere(
	struct cpu *cpu, uint64_t address, unsigned mode, const struct store *s)
{
	unsigned window = OTHER_WINDOW(cpu->number);
	volatile uint32_t *at = (volatile uint32_t *)host_window(window) + address % PAGE_SIZE / 4;
	uint32_t value;

	host_window_map(window, address & ~(PAGE_SIZE - 1));
	if (address & 3 || !store_run(cpu, s, store_reads(s) ? *at : 0, &value))
		return false;
	*at = value;
	store_end(cpu, s, mode);
	return true;
}

/*
 * What is no 32-bit store to a register's own address is undefined to a real APIC (SDM vol. 3A 11.4.1), and so are
 * those by the FPU, MMX and SSE. What no decoder knows cannot be told from an INIT: the guest gets #GP, merged with what
 * was being delivered.
 */
SLOW_PATH static void refuse(struct cpu *cpu)
{
	struct exit *x = &cpu->exit;

	cpu->stats.bad_guest[BAD_APIC]++;
	if (cpu_tells(cpu, REFUSED_STORE))
		console_log("trapline: store to the APIC that is none to a register cpu=%u gpa=0x%lx "
			    "rip=0x%lx; the guest gets #GP",
			cpu->number, x->address, vendor->get(cpu, GUEST_RIP));
	x->event = (struct event){.valid = true,
		.type = TRAP_TYPE_EXCEPTION,
		.vector = VEC_GP,
		.has_error = vendor->get(cpu, GUEST_CR0) & 1};
	exit_exception(cpu);
}

bool apic_stage2(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;
	unsigned offset = (unsigned)(x->address & (PAGE_SIZE - 1)), mode = vendor->code_mode(cpu);
	bool own = (x->address & ~(PAGE_SIZE - 1)) == page_of[cpu->number], done = false;
	struct store s;

	if (!(x->qualifier & STAGE2_WRITE) || by_hardware || (!own && !stage2_is_watched(x->address)))
		return false;
	insn_fetch(cpu);
	if (!(x->qualifier & STAGE2_WALK) && !x->during.valid && store_decode(x->code, x->code_len, mode, &s))
		done = !own ? carry_out_elsewhere(cpu, x->address, mode, &s)
			    : !(offset & 15) && carry_out(cpu, offset, mode, &s);
	if (!done)
		refuse(cpu);
	return true;
}

bool apic_watches_msr(uint32_t msr)
{
	return msr == MSR_APIC_BASE || msr == MSR_X2APIC_SIVR || (msr == MSR_X2APIC_ICR && !by_hardware);
}

enum msr_result apic_refuse_base(struct cpu *cpu, uint64_t value)
{
	if (cpu_tells(cpu, REFUSED_BASE))
		console_log(
			"trapline: the guest moves its APIC where it cannot be watched cpu=%u base=0x%lx; "
			"it gets #GP",
			cpu->number, value);
	return MSR_FAULT;
}

/* With x2APIC the register is an MSR; without it there is none, and the CPU says so. */
static enum msr_result write_svr(struct cpu *cpu, uint64_t value)
{
	bool was = apic_is_on();

	if (!wrmsr_safe(MSR_X2APIC_SIVR, value))
		return MSR_FAULT;
	apic_note_switch(cpu, was, apic_is_on(), "SVR");
	return MSR_DONE;
}

enum msr_result apic_wrmsr(struct cpu *cpu, uint32_t msr, uint64_t value)
{
	struct icr icr = {.low = (uint32_t)value, .destination = (uint32_t)(value >> 32), .x2apic = true};

	if (msr == MSR_X2APIC_SIVR)
		return write_svr(cpu, value);
	if (msr != MSR_X2APIC_ICR || !icr_starts(icr.low) || apic_mode() != APIC_X2APIC)
		return MSR_NOT_MINE;
	command(cpu, &icr);
	return MSR_DONE;
}
