// SPDX-License-Identifier: MIT
#include "report/fault.h"
#include <boot/cmos_note.h>
#include "log/log.h"
#include "log/turn.h"
#include "report/core.h"
#include "report/report.h"
#include "log/screen.h"
#include "report/symbols.h"
#include "hw/asm.h"
#include "hw/msr.h"
#include "apic/park.h"
#include "cpu/moment.h"
#include "hw/lock.h"
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "log/cmos.h"
#include "mem/pool.h"
#include "blackbox/blackbox.h"
#include "trace/decode.h"
#include "trace/explain.h"
#include "trace/vector.h"
#include "vendor.h"

#define BACKTRACE_MAX 24
#define STACK_WORDS   32
#define LAST_TRAPS    8
/* faults inside the fault screen: the limit for when not even their own line can be printed */
#define DEPTH_MAX 32

extern const char image_start[], text_end[]; /* linker.ld */

/* What is reported. Only one CPU gets here. */
static struct fault {
	bool has_frame; /* a fault; otherwise a forbidden state, in words */
	struct trap_frame frame;
	struct trap_record record; /* the frame as a record, for decode and explain */
	char words[256];
	uint64_t rsp, rbp;
	unsigned step; /* the next step */
} fault;

static struct lock reporter = LOCK_FREE; /* never released */
static char line[TRAP_LINE_MAX];

void fault_show(void)
{
	__asm__ volatile("cli");
	while (screen_browse())
		moment();
	cpu_park();
}

static void print_text(const struct text *t)
{
	log_print("%s", t->at);
}

static const char *name_of(uint64_t vector)
{
	const char *name = vector_name((unsigned)vector);

	return name ? name : "?";
}

static void step_cause(struct cpu *cpu)
{
	struct text t = text_on(line, sizeof(line));

	if (!fault.has_frame) {
		log_print("trapline: fatal cpu=%u exit=0x%lx (%s) %s", cpu->number, cpu->exit.reason,
			vendor->exits.name(cpu->exit.reason), fault.words);
		return;
	}
	text_add(&t, "trapline: fault cpu=%u vec=%lu name=%s err=0x%lx exit=0x%lx at=", cpu->number,
		fault.frame.vector, name_of(fault.frame.vector), fault.frame.error, cpu->exit.reason);
	symbol_add(&t, fault.frame.rip);
	print_text(&t);
}

/* The code bytes at the fault, and the registers that decode and explain use. */
static void make_record(struct trap_record *r, const struct trap_frame *f)
{
	const uint64_t gpr[TRAP_GPRS] = {f->rax, f->rcx, f->rdx, f->rbx, f->rsp, f->rbp, f->rsi, f->rdi,
		f->r8, f->r9, f->r10, f->r11, f->r12, f->r13, f->r14, f->r15};

	memset(r, 0, sizeof(*r));
	memcpy(r->gpr, gpr, sizeof(gpr));
	r->rip = f->rip;
	r->cs = (uint16_t)f->cs;
	r->rflags = (uint32_t)f->rflags;
	r->cr0 = (uint32_t)read_cr0();
	r->cr2 = read_cr2();
	r->cr3 = read_cr3();
	r->cr4 = (uint32_t)read_cr4();
	r->efer = (uint32_t)rdmsr(MSR_EFER);
	r->dr6 = (uint32_t)read_dr6();
	r->gs_base = rdmsr(MSR_GS_BASE);
	r->vector = (uint8_t)f->vector;
	r->type = TRAP_TYPE_EXCEPTION;
	r->mode = 64;
	r->error_code = (uint32_t)f->error;
	r->flags = (uint8_t)((vector_has_error(r->vector) ? TRAP_HAS_ERROR : 0) |
			     (r->vector == VEC_PF ? TRAP_HAS_CR2 : 0) |
			     (r->vector == VEC_DB ? TRAP_HAS_DR6 : 0));
	r->code_len = (uint8_t)(TRAP_CODE_MAX - copy_safe(r->code, (const void *)f->rip, TRAP_CODE_MAX));
}

static void print_pf_bits(uint32_t error)
{
#define X(reg, constant, bit, name, meaning)                                                                 \
	if (error >> (bit)&1 || PF_##constant <= PF_I)                                                       \
		log_print("  error %s=%u%s%s", name, error >> (bit)&1, error >> (bit)&1 ? ": " : "",         \
			error >> (bit)&1 ? meaning : "");
	PF_BITS(X)
#undef X
}

/* A #DF that came from a #PF because the stack overflowed: CR2 is then just below the stack. */
static bool ran_over(const struct cpu *cpu)
{
	uint64_t bottom = cpu->host_stack_top - CPU_STACK_SIZE;

	return fault.record.vector == VEC_DF && fault.record.cr2 < bottom &&
	       fault.record.cr2 >= bottom - PAGE_SIZE;
}

static void step_error_code(struct cpu *cpu)
{
	struct text t = text_on(line, sizeof(line));

	if (!fault.has_frame)
		return;
	if (ran_over(cpu))
		text_add(&t, "the stack ran over into the page below it, cr2=0x%lx", fault.record.cr2);
	explain_cause(&t, &fault.record, NULL);
	if (t.length)
		log_print("  why=\"%s\"", line);
	if (fault.record.vector == VEC_PF) {
		print_pf_bits(fault.record.error_code);
	} else if (fault.record.flags & TRAP_HAS_ERROR) {
		t = text_on(line, sizeof(line));
		explain_selector(&t, &fault.record);
		log_print("  error 0x%x %s", fault.record.error_code, line);
	}
}

static bool read_table(uint64_t physical, uint64_t *value)
{
	return load64_safe(pool_virt(physical), value);
}

static void step_page_walk(struct cpu *cpu)
{
	const struct trap_record *r = &fault.record;
	struct guest_paging paging = {.cr0 = r->cr0, .cr3 = r->cr3, .cr4 = r->cr4, .efer = r->efer};
	struct walk w;

	if (!fault.has_frame || r->vector != VEC_PF)
		return;
	walk_trace(&w, &paging, r->cr2, read_table);
	report_levels(&w, r->cr2, r->cr3, r->error_code);
}

static void step_instruction(struct cpu *cpu)
{
	struct decoded d;
	struct text t = text_on(line, sizeof(line));

	if (!fault.has_frame)
		return;
	text_add(&t, "  code=");
	for (unsigned i = 0; i < fault.record.code_len; i++)
		text_add(&t, "%02x", fault.record.code[i]);
	if (decode(&fault.record, &d) == DECODE_OK)
		text_add(&t, " insn=\"%s\"", d.text);
	for (unsigned i = 0; i < d.mems; i++)
		text_add(&t, " mem=0x%lx", d.mem[i]);
	print_text(&t);
}

#ifdef TRAPLINE_TEST
void (*fault_in_step)(void);
#endif

static void step_registers(struct cpu *cpu)
{
#ifdef TRAPLINE_TEST
	if (fault_in_step)
		fault_in_step();
#endif
	if (fault.has_frame)
		report_registers(&fault.record);
}

/*
 * Prints an address with its name.
 *   name  symbol_add(), or symbol_add_return() for a return address: after a call that does not return another function may begin
 */
static void print_place(const char *word, uint64_t address, void (*name)(struct text *, uint64_t))
{
	struct text t = text_on(line, sizeof(line));

	text_add(&t, "  %s ", word);
	name(&t, address);
	print_text(&t);
}

/* Whether the instruction before a return address is a call: E8, or FF /2 of two to seven bytes. */
static bool follows_call(uint64_t address)
{
	uint8_t code[7];

	if (address < (uint64_t)image_start + sizeof(code) || address >= (uint64_t)text_end)
		return false;
	memcpy(code, (const void *)(address - sizeof(code)), sizeof(code));
	if (code[2] == 0xe8)
		return true;
	for (unsigned i = 0; i < sizeof(code) - 1; i++)
		if (code[i] == 0xff && (code[i + 1] & 0x38) == 0x10)
			return true;
	return false;
}

/* The start of the stack's readable part: after an overflow RSP points below it. */
static const uint64_t *readable_stack(uint64_t rsp)
{
	uint64_t value;

	if (!load64_safe((const void *)(rsp & ~7ull), &value))
		rsp = (rsp & ~(PAGE_SIZE - 1)) + PAGE_SIZE;
	return (const uint64_t *)(rsp & ~7ull);
}

/*
 * Prints every return address on the stack. Hot code has no frame pointers, so the chain of frames is incomplete.
 * An address that is not on the chain gets a question mark, because it may be left from an earlier call.
 */
static void step_backtrace(struct cpu *cpu)
{
	uint64_t value, last = 0, chain = fault.rbp;
	unsigned printed = 0;

	if (fault.has_frame)
		print_place("at", fault.frame.rip, symbol_add);
	for (const uint64_t *at = readable_stack(fault.rsp);
		printed < BACKTRACE_MAX && load64_safe(at, &value); at++) {
		bool linked = chain + 8 == (uint64_t)at;

		if (linked)
			load64_safe(at - 1, &chain);
		if (value == last || !follows_call(value)) /* a recursion is printed once */
			continue;
		print_place(linked ? "by" : "by?", value, symbol_add_return);
		last = value;
		printed++;
	}
}

static void step_stack(struct cpu *cpu)
{
	const uint64_t *rsp = readable_stack(fault.rsp);
	uint64_t w[4];

	for (unsigned i = 0; i < STACK_WORDS; i += 4) {
		for (unsigned k = 0; k < 4; k++)
			if (!load64_safe(rsp + i + k, &w[k]))
				return;
		log_print("  stack 0x%lx: %016lx %016lx %016lx %016lx", (uint64_t)(rsp + i), w[0], w[1], w[2],
			w[3]);
	}
}

static void step_exit(struct cpu *cpu)
{
	const struct exit *x = &cpu->exit;

	log_print("trapline: the exit that was being handled: kind=%s reason=0x%lx (%s) address=0x%lx "
		  "qualifier=0x%lx",
		exit_kind_name(x->kind), x->reason, vendor->exits.name(x->reason), x->address, x->qualifier);
}

static void step_guest(struct cpu *cpu)
{
	log_print("trapline: guest state cpu=%u", cpu->number);
	if (cpu->vendor)
		vendor->exits.dump(cpu);
}

static void step_cpus(struct cpu *cpu)
{
	cpus_report();
}

static void step_history(struct cpu *cpu)
{
	report_histories(cpu);
}

static void step_traps(struct cpu *cpu)
{
	log_print("trapline: last traps of every CPU");
	report_last_traps(cpu, LAST_TRAPS);
}

static void step_core(struct cpu *cpu)
{
	if (cpu->vendor)
		core_keep(cpu, NULL);
}

static void step_seal(struct cpu *cpu)
{
	if (fault.has_frame)
		cmos_leave(&fault.record, CMOS_OWN);
	blackbox_seal(fault.has_frame ? "a fault of Trapline's own" : fault.words, true);
}

/* X(name): step_name runs; in this order. The most useful comes first, because any step may be the last that works. */
#define STEPS(X)                                                                                             \
	X(cause)                                                                                             \
	X(error_code)                                                                                        \
	X(page_walk)                                                                                         \
	X(instruction)                                                                                       \
	X(registers) X(backtrace) X(stack) X(exit) X(guest) X(cpus) X(history) X(traps) X(core) X(seal)

static const struct step {
	const char *name;
	void (*run)(struct cpu *cpu);
} steps[] = {
#define X(name) {#name, step_##name},
	STEPS(X)
#undef X
};

#define STEP_COUNT ARRAY_SIZE(steps)

__attribute__((noreturn)) static void run_steps(struct cpu *cpu)
{
	while (fault.step < STEP_COUNT)
		steps[fault.step++].run(cpu);
	log_print("trapline: end of %s; this CPU is stopped", fault.has_frame ? "fault" : "fatal");
	fault_show();
}

/* A fault inside a step ends that step. */
__attribute__((noreturn)) static void go_on(struct cpu *cpu, const struct trap_frame *f)
{
	struct text t = text_on(line, sizeof(line));
	const char *name = fault.step ? steps[fault.step - 1].name : "start";

	if (cpu->fault_depth > DEPTH_MAX)
		cpu_park();
	text_add(&t,
		"trapline: the step %s of this report faulted: vec=%lu name=%s err=0x%lx cr2=0x%lx at=", name,
		f->vector, name_of(f->vector), f->error, read_cr2());
	symbol_add(&t, f->rip);
	print_text(&t);
	run_steps(cpu);
}

/* The first CPU reports. Another CPU that fails, even for the same reason, only stops. */
static void claim(struct cpu *cpu)
{
	if (!lock_try(&reporter))
		cpu_park();
	log_seize();
	cpus_park();
	blackbox_mark();
	screen_take();
}

void fault_screen(const struct trap_frame *f)
{
	struct cpu *cpu = cpu_of_stack((uint64_t)f);

	wrmsr(MSR_GS_BASE,
		(uint64_t)cpu); /* it may be the guest's, and the handlers of what comes meanwhile need it */
	if (cpu->fault_depth++)
		go_on(cpu, f);
	claim(cpu);
	fault.has_frame = true;
	fault.frame = *f;
	fault.rsp = f->rsp;
	fault.rbp = f->rbp;
	make_record(&fault.record, f);
	run_steps(cpu);
}

void fault_fatal(struct cpu *cpu, const char *fmt, ...)
{
	va_list ap;

	cpu->fault_depth++;
	claim(cpu);
	va_start(ap, fmt);
	vsnprintf(fault.words, sizeof(fault.words), fmt, ap);
	va_end(ap);
	fault.rsp = fault.rbp = (uint64_t)__builtin_frame_address(0);
	turn_finish();
	run_steps(cpu);
}
