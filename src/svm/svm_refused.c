// SPDX-License-Identifier: MIT
/*
 * VMEXIT_INVALID: the guest did not run, and a retry would fail the same way. A CPU leaves the guest's state unchanged; Bochs
 * 2.7 has overwritten it with the host's, and QEMU 7.2 a part of it, RIP always. States that the guest can cause
 * do not get here: docs/vendors.md, "What an entry checks".
 *
 * QEMU also uses this code for MOV to CR3 or CR4 with a reserved bit, where a CPU raises #GP.
 */
#include "log/log.h"
#include "log/turn.h"
#include "report/fault.h"
#include "hw/asm.h"
#include "apic/park.h"
#include "svm/svm.h"
#include "hw/features.h"
#include "svm/svm_check.h"

static void say_failed(const struct svm_check_row *row, uint64_t value)
{
	log_print("  %s=0x%lx %s", row->field, value, row->why);
}

static void say_nothing(const struct svm_check_row *row, uint64_t value)
{
}

static unsigned check(const struct vmcb *v, void (*fail)(const struct svm_check_row *row, uint64_t value))
{
	const struct svm_check c = {.vmcb = v, .fail = fail, .physical_bits = features.physical_bits};

	return svm_check_vmcb(&c);
}

__attribute__((noreturn)) static void die(struct cpu *cpu, const struct vmcb *v)
{
	cpus_park(); /* before the console is seized, because no other CPU may print then */
	log_seize();
	turn_finish();
	log_print("trapline: VMRUN failed cpu=%u: VMEXIT_INVALID", cpu->number);
	if (!check(v, say_failed))
		log_print("  every check that Trapline knows passes");
	fault_fatal(cpu, "the CPU refused the guest's state");
}

/* RIP is the guest's only at such a MOV. Otherwise it is the host's, and the guest has no MOV to a control register at that address. */
enum exit_kind svm_refused(struct cpu *cpu)
{
	const struct vmcb *v = vmcb_of(cpu);

	if (svm_caps.strict_cr || check(v, say_nothing) || !svm_is_cr_move(cpu))
		die(cpu, v);
	return EXIT_CONTROL_REGISTER;
}
