// SPDX-License-Identifier: MIT
#include "exit/watch_msr.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "exit/watch_register.h"
#include "hw/msr.h"
#include "trace/vector.h"
#include "vendor.h"

static enum watch_register register_of(uint32_t msr)
{
	return msr == MSR_EFER ? WATCH_EFER : WATCH_MSR;
}

static uint64_t pair(const struct cpu *cpu)
{
	return cpu->gpr[TRAP_RDX] << 32 | (uint32_t)cpu->gpr[TRAP_RAX];
}

static void refuse(struct cpu *cpu)
{
	exception_raise(cpu, VEC_GP, 0);
}

static void watch_rdmsr(struct cpu *cpu)
{
	uint32_t msr = (uint32_t)cpu->gpr[TRAP_RCX];
	struct watch_access_state a;

	if (!watch_register_wants(register_of(msr), msr, WATCH_READ)) {
		exit_rdmsr(cpu);
		return;
	}
	watch_register_begin(cpu, &a, register_of(msr), msr, WATCH_READ);
	a.has_old = guest_read_msr(cpu, msr, &a.old);
	if (a.has_old && watch_register_denies(cpu, &a, a.old)) {
		refuse(cpu);
		return;
	}
	exit_rdmsr(cpu);
	if (!cpu->exit.skip)
		return;
	a.old = pair(cpu);
	watch_register_end(cpu, &a, a.old);
}

/* What the register has afterwards is what was written, apart from bits that the CPU leaves out; some cannot be read. */
static void watch_wrmsr(struct cpu *cpu)
{
	uint32_t msr = (uint32_t)cpu->gpr[TRAP_RCX];
	uint64_t value = pair(cpu), now;
	struct watch_access_state a;

	if (!watch_register_wants(register_of(msr), msr, WATCH_WRITE)) {
		exit_wrmsr(cpu);
		return;
	}
	watch_register_begin(cpu, &a, register_of(msr), msr, WATCH_WRITE);
	a.has_old = guest_read_msr(cpu, msr, &a.old);
	if (!a.has_old)
		a.old = ~value; /* each write counts as a change */
	if (watch_register_denies(cpu, &a, value)) {
		refuse(cpu);
		return;
	}
	exit_wrmsr(cpu);
	if (cpu->exit.skip)
		watch_register_end(cpu, &a, a.has_old && guest_read_msr(cpu, msr, &now) ? now : value);
}

static void watch_xsetbv(struct cpu *cpu)
{
	struct watch_access_state a;

	if (!watch_register_wants(WATCH_XCR0, 0, WATCH_WRITE)) {
		exit_xsetbv(cpu);
		return;
	}
	watch_register_begin(cpu, &a, WATCH_XCR0, 0, WATCH_WRITE);
	a.old = read_xcr0();
	a.has_old = true;
	if (watch_register_denies(cpu, &a, pair(cpu))) {
		refuse(cpu);
		return;
	}
	exit_xsetbv(cpu);
	if (cpu->exit.skip)
		watch_register_end(cpu, &a, read_xcr0());
}

void watch_msr_handlers(bool on)
{
	exit_handlers[EXIT_RDMSR] = on ? watch_rdmsr : exit_rdmsr;
	exit_handlers[EXIT_WRMSR] = on ? watch_wrmsr : exit_wrmsr;
	exit_handlers[EXIT_XSETBV] = on ? watch_xsetbv : exit_xsetbv;
}
