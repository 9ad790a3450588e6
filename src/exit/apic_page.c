// SPDX-License-Identifier: MIT
#include "exit/apic_page.h"
#include "apic/apic.h"
#include "exit/apic_seen.h"
#include "exit/exception.h"
#include "exit/halt.h"
#include "exit/handlers.h"
#include "exit/init_sipi.h"
#include "guest/insn.h"
#include "guest/store_run.h"
#include "hw/asm.h"
#include "hw/features.h"
#include "hw/msr.h"
#include "log/log.h"
#include "log/turn.h"
#include "mem/host_map.h"
#include "mem/layout.h"
#include "stage2/stage2.h"
#include "trace/vector.h"

/* The host's window for an address at which another CPU has its registers. */
#define OTHER_WINDOW(number) (BOOT_MAX_CPUS + (number))

static bool left; /* the guest has switched the boot CPU's APIC off */

/* Carries out INIT or SIPI. A CPU without Trapline does not get it, because it would run outside of Trapline's control. */
static void command(struct cpu *cpu, const struct icr *icr)
{
	struct cpu_set targets = apic_targets(cpu, icr);
	bool nobody = cpu_set_is_empty(&targets);

	cpu->stats.bad_guest[BAD_APIC] += nobody;
	if (nobody && cpu_tells(cpu, REFUSED_COMMAND))
		log_line("trapline: %s to an unknown CPU cpu=%u icr=0x%x destination=0x%x; it is "
			 "not sent",
			ICR_MODE(icr->low) == ICR_MODE_INIT ? "INIT" : "SIPI", cpu->number, icr->low,
			icr->destination);
	init_sipi_send(cpu, &targets, icr->low);
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
	cpu->turn_watches = 0;
	cpu_add_work(cpu, CPU_WORK_CONSOLE); /* from now on other exits poll for keys, or no longer do */
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
	apic_registers(cpu)[offset / 4] = value;
	if (offset == APIC_EOI)
		turn_poll(cpu);
	else if (offset == APIC_ID || offset == APIC_LDR || offset == APIC_DFR)
		apic_note_names(cpu);
	else if (offset == APIC_SVR || offset == APIC_LVT_LINT0)
		cpu_add_work(cpu, CPU_WORK_CONSOLE); /* apic_sees_interrupts() may have changed */
}

static bool carry_out(struct cpu *cpu, unsigned offset, const struct store *s)
{
	uint32_t value;

	if (store_is_usual(s)) {
		write_register(cpu, offset, s->from_register ? (uint32_t)cpu->gpr[s->reg] : s->immediate);
		vendor->exits.skip(cpu, s->length, 0);
		return true;
	}
	if (!store_run(cpu, s, store_reads(s) ? apic_registers(cpu)[offset / 4] : 0, &value))
		return false;
	write_register(cpu, offset, value);
	store_end(cpu, s);
	return true;
}

/* A store to a page where only other CPUs have their registers: it goes to the memory or device at this address. */
SLOW_PATH static bool carry_out_elsewhere(struct cpu *cpu, uint64_t address, const struct store *s)
{
	unsigned window = OTHER_WINDOW(cpu->number);
	volatile uint32_t *at = (volatile uint32_t *)host_window(window) + address % PAGE_SIZE / 4;
	uint32_t value;

	host_window_map(window, address & ~(PAGE_SIZE - 1));
	if (address & 3 || !store_run(cpu, s, store_reads(s) ? *at : 0, &value))
		return false;
	*at = value;
	store_end(cpu, s);
	return true;
}

/*
 * Anything but an aligned 32-bit store to a register is undefined on a real APIC (SDM vol. 3A 11.4.1), and so are
 * stores by the FPU, MMX and SSE. A store that cannot be decoded might be an INIT. The guest gets #GP, merged with the event that
 * was being delivered.
 */
SLOW_PATH static void refuse(struct cpu *cpu)
{
	struct exit *x = &cpu->exit;

	cpu->stats.bad_guest[BAD_APIC]++;
	if (cpu_tells(cpu, REFUSED_STORE))
		log_line("trapline: store to the APIC's page, but not to a register cpu=%u gpa=0x%lx "
			 "rip=0x%lx; the guest gets #GP",
			cpu->number, x->address, vendor->state.get(cpu, GUEST_RIP));
	x->event = (struct event){.valid = true,
		.type = TRAP_TYPE_EXCEPTION,
		.vector = VEC_GP,
		.has_error = vendor->state.get(cpu, GUEST_CR0) & 1};
	exit_exception(cpu);
}

/* Not in the delivery of an event, nor in a walk of the guest's tables. */
static bool decode_store(struct cpu *cpu, unsigned mode, struct store *s)
{
	const struct exit *x = &cpu->exit;

	insn_fetch(cpu);
	return !(x->qualifier & STAGE2_WALK) && !x->during.valid &&
	       store_decode(x->code, x->code_len, mode, s);
}

static bool own_store(struct cpu *cpu, unsigned mode, unsigned offset)
{
	const struct store *seen = apic_seen_other(cpu);
	struct store s;

	if (seen)
		return carry_out(cpu, offset, seen);
	if (!decode_store(cpu, mode, &s) || offset & 15)
		return false;
	if (mode == 64)
		apic_seen_note(cpu, &s);
	return carry_out(cpu, offset, &s);
}

bool apic_stage2(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;
	bool own = (x->address & ~(PAGE_SIZE - 1)) == apic_page(cpu->number), done;
	unsigned mode;
	struct store s;

	if (!(x->qualifier & STAGE2_WRITE) || apic_by_hardware() || (!own && !stage2_is_watched(x->address)))
		return false;
	mode = (unsigned)vendor->state.get(cpu, GUEST_CODE_MODE);
	if (own)
		done = own_store(cpu, mode, (unsigned)(x->address & (PAGE_SIZE - 1)));
	else
		done = decode_store(cpu, mode, &s) && carry_out_elsewhere(cpu, x->address, &s);
	if (!done)
		refuse(cpu);
	return true;
}

/* Other stage-2 faults of the boot CPU are few. */
bool apic_advises(void)
{
	return features.x2apic && cpus[0]->stats.exits[EXIT_STAGE2] >= APIC_ADVISES_AFTER &&
	       !apic_by_hardware() && apic_mode() == APIC_XAPIC;
}

bool apic_watches_msr(uint32_t msr)
{
	return msr == MSR_APIC_BASE || msr == MSR_X2APIC_SIVR ||
	       (msr == MSR_X2APIC_ICR && !apic_by_hardware());
}

/* In x2APIC mode this is an MSR; in other modes it does not exist, and the CPU raises #GP. */
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
