#include "console/fault.h"
#include "console/console.h"
#include "cpu/asm.h"
#include "lib/printf.h"
#include "trace/vector.h"
#include "vendor.h"

#define BACKTRACE_MAX 16

extern const char image_start[], text_end[]; /* linker.ld */

__attribute__((weak)) void cpus_stop(void)
{
}

void fault_stop(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* Frame pointers, as long as they lead upwards on one stack and to code of the image. */
static void print_backtrace(uint64_t rip, const uint64_t *rbp)
{
	console_print("  at %lx", rip);
	for (unsigned i = 0; i < BACKTRACE_MAX && ((uint64_t)rbp & 7) == 0 && rbp; i++) {
		uint64_t next, back;

		if (!load64_safe(rbp, &next) || !load64_safe(rbp + 1, &back))
			return;
		if (back < (uint64_t)image_start || back >= (uint64_t)text_end)
			return;
		console_print("  by %lx", back);
		if (next <= (uint64_t)rbp)
			return;
		rbp = (const uint64_t *)next;
	}
}

static void print_registers(const struct trap_frame *f)
{
	console_print("  rax=%016lx rbx=%016lx rcx=%016lx rdx=%016lx", f->rax, f->rbx, f->rcx, f->rdx);
	console_print("  rsi=%016lx rdi=%016lx rbp=%016lx rsp=%016lx", f->rsi, f->rdi, f->rbp, f->rsp);
	console_print("  r8 =%016lx r9 =%016lx r10=%016lx r11=%016lx", f->r8, f->r9, f->r10, f->r11);
	console_print("  r12=%016lx r13=%016lx r14=%016lx r15=%016lx", f->r12, f->r13, f->r14, f->r15);
	console_print("  rip=%016lx cs=%04lx rflags=%08lx cr2=%016lx cr3=%016lx", f->rip, f->cs, f->rflags,
		read_cr2(), read_cr3());
}

void fault_screen(const struct trap_frame *f)
{
	struct cpu *cpu = cpu_of_stack((uint64_t)f);
	const char *name = vector_name((unsigned)f->vector);

	console_seize();
	if (cpu->fault_depth++)
		fault_stop();
	console_print("trapline: fault cpu=%u vec=%lu name=%s err=0x%lx exit=0x%lx", cpu->number, f->vector,
		name ? name : "?", f->error, cpu->exit.reason);
	print_registers(f);
	print_backtrace(f->rip, (const uint64_t *)f->rbp);
	if (cpu->vendor)
		vendor->dump(cpu);
	console_print("trapline: end of fault; this CPU is stopped");
	fault_stop();
}

void fault_fatal(struct cpu *cpu, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	console_seize();
	console_finish();
	console_print("trapline: fatal cpu=%u exit=0x%lx (%s) %s", cpu->number, cpu->exit.reason,
		vendor->exit_name(cpu->exit.reason), line);
	vendor->dump(cpu);
	console_print("trapline: end of fatal; this CPU is stopped");
	fault_stop();
}
