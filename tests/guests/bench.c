// SPDX-License-Identifier: MIT
/*
 * The cost of an exit, in instructions.
 *
 * Time on an emulator says nothing about hardware, but an exact count of instructions does. Under
 * QEMU's -icount shift=5 every instruction is 32 ticks of the TSC, including those of the VMM; on Bochs
 * with one CPU every instruction is one tick. The first line measures the unit. All other lines are
 * in hundredths of it (per=31250 is 312.5 instructions), for one pass of the code in the loop, without the
 * loop itself; for a copy (with bytes=), for all of it, without the guest's other instructions.
 *
 * Handlers of two or three instructions skip faults. Their own instructions are in the figure, as they
 * are bare: the difference to the same line bare is the cost of Trapline.
 *
 * Load options: n=1000 passes, only=cpuid,ud2 lines, drain=0 null VMCALLs after the passes, during which
 * Trapline does its console work, which is then counted. watched has the rows of a watch of memory, which is set. profile=cpuid makes passes of that line without
 * end.
 */
#include <trapline/services.h>
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "bench";

#define WARM_UP       8
#define PASSES        1000
#define NONCANONICAL  0x0000800000000000ull
#define APIC          0xfee00000 /* its end-of-interrupt register accepts any number of writes */
#define NO_CALL       0x7fffffff /* a number that no service has */
#define UNALIGNED     (WINDOW_AT(PAGE_DATA_INDEX) + 1)
#define CALIBRATION   100000
#define UNITS_PER_ONE 100

/*
 * Handlers that skip an instruction of two bytes, as nearly all here are, or of three, without or with an error
 * code. Others are for traps, which need no skip, or remove the reason, so that the instruction can
 * complete.
 */
extern const uint8_t bench_skip[], bench_skip_error[], bench_skip3[], bench_return[], bench_no_step[],
	bench_no_x87[];
__asm__(".text\n"
	".balign 16\n"
	"bench_skip_error: add $8, %rsp\n"
	"bench_skip: addq $2, (%rsp)\n"
	"bench_return: iretq\n"
	"bench_skip3: addq $3, (%rsp); iretq\n"
	"bench_no_step: andl $~0x100, 16(%rsp); iretq\n"
	"bench_no_x87: fnclex; iretq\n");

/*
 * Ticks of n passes of a loop around `code`, which may use RAX, RCX, RDX and RBX; RSI and RDI are its
 * arguments.
 */
#define LOOP(name, code)                                                                                     \
	static uint64_t loop_##name(uint64_t n, uint64_t rsi, uint64_t rdi)                                  \
	{                                                                                                    \
		uint64_t start = rdtsc();                                                                    \
                                                                                                             \
		__asm__ volatile(".balign 16\n1: " code "\n dec %0\n jnz 1b"                                 \
				 : "+r"(n)                                                                   \
				 : "S"(rsi), "D"(rdi)                                                        \
				 : "rax", "rbx", "rcx", "rdx", "memory", "cc");                              \
		return rdtsc() - start;                                                                      \
	}

LOOP(empty, "")
LOOP(cpuid, "xor %%eax, %%eax; xor %%ecx, %%ecx; cpuid")
LOOP(cpuid_setup, "xor %%eax, %%eax; xor %%ecx, %%ecx")
LOOP(rdmsr, "mov %%edi, %%ecx; rdmsr")
LOOP(move, "mov %%edi, %%ecx")
LOOP(rdmsr_wrmsr, "mov %%edi, %%ecx; rdmsr; wrmsr")
LOOP(vmcall, "mov %%edi, %%eax; vmcall")
LOOP(vmmcall, "mov %%edi, %%eax; vmmcall")
LOOP(lookup, "mov %%rsi, %%rbx; xor %%eax, %%eax; vmcall")
LOOP(lookup_amd, "mov %%rsi, %%rbx; xor %%eax, %%eax; vmmcall")
LOOP(lookup_setup, "mov %%rsi, %%rbx; xor %%eax, %%eax")
LOOP(div, "xor %%ecx, %%ecx; div %%ecx")
LOOP(step, "pushf; orl $0x100, (%%rsp); popf; nop")
LOOP(step_setup, "pushf; orl $0, (%%rsp); popf; nop")
LOOP(ud2, "ud2")
LOOP(int3, "int3")
LOOP(fnop, "fnop")
LOOP(mov_ds, "mov %%edi, %%eax; mov %%eax, %%ds")
LOOP(mov_ss, "mov %%edi, %%eax; mov %%eax, %%ss")
LOOP(load, "mov (%%rsi), %%al")
LOOP(fwait, "fninit; fldcw (%%rsi); fld1; fldz; fdivrp; fwait")
LOOP(fwait_setup, "fninit; fldcw (%%rsi); fld1; fldz; fdivrp")
LOOP(divps, "divps %%xmm0, %%xmm1")
LOOP(in, "in $0x21, %%al")
LOOP(eoi_immediate, "movl $0, 0xb0(%%rsi)")
LOOP(eoi_register, "mov %%edi, 0xb0(%%rsi)")
LOOP(eoi_xchg, "xor %%eax, %%eax; xchg %%eax, 0xb0(%%rsi)")
LOOP(store, "mov %%rax, (%%rsi)")
LOOP(mov_cr3, "mov %%cr3, %%rax; mov %%rax, %%cr3")
LOOP(mov_cr0, "mov %%cr0, %%rax; mov %%rax, %%cr0")

typedef uint64_t loop(uint64_t n, uint64_t rsi, uint64_t rdi);

/* Alignment is checked in ring 3 only: the same loop there, from RDTSC to RDTSC, left by the stub's end. */
TRAP_STUB(load_user, "rdtsc; mov %eax, %r8d; mov %edx, %r9d\n"
		     "1: mov (%rsi), %eax; dec %rcx; jnz 1b\n"
		     "rdtsc");

static uint64_t loop_load_user(uint64_t n, uint64_t rsi, uint64_t rdi)
{
	struct trap_state start = {
		.rip = machine_user_alias(stub_load_user),
		.cs = SEG_USER_CODE | 3,
		.ss = SEG_USER_DATA | 3,
		.rsp = machine_user_stack(),
		.rflags = RFLAGS_FIXED | RFLAGS_AC,
	};
	const uint64_t *gpr;

	start.gpr[REG_RCX] = n;
	start.gpr[REG_RSI] = rsi;
	gpr = trap_run(&start, 0)->event[0].state.gpr;
	return (gpr[REG_RDX] << 32 | gpr[REG_RAX]) - (gpr[REG_R9] << 32 | gpr[REG_R8]);
}

static uint64_t loop_load_user_aligned(uint64_t n, uint64_t rsi, uint64_t rdi)
{
	return loop_load_user(n, rsi - 1, rdi);
}

static const char long_name[] = "sixteen letters.";
static const uint16_t x87_zero_divide_unmasked = 0x037b;

static void before_nm(void)
{
	write_cr0(read_cr0() | CR0_TS);
}

static void before_ac(void)
{
	write_cr0(read_cr0() | CR0_AM);
}

/* 0 / 0 in every lane. */
static void before_xm(void)
{
	const uint32_t none_masked = 0;

	__asm__ volatile("ldmxcsr %0; xorps %%xmm0, %%xmm0; xorps %%xmm1, %%xmm1" : : "m"(none_masked));
}

/* A #GP whose gate is not present: #NP during its delivery makes #DF. */
static void before_df(void)
{
	machine_idt[VECTOR_GP].type &= (uint8_t)~GATE_PRESENT;
}

/* An invalid opcode whose stack is beyond the TSS: #TS during its delivery. */
static void before_ts(void)
{
	machine_load_short_tss();
	machine_idt[VECTOR_UD].ist = IST_OUTSIDE;
}

enum need {
	ALWAYS,
	INTEL,
	AMD,
	TRAPLINE_INTEL,
	TRAPLINE_AMD,
	NOT_QEMU, /* QEMU does not raise it */
	WATCHED   /* with the load option watched: the first word of the page at GUEST_WATCHED is */
};

#define ROW(n, with, without, ...)                                                                           \
	{                                                                                                    \
		.name = n, .measured = with, .baseline = without, ##__VA_ARGS__                              \
	}

static const struct row {
	const char *name;
	loop *measured;
	loop *baseline;
	uint64_t rsi, rdi;
	enum need need;
	void (*before)(void);
} rows[] = {
	ROW("cpuid", loop_cpuid, loop_cpuid_setup),
	ROW("rdmsr_passed", loop_rdmsr, loop_move, .rdi = MSR_LSTAR),
	ROW("rdmsr_trapped", loop_rdmsr, loop_move, .rdi = MSR_FEATURE_CONTROL, .need = INTEL),
	ROW("rdmsr_trapped", loop_rdmsr, loop_move, .rdi = MSR_EFER, .need = AMD),
	ROW("rdmsr_wrmsr", loop_rdmsr_wrmsr, loop_move, .rdi = MSR_EFER, .need = AMD),
	ROW("vmcall_bad", loop_vmcall, loop_move, .rdi = NO_CALL, .need = TRAPLINE_INTEL),
	ROW("vmcall_bad", loop_vmmcall, loop_move, .rdi = NO_CALL, .need = TRAPLINE_AMD),
	ROW("vmcall_null", loop_vmcall, loop_move, .rdi = TRAPLINE_CALL_null, .need = TRAPLINE_INTEL),
	ROW("vmcall_null", loop_vmmcall, loop_move, .rdi = TRAPLINE_CALL_null, .need = TRAPLINE_AMD),
	ROW("vmcall_other", loop_vmmcall, loop_move, .rdi = TRAPLINE_CALL_null, .need = TRAPLINE_INTEL),
	ROW("vmcall_other", loop_vmcall, loop_move, .rdi = TRAPLINE_CALL_null, .need = TRAPLINE_AMD),
	ROW("vmcall_lookup", loop_lookup, loop_lookup_setup, .rsi = (uint64_t)long_name,
		.need = TRAPLINE_INTEL),
	ROW("vmcall_lookup", loop_lookup_amd, loop_lookup_setup, .rsi = (uint64_t)long_name,
		.need = TRAPLINE_AMD),
	ROW("de", loop_div, loop_empty),
	ROW("db", loop_step, loop_step_setup),
	ROW("bp", loop_int3, loop_empty),
	ROW("ud", loop_ud2, loop_empty),
	ROW("nm", loop_fnop, loop_empty, .before = before_nm),
	ROW("df", loop_load, loop_empty, .rsi = NONCANONICAL, .before = before_df),
	ROW("ts", loop_ud2, loop_empty, .before = before_ts),
	ROW("np", loop_mov_ds, loop_move, .rdi = SEG_ABSENT_DATA),
	ROW("ss", loop_mov_ss, loop_move, .rdi = SEG_ABSENT_DATA),
	ROW("gp", loop_load, loop_empty, .rsi = NONCANONICAL),
	ROW("pf", loop_load, loop_empty, .rsi = WINDOW_AT(PAGE_ABSENT_INDEX)),
	ROW("mf", loop_fwait, loop_fwait_setup, .rsi = (uint64_t)&x87_zero_divide_unmasked),
	ROW("ac", loop_load_user, loop_load_user_aligned, .rsi = UNALIGNED, .need = NOT_QEMU,
		.before = before_ac),
	ROW("xm", loop_divps, loop_empty, .need = NOT_QEMU, .before = before_xm),
	ROW("in", loop_in, loop_empty),
	ROW("apic_immediate", loop_eoi_immediate, loop_empty, .rsi = APIC),
	ROW("apic_register", loop_eoi_register, loop_empty, .rsi = APIC),
	ROW("apic_xchg", loop_eoi_xchg, loop_empty, .rsi = APIC),
	ROW("mov_cr0", loop_mov_cr0, loop_empty),
	ROW("mov_cr3", loop_mov_cr3, loop_empty),
	ROW("watch_hit", loop_store, loop_empty, .rsi = GUEST_WATCHED, .need = WATCHED),
	ROW("watch_miss", loop_store, loop_empty, .rsi = GUEST_WATCHED + 512, .need = WATCHED),
};

static bool intel, under_trapline, qemu, watched;
static uint64_t unit; /* ticks of an instruction, in hundredths */
static uint64_t drain_calls;
static const char *only;

static bool applies(enum need need)
{
	switch (need) {
	case ALWAYS:
		return true;
	case NOT_QEMU:
		return !qemu;
	case WATCHED:
		return watched;
	case INTEL:
	case AMD:
		return intel == (need == INTEL);
	default:
		return under_trapline && intel == (need == TRAPLINE_INTEL);
	}
}

static bool is_chosen(const char *name)
{
	return !only || guest_listed(only, name);
}

static uint64_t number(const char *text, uint64_t otherwise)
{
	uint64_t value = 0;

	if (!text || !*text)
		return otherwise;
	for (; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (*text - '0');
	return value ? value : otherwise;
}

/* Ticks of an instruction, in hundredths: DEC and JNZ are two. */
static uint64_t calibrate(void)
{
	uint64_t short_run = loop_empty(CALIBRATION, 0, 0);
	uint64_t long_run = loop_empty(2 * CALIBRATION, 0, 0);

	return ((long_run - short_run) * UNITS_PER_ONE + CALIBRATION) / (2 * CALIBRATION);
}

static void install_handlers(void)
{
	static const struct {
		enum trap_vector vector;
		const uint8_t *handler;
	} all[] = {
		{VECTOR_DE, bench_skip},
		{VECTOR_DB, bench_no_step},
		{VECTOR_BP, bench_return},
		{VECTOR_UD, bench_skip},
		{VECTOR_NM, bench_skip},
		{VECTOR_DF, bench_skip_error},
		{VECTOR_TS, bench_skip_error},
		{VECTOR_NP, bench_skip_error},
		{VECTOR_SS, bench_skip_error},
		{VECTOR_GP, bench_skip_error},
		{VECTOR_PF, bench_skip_error},
		{VECTOR_MF, bench_no_x87},
		{VECTOR_AC, bench_skip_error},
		{VECTOR_XM, bench_skip3},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++)
		machine_set_handler(all[i].vector, all[i].handler);
}

/* Null calls: Trapline can do its waiting work at the end of their exits. */
static uint64_t drain(void)
{
	loop *call = intel ? loop_vmcall : loop_vmmcall;

	return drain_calls ? call(drain_calls, 0, TRAPLINE_CALL_null) : 0;
}

static void begin(const struct row *row)
{
	if (row->before)
		row->before();
}

static void end(const struct row *row)
{
	if (!row->before)
		return;
	machine_reset();
	install_handlers();
}

static void print_row(const char *name, uint64_t n, uint64_t bytes, uint64_t ticks)
{
	uint64_t per = ticks * UNITS_PER_ONE * UNITS_PER_ONE / unit / n;

	if (bytes)
		print("bench name=%s n=%lu bytes=%lu tsc=%lu per=%lu\n", name, n, bytes, ticks, per);
	else
		print("bench name=%s n=%lu tsc=%lu per=%lu\n", name, n, ticks, per);
}

static void measure(const struct row *row, uint64_t n)
{
	uint64_t baseline, total;

	row->baseline(WARM_UP, row->rsi, row->rdi);
	baseline = row->baseline(n, row->rsi, row->rdi) + drain();
	begin(row);
	row->measured(WARM_UP, row->rsi, row->rdi);
	drain();
	total = row->measured(n, row->rsi, row->rdi) + drain();
	end(row);
	print_row(row->name, n, 0, total > baseline ? total - baseline : 0);
}

/* For tools/profile, which records the instructions meanwhile. */
static void pass_for_ever(const struct row *row)
{
	begin(row);
	print("profile name=%s\n", row->name);
	for (;;)
		row->measured(PASSES, row->rsi, row->rdi);
}

/*
 * Copies: one call each, except for registers, which hold 32 bytes. The guest's instructions around the call are
 * measured with a null call, and subtracted.
 */
#define KIB            1024ull
#define MIB            (1024 * KIB)
#define REGISTER_BYTES 32
#define SHARE_NAME     "bench"

struct regs {
	int64_t rax;
	uint64_t rbx, rcx, rdx, rsi, rdi;
};

#define CALL(name, instruction)                                                                              \
	__attribute__((noinline)) static void name(struct regs *r)                                           \
	{                                                                                                    \
		__asm__ volatile(                                                                            \
			instruction                                                                          \
			: "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi), "+D"(r->rdi) \
			:                                                                                    \
			: "memory", "cc");                                                                   \
	}

CALL(call_intel, "vmcall")
CALL(call_amd, "vmmcall")
CALL(call_nothing, "")

static uint8_t *buffer; /* 1 MiB, page-aligned, physical and linear */
static uint64_t *list;  /* of its pages */

static uint64_t ticks_of(void (*call)(struct regs *), struct regs *r)
{
	uint64_t start = rdtsc();

	call(r);
	return rdtsc() - start;
}

/* Ticks of one call; if it fails, the error is printed instead of a figure. */
static uint64_t time_call(const char *name, struct regs *r)
{
	struct regs nothing = *r;
	uint64_t ticks = ticks_of(intel ? call_intel : call_amd, r),
		 around = ticks_of(call_nothing, &nothing);

	if (r->rax < 0)
		print("bench name=%s error=%ld\n", name, r->rax);
	return r->rax < 0 ? 0 : ticks - around;
}

static uint64_t time_registers(const char *name, uint64_t number, uint64_t bytes)
{
	uint64_t ticks = 0;

	for (uint64_t at = 0; at < bytes; at += REGISTER_BYTES) {
		struct regs r = {.rax = (int64_t)number, .rdi = at};

		ticks += time_call(name, &r);
	}
	return ticks;
}

static uint64_t time_copy(const char *name, uint64_t number, uint64_t bytes)
{
	struct regs r = {.rax = (int64_t)number, .rbx = (uint64_t)buffer, .rcx = bytes};

	if (number == TRAPLINE_CALL_put_registers || number == TRAPLINE_CALL_get_registers)
		return time_registers(name, number, bytes);
	if (number == TRAPLINE_CALL_put_pages || number == TRAPLINE_CALL_get_pages)
		r.rbx = (uint64_t)list;
	if (number == TRAPLINE_CALL_share_open) {
		r.rbx = (uint64_t)SHARE_NAME;
		r.rcx = (uint64_t)list;
		r.rdx = bytes;
	}
	if (number == TRAPLINE_CALL_share_close)
		r.rbx = 0;
	if (number == TRAPLINE_CALL_trace_read)
		r.rdi = 1; /* and RDX, the CPU, is 0 */
	return time_call(name, &r);
}

static void measure_copies(void)
{
	static const struct {
		const char *name;
		uint64_t number;
	} ways[] = {
#define WAY(name) {#name, TRAPLINE_CALL_##name}
		WAY(put_registers),
		WAY(get_registers),
		WAY(put_physical),
		WAY(get_physical),
		WAY(put_pages),
		WAY(get_pages),
		WAY(put_virtual),
		WAY(get_virtual),
		WAY(share_open),
		WAY(share_close),
#undef WAY
	};
	static const struct {
		const char *name;
		uint64_t bytes;
	} sizes[] = {{"64", 64}, {"4K", 4 * KIB}, {"1M", MIB}};
	struct regs null = {.rax = TRAPLINE_CALL_null};
	char name[64];

	time_call("null", &null); /* a CPU without nRIP has to find the code of the call once */
	for (unsigned s = 0; s < ARRAY_SIZE(sizes); s++)
		for (unsigned w = 0; w < ARRAY_SIZE(ways); w++) {
			uint64_t ticks;

			snprintf(name, sizeof(name), "%s_%s", ways[w].name, sizes[s].name);
			ticks = time_copy(name, ways[w].number, sizes[s].bytes);
			if (ticks)
				print_row(name, 1, sizes[s].bytes, ticks);
		}
}

/* The trace, from the ring's oldest record on: one record of 256 bytes, and as many as a call copies. */
static void measure_trace(void)
{
	uint64_t one, many;

	time_copy("trace_read", TRAPLINE_CALL_trace_read, 256);
	one = time_copy("trace_read_1", TRAPLINE_CALL_trace_read, 256);
	many = time_copy("trace_read_16", TRAPLINE_CALL_trace_read, 4 * KIB);
	if (one && many) {
		print_row("trace_read_1", 1, 256, one);
		print_row("trace_read_16", 1, 4 * KIB, many);
	}
}

static bool allocate(void)
{
	EFI_PHYSICAL_ADDRESS at;
	EFI_STATUS status = guest_firmware->BootServices->AllocatePages(
		AllocateAnyPages, EfiLoaderData, MIB / PAGE_SIZE + 1, &at);

	if (EFI_ERROR(status))
		return false;
	buffer = (uint8_t *)at;
	memset(buffer, 0x5a, MIB); /* the pages are there before the copies are timed */
	list = (uint64_t *)(at + MIB);
	for (unsigned i = 0; i < MIB / PAGE_SIZE; i++)
		list[i] = at + i * PAGE_SIZE;
	return true;
}

static bool begin_watch(void)
{
	char command[40];

	snprintf(command, sizeof(command), "watch add w 0x%llx/8", GUEST_WATCHED);
	return guest_page_at(GUEST_WATCHED, NULL) && (!under_trapline || guest_command(NULL, command));
}

static void measure_all(uint64_t n)
{
	print("bench name=instruction ticks=%lu under=%s\n", unit, under_trapline ? "trapline" : "nothing");
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++)
		if (applies(rows[i].need) && is_chosen(rows[i].name))
			measure(&rows[i], n);
	if (!under_trapline || only)
		return;
	measure_copies();
	measure_trace();
}

EFI_STATUS guest_main(void)
{
	uint64_t n = number(guest_value("n"), PASSES), drains = number(guest_value("drain"), 0);
	const char *profile;

	intel = cpuid(0, 0).ecx == 0x6c65746e; /* "ntel" of GenuineIntel */
	under_trapline = guest_under_trapline();
	qemu = guest_emulator() & EMU_QEMU;
	drain_calls = under_trapline ? drains : 0;
	if (!allocate())
		return EFI_OUT_OF_RESOURCES;
	watched = guest_option("watched") && begin_watch();
	machine_take();
	install_handlers();
	unit = calibrate();
	profile = guest_value("profile");
	for (unsigned i = 0; profile && i < ARRAY_SIZE(rows); i++)
		if (applies(rows[i].need) && guest_listed(profile, rows[i].name))
			pass_for_ever(&rows[i]);
	only = guest_value("only");
	if (unit)
		measure_all(n);
	machine_give_back();
	return EFI_SUCCESS;
}
