// SPDX-License-Identifier: MIT
/* VM exit: converts the VMCS's fields to the neutral exit. */
#include "vmx/vmx_skip.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/string.h"
#include "report/fault.h"
#include "exit/dispatch.h"
#include "exit/quick.h"
#include "exit/usual.h"

/* The decoders return what the history of exits keeps besides the reason. */

static uint64_t decode_during(struct cpu *cpu)
{
	vmx_decode_during(cpu);
	return 0;
}

/* 28.2.1: the vector. */
static uint64_t decode_sipi(struct cpu *cpu)
{
	return cpu->exit.qualifier = vmread(VMCS_EXIT_QUALIFICATION);
}

/* Table 28-5: exit qualification of an I/O instruction. */
static uint64_t decode_io(struct cpu *cpu)
{
	uint64_t q = vmread(VMCS_EXIT_QUALIFICATION);

	cpu->exit.io = (struct exit_io){
		.port = (uint16_t)(q >> 16),
		.size = (uint8_t)((q & 7) + 1),
		.in = q & 0x08,
		.string = q & 0x10,
		.rep = q & 0x20,
	};
	return q;
}

/* The monitor trap flag. The single step that the guest itself wants is pending if TF was set: 28.3.4 */
static uint64_t decode_step(struct cpu *cpu)
{
	vmx_of(cpu)->stepped = true;
	vmx_decode_during(cpu);
	return 0;
}

/*
 * Table 28-7: exit qualification of an EPT violation. A misconfiguration has none. Each store to the APIC is a violation, so the bits are
 * an index: 2:0 the access, 5:3 the rights of the page, 7 a linear address, 8 the access to it, and not to the guest's tables.
 */
#define EPT_ACCESS(q)  ((q)&2 ? STAGE2_WRITE : (q)&4 ? STAGE2_FETCH : STAGE2_READ)
#define EPT_PAGE(q)    (EPT_ACCESS(q) | ((q)&0x38 ? STAGE2_PRESENT : 0))
#define EPT_PAGE_4(q)  EPT_PAGE(q), EPT_PAGE((q) + 1), EPT_PAGE((q) + 2), EPT_PAGE((q) + 3)
#define EPT_PAGE_16(q) EPT_PAGE_4(q), EPT_PAGE_4((q) + 4), EPT_PAGE_4((q) + 8), EPT_PAGE_4((q) + 12)
#define EPT_LINEAR     0x80
static const uint8_t ept_page[] = {EPT_PAGE_16(0), EPT_PAGE_16(16), EPT_PAGE_16(32), EPT_PAGE_16(48)},
		     ept_linear[] = {0, STAGE2_LINEAR | STAGE2_WALK, 0, STAGE2_LINEAR};

static uint64_t decode_ept(struct cpu *cpu)
{
	struct exit *x = &cpu->exit;
	uint64_t q;

	x->address = vmread(VMCS_GUEST_PHYSICAL_ADDRESS);
	vmx_decode_during(cpu);
	if (x->reason == VMX_EXIT_EPT_MISCONFIGURATION) {
		x->qualifier = STAGE2_RESERVED;
		return x->address;
	}
	q = vmread(VMCS_EXIT_QUALIFICATION);
	x->qualifier = ept_page[q & 0x3f] | ept_linear[q >> 7 & 3];
	if (q & EPT_LINEAR)
		x->linear = vmread(VMCS_GUEST_LINEAR_ADDRESS);
	if (q & EVENT_NMI_UNBLOCKING)
		vmx_restore_nmi_blocking(cpu);
	return x->address;
}

/*
 * The exits with their neutral kinds. Other reasons are EXIT_UNKNOWN.
 * X(name, control, kind, decoder)
 *   name     one of VMX_EXITS
 *   control  the one of VMX_CONTROLS that enables it. ALWAYS: it needs none; NEVER: Trapline does not request it, but would decode it
 *   kind     a decoder may change it
 *   decoder  NULL: the exit reason says everything
 */
#define EXITS(X)                                                                                             \
	X(EXCEPTION_OR_NMI, PIN_NMI_EXITING, EXIT_EXCEPTION, vmx_decode_exception)                           \
	X(EXTERNAL_INTERRUPT, PIN_INTERRUPT_EXITING, EXIT_INTERRUPT, NULL)                                   \
	X(TRIPLE_FAULT, ALWAYS, EXIT_SHUTDOWN, decode_during)                                                \
	X(INIT, ALWAYS, EXIT_INIT, NULL)                                                                     \
	X(SIPI, ALWAYS, EXIT_SIPI, decode_sipi)                                                              \
	X(INTERRUPT_WINDOW, CPU_INTERRUPT_WINDOW, EXIT_INTERRUPT_WINDOW, NULL)                               \
	X(NMI_WINDOW, CPU_NMI_WINDOW, EXIT_NMI_WINDOW, NULL)                                                 \
	X(TASK_SWITCH, ALWAYS, EXIT_TASK_SWITCH, decode_during)                                              \
	X(CPUID, ALWAYS, EXIT_CPUID, NULL)                                                                   \
	X(GETSEC, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                         \
	X(INVD, ALWAYS, EXIT_INVD, NULL)                                                                     \
	X(VMCALL, ALWAYS, EXIT_VMCALL, NULL)                                                                 \
	X(VMCLEAR, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                        \
	X(VMLAUNCH, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                       \
	X(VMPTRLD, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                        \
	X(VMPTRST, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                        \
	X(VMREAD, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                         \
	X(VMRESUME, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                       \
	X(VMWRITE, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                        \
	X(VMXOFF, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                         \
	X(VMXON, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                          \
	X(CR_ACCESS, ALWAYS, EXIT_CONTROL_REGISTER, NULL)                                                    \
	X(MOV_DR, CPU_MOV_DR_EXITING, EXIT_DEBUG_REGISTER, NULL)                                             \
	X(GDTR_OR_IDTR, CPU2_TABLE_EXITING, EXIT_TABLE_REGISTER, NULL)                                       \
	X(LDTR_OR_TR, CPU2_TABLE_EXITING, EXIT_TABLE_REGISTER, NULL)                                         \
	X(IO, CPU_IO_BITMAPS, EXIT_IO, decode_io)                                                            \
	X(RDMSR, CPU_MSR_BITMAPS, EXIT_RDMSR, NULL)                                                          \
	X(WRMSR, CPU_MSR_BITMAPS, EXIT_WRMSR, NULL)                                                          \
	X(EPT_VIOLATION, CPU2_EPT, EXIT_STAGE2, decode_ept)                                                  \
	X(EPT_MISCONFIGURATION, CPU2_EPT, EXIT_STAGE2, decode_ept)                                           \
	X(MONITOR_TRAP_FLAG, CPU_MONITOR_TRAP_FLAG, EXIT_STEP, decode_step)                                  \
	X(INVEPT, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                         \
	X(PREEMPTION_TIMER, PIN_PREEMPTION_TIMER, EXIT_TIMER, NULL)                                          \
	X(INVVPID, ALWAYS, EXIT_VIRTUALIZATION, NULL)                                                        \
	X(WBINVD, NEVER, EXIT_INVD, NULL)                                                                    \
	X(XSETBV, ALWAYS, EXIT_XSETBV, NULL)                                                                 \
	X(VMFUNC, NEVER, EXIT_VIRTUALIZATION, NULL)

/* The kinds that the VT-x code handles. X(kind, handler) */
#define OWN(X)                                                                                               \
	X(EXIT_NMI, vmx_take_nmi)                                                                            \
	X(EXIT_NMI_WINDOW, vmx_nmi_unblocked)                                                                \
	X(EXIT_INIT, vmx_take_init)                                                                          \
	X(EXIT_CONTROL_REGISTER, vmx_control_register)                                                       \
	X(EXIT_X87, vmx_x87_error)                                                                           \
	X(EXIT_TASK_SWITCH, vmx_task_switch)                                                                 \
	X(EXIT_TIMER, vmx_timer)

/* The kinds that do not exist on VT-x. */
#define ABSENT (1 << EXIT_IRET | 1 << EXIT_HLT | 1 << EXIT_UNREAD | 1 << EXIT_SMI)
/* The kinds without a row in the list, or that only a decoder sets. */
#define OTHERS (1 << EXIT_UNKNOWN | 1 << EXIT_NMI | 1 << EXIT_X87)

#define X(name, control, kind, decoder) | 1 << kind
_Static_assert((OTHERS | ABSENT EXITS(X)) == EXIT_KINDS_ALL, "a kind without a row: cpu/exit_kinds.def");
_Static_assert(((OTHERS EXITS(X)) & ABSENT) == 0, "a row of a kind that VT-x does not have");
#undef X
#define X(kind, handler) | 1 << kind
_Static_assert((0 OWN(X)) == (EXIT_KINDS_OWN & ~ABSENT), "a kind without a handler: cpu/exit_kinds.def");
#undef X

enum {
	ALWAYS = 0,
	RULE_ALWAYS = VMX_REQUIRED,
	WORD_ALWAYS = 0,
	NEVER = 0,
	RULE_NEVER = VMX_OPTIONAL,
	WORD_NEVER = 0,
};

void vmx_ask_for_exits(uint32_t asked[VMX_CONTROL_WORDS])
{
	memset(asked, 0, VMX_CONTROL_WORDS * sizeof(asked[0]));
#define X(name, control, kind, decoder)                                                                      \
	_Static_assert(RULE_##control != (int)VMX_FORBIDDEN, #name " does not exit: VMX_CONTROLS");          \
	if (RULE_##control == (int)VMX_BY_EXIT)                                                              \
		asked[WORD_##control] |= (uint32_t)(control);
	EXITS(X)
#undef X
}

/* One list makes two tables, because this saves an instruction on the hot path. */
#define X(name, control, kind, decoder) [VMX_EXIT_##name] = kind,
static const uint8_t kinds[] = {EXITS(X)};
#undef X
static uint64_t decode_other(struct cpu *cpu);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init" /* the range first, then the list */
#define X(name, control, kind, decoder) [VMX_EXIT_##name] = decoder,
static uint64_t (*const decoders[ARRAY_SIZE(kinds)])(struct cpu *cpu) = {
	[0 ... ARRAY_SIZE(kinds) - 1] = decode_other, EXITS(X)};
#undef X
#pragma GCC diagnostic pop

void vmx_own_exit(struct cpu *cpu)
{
#define X(kind, handler) [kind] = (handler),
	static void (*const handlers[EXIT_KIND_COUNT])(struct cpu *) = {OWN(X)};
#undef X

	handlers[cpu->exit.kind](cpu);
}

/* 31.2, VMfailValid: the VMCS itself or its controls are wrong. */
void vmx_entry_failed(struct cpu *cpu)
{
	uint64_t error = vmread(VMCS_INSTRUCTION_ERROR);

	fault_fatal(
		cpu, "VM entry failed: %s (VM-instruction error %lu)", vmx_instruction_error(error), error);
}

static uint64_t decode_exit(struct cpu *cpu, uint32_t reason)
{
	cpu->exit.reason = reason;
	if (reason >= ARRAY_SIZE(kinds))
		return decode_other(cpu);
	cpu->exit.kind = kinds[reason];
	return decoders[reason] ? decoders[reason](cpu) : 0;
}

/* An exit reason with flags above its number, or outside the list. */
SLOW_PATH static uint64_t decode_other(struct cpu *cpu)
{
	uint32_t reason = (uint32_t)cpu->exit.reason;

	if (reason & EXIT_ENTRY_FAILURE)
		vmx_refused(cpu, reason);
	if (reason & ~EXIT_REASON_BASIC)
		return decode_exit(cpu, reason & EXIT_REASON_BASIC);
	cpu->exit.kind = EXIT_UNKNOWN;
	return decode_during(cpu);
}

static inline void settle(struct cpu *cpu, const struct vmx_cpu *vmx)
{
	if (__builtin_expect(vmx->rflags & RFLAGS_TF, 0) && !vmx->stepped)
		vmx_settle_debug(cpu);
	vmx_count_exit(cpu);
}

/* Rare work before an entry. */
static void before_entry(struct cpu *cpu)
{
	if (!(cpu->work & CPU_WORK_RELOAD))
		return;
	cpu_end_work(cpu, CPU_WORK_RELOAD);
	settle(cpu, vmx_of(cpu));
	vmx_run_on(cpu);
}

SLOW_PATH void vmx_end_exit(struct cpu *cpu)
{
	exit_end(cpu, before_entry);
	settle(cpu, vmx_of(cpu));
}

/* The time in the history is that in front of the handler. */
__attribute__((always_inline)) static inline void dispatch(
	struct cpu *cpu, struct vmx_cpu *vmx, uint32_t reason, uint64_t detail)
{
	history_note(&cpu->history, vmx->rip, reason, detail);
	exit_dispatch(cpu, vmx, vmx_skip);
	exit_end(cpu, before_entry);
	settle(cpu, vmx);
}

__attribute__((noinline)) static void long_exit(struct cpu *cpu, struct vmx_cpu *vmx, uint32_t reason)
{
	dispatch(cpu, vmx, reason, decode_exit(cpu, reason));
}

void vmx_long_exception(struct cpu *cpu, struct vmx_cpu *vmx)
{
	dispatch(cpu, vmx, VMX_EXIT_EXCEPTION_OR_NMI, vmx_decode_exception(cpu));
}

/* An EPT violation: each store to the APIC is one. No handler of these asks for exit.skip. */
__attribute__((noinline)) static void ept_exit(struct cpu *cpu, struct vmx_cpu *vmx)
{
	cpu->exit.reason = VMX_EXIT_EPT_VIOLATION;
	cpu->exit.kind = EXIT_STAGE2;
	cpu->stats.exits[EXIT_STAGE2]++;
	history_note(&cpu->history, vmx->rip, VMX_EXIT_EPT_VIOLATION, decode_ept(cpu));
	exit_stage2(cpu);
	exit_end(cpu, before_entry);
	settle(cpu, vmx);
}

/* The others of exit/quick.h. */
__attribute__((noinline)) static void long_vmcall(struct cpu *cpu, struct vmx_cpu *vmx)
{
	cpu->exit.reason = VMX_EXIT_VMCALL;
	cpu->exit.kind = EXIT_VMCALL;
	dispatch(cpu, vmx, VMX_EXIT_VMCALL, 0);
}

SLOW_PATH static void skip_and_end(struct cpu *cpu)
{
	vmx_skip(cpu, vmx_of(cpu));
	vmx_end_exit(cpu);
}

/* The end of exit/quick.h: the instruction is skipped. */
__attribute__((always_inline)) static inline void end_quickly(
	struct cpu *cpu, struct vmx_cpu *vmx, uint32_t reason, uint64_t rip, uint64_t rflags)
{
	cpu->exit.reason = reason;
	history_note(&cpu->history, rip, reason, 0);
	if (__builtin_expect(!vmx_skips(vmx, rip, rflags), 0))
		skip_and_end(cpu);
	else if (__builtin_expect(cpu->work != 0, 0))
		vmx_end_exit(cpu);
	else
		vmx_count_exit(cpu);
}

/* CPUID needs RBX, which the other exits do not save. */
__attribute__((noinline)) static void cpuid_exit(
	struct cpu *cpu, struct vmx_cpu *vmx, uint64_t rip, uint64_t rflags)
{
	if (exit_quickly(cpu, EXIT_CPUID))
		end_quickly(cpu, vmx, VMX_EXIT_CPUID, rip, rflags);
	else
		long_exit(cpu, vmx, VMX_EXIT_CPUID);
}

static inline void vmcall_exit(struct cpu *cpu, struct vmx_cpu *vmx, uint64_t rip, uint64_t rflags)
{
	if (exit_quickly(cpu, EXIT_VMCALL))
		end_quickly(cpu, vmx, VMX_EXIT_VMCALL, rip, rflags);
	else
		long_vmcall(cpu, vmx);
}

/* Of IA32_FEATURE_CONTROL. */
static inline void rdmsr_exit(struct cpu *cpu, struct vmx_cpu *vmx, uint64_t rip, uint64_t rflags)
{
	exit_read_msr(cpu, vmx_feature_control_shown());
	end_quickly(cpu, vmx, VMX_EXIT_RDMSR, rip, rflags);
}

/* As the event's vector says. */
static inline void exit_of_exception(struct cpu *cpu, struct vmx_cpu *vmx)
{
	uint32_t word = (uint32_t)vmread(VMCS_EXIT_EVENT);

	if (USUAL_VECTORS >> (EVENT_VECTOR(word) & (VECTOR_COUNT - 1)) & 1)
		vmx_usual_exception(cpu, vmx, word);
	else
		vmx_long_exception(cpu, vmx);
}

/* Each exit ends by a call of another function. So each saves only the registers that it needs, and the short ones save none. */
void vmx_exit(struct cpu *cpu)
{
	struct vmx_cpu *vmx = vmx_of(cpu);
	uint32_t reason = (uint32_t)vmread(VMCS_EXIT_REASON);
	uint64_t rip = vmread(VMCS_GUEST_RIP), rflags = vmread(VMCS_GUEST_RFLAGS);

	vmx->rip = rip;
	vmx->rflags = rflags;
	vmx->fresh = 0;
	exit_begin(&cpu->exit);
	if (reason == VMX_EXIT_EXCEPTION_OR_NMI)
		exit_of_exception(cpu, vmx);
	else if (reason == VMX_EXIT_CPUID)
		cpuid_exit(cpu, vmx, rip, rflags);
	else if (reason == VMX_EXIT_VMCALL)
		vmcall_exit(cpu, vmx, rip, rflags);
	else if (reason == VMX_EXIT_RDMSR && exit_may_read_msr(cpu, MSR_FEATURE_CONTROL))
		rdmsr_exit(cpu, vmx, rip, rflags);
	else if (reason == VMX_EXIT_EPT_VIOLATION)
		ept_exit(cpu, vmx);
	else
		long_exit(cpu, vmx, reason);
}
