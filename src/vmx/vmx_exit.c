/* VM exit: from the VMCS's words to the neutral exit, and back in. */
#include "vmx/vmx.h"
#include "hw/x86.h"
#include "report/fault.h"
#include "exit/dispatch.h"

#define X(number, name, kind) [number] = kind,
static const uint8_t kind_of[] = {VMX_EXITS(X)};
#undef X

/* Table 28-5: exit qualification of an I/O instruction. */
static uint64_t decode_io(struct exit_io *io)
{
	uint64_t q = vmread(VMCS_EXIT_QUALIFICATION);

	*io = (struct exit_io){
		.port = (uint16_t)(q >> 16),
		.size = (uint8_t)((q & 7) + 1),
		.in = q & 0x08,
		.string = q & 0x10,
		.rep = q & 0x20,
	};
	return q;
}

/* Table 28-7: exit qualification of an EPT violation. A misconfiguration has none. */
static void decode_ept(struct cpu *cpu)
{
	struct exit *x = &cpu->exit;
	uint64_t q;

	x->address = vmread(VMCS_GUEST_PHYSICAL_ADDRESS);
	vmx_decode_during(cpu);
	if (x->reason == VMX_EXIT_EPT_MISCONFIGURATION) {
		x->qualifier = STAGE2_RESERVED;
		return;
	}
	q = vmread(VMCS_EXIT_QUALIFICATION);
	x->qualifier = (q & 0x02          ? STAGE2_WRITE
			       : q & 0x04 ? STAGE2_FETCH
					  : STAGE2_READ) |
		       (q & 0x38 ? STAGE2_PRESENT : 0) | ((q & 0x180) == 0x80 ? STAGE2_WALK : 0) |
		       (q & 0x80 ? STAGE2_LINEAR : 0);
	if (q & 0x80)
		x->linear = vmread(VMCS_GUEST_LINEAR_ADDRESS);
	if (q & EVENT_NMI_UNBLOCKING)
		vmx_restore_nmi_blocking(cpu);
}

/* The other kinds whose exit says more than its reason. */
#define MORE_TO_DECODE                                                                                       \
	(1u << EXIT_UNKNOWN | 1u << EXIT_EXCEPTION | 1u << EXIT_IO | 1u << EXIT_STAGE2 |                     \
		1u << EXIT_TASK_SWITCH | 1u << EXIT_SIPI | 1u << EXIT_SHUTDOWN)
_Static_assert(EXIT_KIND_COUNT <= 32, "the mask above");

/* Returns what the history of exits keeps besides the reason. */
__attribute__((noinline)) static uint64_t decode_more(struct cpu *cpu)
{
	struct exit *x = &cpu->exit;

	switch (x->kind) {
	case EXIT_EXCEPTION: /* with a flag above its number: in an enclave (28.2.1) */
		return vmx_decode_exception(cpu);
	case EXIT_IO:
		return decode_io(&x->io);
	case EXIT_SIPI:
		return x->qualifier = vmread(VMCS_EXIT_QUALIFICATION); /* the vector: 28.2.1 */
	case EXIT_STAGE2:
		decode_ept(cpu);
		return x->address;
	default:
		vmx_decode_during(cpu);
		return 0;
	}
}

/* 31.2, VMfailValid: the VMCS itself or its controls are wrong. */
void vmx_entry_failed(struct cpu *cpu)
{
	uint64_t error = vmread(VMCS_INSTRUCTION_ERROR);

	fault_fatal(
		cpu, "VM entry failed: %s (VM-instruction error %lu)", vmx_instruction_error(error), error);
}

/* A reason with flags above its number, or one that is not in the table. */
SLOW_PATH static enum exit_kind decode_rare(struct cpu *cpu, uint32_t reason)
{
	if (reason & EXIT_ENTRY_FAILURE)
		vmx_refused(cpu, reason);
	cpu->exit.reason = reason &= EXIT_REASON_BASIC;
	return reason < sizeof(kind_of) ? kind_of[reason] : EXIT_UNKNOWN;
}

static uint64_t decode(struct cpu *cpu, uint32_t reason)
{
	struct exit *x = &cpu->exit;

	x->reason = reason;
	x->kind = reason < sizeof(kind_of) ? kind_of[reason] : decode_rare(cpu, reason);
	return 1u << x->kind & MORE_TO_DECODE ? decode_more(cpu) : 0;
}

static inline void end_exit(struct cpu *cpu)
{
	if (__builtin_expect(vmx_of(cpu)->rflags & RFLAGS_TF, 0) && !vmx_of(cpu)->stepped)
		vmx_settle_debug(cpu);
	vmx_count_exit(cpu);
}

/* What few entries need. */
static void before_entry(struct cpu *cpu)
{
	if (!(cpu->work & CPU_WORK_RELOAD))
		return;
	cpu_end_work(cpu, CPU_WORK_RELOAD);
	end_exit(cpu);
	vmx_run_on(cpu);
}

void vmx_exit(struct cpu *cpu)
{
	struct vmx_cpu *vmx = vmx_of(cpu);
	uint32_t reason = (uint32_t)vmread(VMCS_EXIT_REASON);
	uint64_t detail;

	vmx->rip = vmread(VMCS_GUEST_RIP);
	vmx->rflags = vmread(VMCS_GUEST_RFLAGS);
	vmx->fresh = 0;
	exit_begin(&cpu->exit);
	detail = reason == VMX_EXIT_EXCEPTION_OR_NMI ? vmx_decode_exception(cpu) : decode(cpu, reason);
	history_note(&cpu->history, vmx->rip, reason, detail);
	exit_dispatch(cpu, vmx_skip, before_entry);
	end_exit(cpu);
}
