/*
 * VMEXIT_INVALID: nothing of the guest ran, and nothing would the next time. A CPU leaves the guest's state as it was, Bochs
 * 2.7 has written the host's over it by now, and QEMU 7.2 the host's over some of it, RIP always. What the guest can bring
 * about does not get as far as this: docs/vendors.md, "What an entry checks".
 *
 * QEMU has another use of the code: MOV to CR3 or CR4 with a reserved bit exits with it, where a CPU raises #GP.
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
	cpus_park(); /* before the console is seized: nobody else is to print then */
	log_seize();
	turn_finish();
	log_print("trapline: VMRUN failed cpu=%u: VMEXIT_INVALID", cpu->number);
	if (!check(v, say_failed))
		log_print("  none of the checks that Trapline knows fails");
	fault_fatal(cpu, "the CPU refused the guest's state");
}

/* RIP is the guest's only in the second case: the host's code is nothing that the guest's memory has. */
enum exit_kind svm_refused(struct cpu *cpu)
{
	const struct vmcb *v = vmcb_of(cpu);

	if (svm_caps.strict_cr || check(v, say_nothing) || !svm_is_cr_move(cpu))
		die(cpu, v);
	return EXIT_CONTROL_REGISTER;
}
