// SPDX-License-Identifier: MIT
/*
 * Every exception of 64-bit mode, from known instructions.
 *
 * The manual: SDM vol. 3A chapter 6 (APM vol. 2 chapter 8) gives for each vector whether it is a
 * fault or a trap, which error code it pushes, and the saved RIP. Saved state is the state
 * before the instruction for a fault, after it for a trap. Faults push RFLAGS.RF as 1, other events do not
 * change it (SDM vol. 3B 18.3.1.1). Two events in a row become #DF by table 6-5.
 *
 * The difficulty for a hypervisor: it gets each of these first, with only the exit's fields, and has to
 * deliver it so that the guest sees no difference. CR2, DR6, the error code's EXT bit, the length of a software
 * interrupt, the shadow after STI and MOV SS, single steps over emulated instructions, and faults during
 * delivery can each be lost in a different way.
 *
 * exceptions.def is the table: one row for each case. This is the loop. A line `case ...` must be the same
 * bare and under Trapline, on the same machine. A line `site ...` has the instruction's address and
 * bytes, which Trapline's own records of it must repeat.
 *
 * Load options: only=name,name and skip=name,name; force for rows that this emulator does not survive bare.
 */
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/printf.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "exceptions";

#define NONCANONICAL 0x0000800000000000ull
#define UNKNOWN_MSR  0x00001fff
#define END_SIZE     2 /* of INT 0x81 behind each stub */
#define DATA         (PAGE_DATA + 0x100)
#define LOST_STACK   (PAGE_ABSENT_LAST + 0x800)

/* The values of the last event of a case. */
struct sight {
	uint8_t vector;
	bool no_error; /* INT n pushes none, whatever the vector */
	uint32_t error;
	int64_t rip;       /* from the stub's start */
	uint64_t rip_at;   /* instead: an address outside the stubs */
	uint64_t cr2;      /* with #PF and #DF; 0: not looked at */
	uint32_t dr6;      /* with #DB */
	uint64_t flags;    /* bits of RFLAGS that differ from the start's and RF's rule */
	const char *trace; /* events before it, as vector@offset */
};

struct row {
	const char *name;
	const uint8_t *code, *end;
	struct sight want;
	struct {
		unsigned on; /* emulators */
		struct sight sight;
	} quirks[2];      /* what they show instead */
	unsigned skip_on; /* emulators on which it hangs, does damage, or has no comparable result */
	uint64_t needs;   /* of CR4: left out where the CPU does not have it */
	uint64_t entry;   /* starts here and not at the stub */
	void (*before)(const struct row *row);
	uint64_t flags;  /* bits of RFLAGS to start with */
	uint64_t resume; /* vectors that the handler returns from */
	uint8_t cpl;
	uint8_t site; /* offset of the instruction in question */
	bool moves;   /* registers or stack change on the way: not compared */
	struct {
		uint8_t reg;
		uint64_t value;
	} regs[4]; /* reg is enum reg plus 1, by SET() */
};

/* The words of a row */
/* clang-format off */
#define WANT(v, ...)        .want = {.vector = v, ##__VA_ARGS__}
#define QUIRK(emu, v, ...)  .quirks[0] = {emu, {.vector = v, ##__VA_ARGS__}}
#define QUIRK2(emu, v, ...) .quirks[1] = {emu, {.vector = v, ##__VA_ARGS__}}
#define SKIP(emu)           .skip_on = emu
#define NEEDS(bit)          .needs = bit
#define IRQ                 .before = before_irq, .resume = 1ull << VECTOR_IRQ, .moves = true
#define SET(r, v)           {REG_##r + 1, v}
#define REGS(...)             .regs = {__VA_ARGS__}
#define RING3                 .cpl = 3
#define BEFORE(function)      .before = before_##function
#define STEPS                 .flags = RFLAGS_TF, .resume = 1 << VECTOR_DB, .moves = true
#define BP_ENTRY(vector)      ((vector)*8 + 2)  /* error code that names a gate, SDM vol. 3A 6.13 */
#define BP_ENTRY_QEMU(vector) ((vector)*16 + 2) /* QEMU's; and never EXT */
#define EXT 1
#define END VECTOR_END
/* clang-format on */
/* #PF error codes, SDM vol. 3A 4.7 */
/* DR6 as #DB leaves it, from the reserved ones up */
#define DR6_IS(bits) (0xffff0ff0 | (bits))

static void before_task_switched(const struct row *row)
{
	write_cr0(read_cr0() | CR0_TS);
}

static void before_emulate(const struct row *row)
{
	write_cr0((read_cr0() | CR0_EM) & ~CR0_MP);
}

static void before_no_write_protect(const struct row *row)
{
	write_cr0(read_cr0() & ~CR0_WP);
}

static void before_alignment(const struct row *row)
{
	write_cr0(read_cr0() | CR0_AM);
}

static void before_no_xmm_exceptions(const struct row *row)
{
	write_cr4(read_cr4() & ~CR4_OSXMMEXCPT);
}

static void before_no_timestamp(const struct row *row)
{
	write_cr4(read_cr4() | CR4_TSD);
}

static void before_smep(const struct row *row)
{
	write_cr4(read_cr4() | CR4_SMEP);
}

static void before_smap(const struct row *row)
{
	write_cr4(read_cr4() | CR4_SMAP);
}

/* 1/0 is pending and unmasked: the next waiting x87 instruction takes #MF. */
static void before_x87_pending(const struct row *row)
{
	static const uint16_t control = 0x037b;

	__asm__ volatile("fninit; fldcw %0; fld1; fldz; fdivrp" : : "m"(control));
}

/* XMM0 = 1.0, XMM1 = 0.0, division by zero unmasked. */
static void before_xmm_unmasked(const struct row *row)
{
	static const uint32_t mxcsr = 0x1d80;
	static const float one = 1;

	__asm__ volatile("ldmxcsr %0; movss %1, %%xmm0; xorps %%xmm1, %%xmm1" : : "m"(mxcsr), "m"(one));
}

static void before_xmm_unmasked_no_cr4(const struct row *row)
{
	before_xmm_unmasked(row);
	before_no_xmm_exceptions(row);
}

static void arm(uint64_t address, unsigned kind, unsigned length)
{
	write_dr1(address);
	write_dr7(0x400 | 1 << 2 | kind << 20 | length << 22); /* DR1, local */
}

static void before_watch_writes(const struct row *row)
{
	arm(DATA, 1, 3);
}

static void before_watch_accesses(const struct row *row)
{
	arm(DATA, 3, 0);
}

static void before_watch_port(const struct row *row)
{
	arm(0x21, 2, 0);
}

static void before_watch_fetch(const struct row *row)
{
	arm((uint64_t)row->code + row->site, 0, 0);
}

static void before_guard_debug(const struct row *row)
{
	write_dr7(0x400 | 1 << 13);
}

static void before_spare_stack(const struct row *row)
{
	machine_idt[VECTOR_SS].ist = IST_SPARE;
	machine_idt[VECTOR_GP].ist = IST_SPARE; /* QEMU's answer where #SS belongs */
	machine_idt[VECTOR_PF].ist = IST_SPARE;
}

static void before_pf_spare_stack(const struct row *row)
{
	machine_idt[VECTOR_PF].ist = IST_SPARE;
}

static void before_gp_absent(const struct row *row)
{
	machine_idt[VECTOR_GP].type &= ~GATE_PRESENT;
}

static void before_de_absent(const struct row *row)
{
	machine_idt[VECTOR_DE].type &= ~GATE_PRESENT;
}

static void before_ud_absent(const struct row *row)
{
	machine_idt[VECTOR_UD].type &= ~GATE_PRESENT;
}

static void before_pf_absent(const struct row *row)
{
	machine_idt[VECTOR_PF].type &= ~GATE_PRESENT;
}

static void before_pf_bad_type(const struct row *row)
{
	machine_idt[VECTOR_PF].type = GATE_PRESENT | 0x05; /* a task gate: none in 64-bit mode */
}

static void before_int40_absent(const struct row *row)
{
	machine_idt[0x40].type &= ~GATE_PRESENT;
}

static void before_int40_bad_type(const struct row *row)
{
	machine_idt[0x40].type = GATE_PRESENT | 0x05;
}

static void before_int40_null_code(const struct row *row)
{
	machine_idt[0x40].selector = SEG_NULL;
}

static void before_int40_data_code(const struct row *row)
{
	machine_idt[0x40].selector = SEG_DATA;
}

static void before_int40_absent_code(const struct row *row)
{
	machine_idt[0x40].selector = SEG_ABSENT_CODE;
}

static void before_int40_beyond_gdt(const struct row *row)
{
	machine_idt[0x40].selector = SEG_BEYOND;
}

static void before_int40_compat_code(const struct row *row)
{
	machine_idt[0x40].selector = SEG_CODE32;
}

static void before_int40_noncanonical(const struct row *row)
{
	machine_idt[0x40].offset_low = 0;
	machine_idt[0x40].offset_middle = 0;
	machine_idt[0x40].offset_high = NONCANONICAL >> 32;
}

static void before_int40_open(const struct row *row)
{
	machine_idt[0x40].type |= GATE_DPL3;
}

static void before_int3_open(const struct row *row)
{
	machine_idt[VECTOR_BP].type |= GATE_DPL3;
}

static void before_int3_trap_gate(const struct row *row)
{
	machine_idt[VECTOR_BP].type = GATE_PRESENT | GATE_TRAP;
}

static void before_ud_ist_noncanonical(const struct row *row)
{
	machine_idt[VECTOR_UD].ist = IST_SPARE;
	machine_set_ist(IST_SPARE, NONCANONICAL);
}

static void before_ud_ist_absent(const struct row *row)
{
	machine_idt[VECTOR_UD].ist = IST_SPARE;
	machine_set_ist(IST_SPARE, LOST_STACK);
}

static void before_ud_ist_outside(const struct row *row)
{
	machine_idt[VECTOR_UD].ist = IST_OUTSIDE;
	machine_load_short_tss();
}

static void before_short_idt(const struct row *row)
{
	machine_set_idt_limit(0x40 * 16 - 1);
}

static void before_irq(const struct row *row)
{
	machine_request_interrupt(PRIORITY_IRQ - 1);
}

static void before_irq_masked(const struct row *row)
{
	machine_request_interrupt(PRIORITY_IRQ);
}

/* Two that one store meets. */
static void before_watch_two(const struct row *row)
{
	write_dr0(DATA);
	arm(DATA, 3, 3);
	write_dr7(read_dr7() | 1 | 3 << 16 | 3 << 18);
}

/* DR3 is met too, and not enabled. */
static void before_watch_disabled(const struct row *row)
{
	write_dr3(DATA);
	arm(DATA, 1, 3);
	write_dr7(read_dr7() | 1u << 28 | 3u << 30);
}

/* Left from an event before: nothing clears them but software. */
static void before_sticky(const struct row *row)
{
	write_dr6(DR6_IS(DR6_BD | 8));
}

static void before_sticky_guard(const struct row *row)
{
	write_dr6(DR6_IS(DR6_BD));
}

static void before_watch_exiting_port(const struct row *row)
{
	arm(0x64, 2, 0);
}

static void before_no_debug_extensions(const struct row *row)
{
	write_cr4(read_cr4() & ~CR4_DE);
}

static void before_osxsave(const struct row *row)
{
	write_cr4(read_cr4() | CR4_OSXSAVE);
}

static void before_umip(const struct row *row)
{
	write_cr4(read_cr4() | CR4_UMIP);
}

static void keys(uint32_t rights)
{
	write_cr4(read_cr4() | CR4_PKE);
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(rights), "c"(0), "d"(0)); /* WRPKRU */
}

static void before_key_no_access(const struct row *row)
{
	keys(4);
}

static void before_key_no_write(const struct row *row)
{
	keys(8);
}

/* What IRETQ and POPF rows find on their stack: the words for the row, on the page that both rings see. */
static uint64_t *data_words(void)
{
	return (uint64_t *)((uint8_t *)paging_data() + (DATA - PAGE_DATA));
}

static void stack_frame(uint64_t rip, uint64_t cs, uint64_t flags, uint64_t ss)
{
	const uint64_t frame[] = {rip, cs, flags, DATA + 0x200, ss};

	memcpy(data_words(), frame, sizeof(frame));
}

static void before_frame_noncanonical_rip(const struct row *row)
{
	stack_frame(NONCANONICAL, SEG_CODE, RFLAGS_FIXED, SEG_DATA);
}

static void before_frame_absent_code(const struct row *row)
{
	stack_frame((uint64_t)row->end, SEG_ABSENT_CODE, RFLAGS_FIXED, SEG_DATA);
}

static void before_frame_data_code(const struct row *row)
{
	stack_frame((uint64_t)row->end, SEG_DATA, RFLAGS_FIXED, SEG_DATA);
}

static void before_frame_bad_stack(const struct row *row)
{
	stack_frame((uint64_t)row->end, SEG_CODE, RFLAGS_FIXED, SEG_CODE);
}

static void before_frame_absent_stack(const struct row *row)
{
	stack_frame((uint64_t)row->end, SEG_CODE, RFLAGS_FIXED, SEG_ABSENT_DATA);
}

static void before_far_pointer(const struct row *row)
{
	data_words()[0] = 0;
	data_words()[1] = row->regs[1].value;
}

/* The code of the rows, then the rows: two views of one list. */
#define CASE(name, code, ...) TRAP_STUB(name, code);
#include "exceptions.def"
#undef CASE

static const struct row rows[] = {
#define CASE(name, code, ...) {#name, stub_##name, stub_##name##_end, __VA_ARGS__},
#include "exceptions.def"
#undef CASE
};

#define ROWS ARRAY_SIZE(rows)

enum verdict {
	VERDICT_OK,
	VERDICT_QUIRK,
	VERDICT_DIFFER
};

static bool pushes_error(unsigned vector)
{
	return vector == VECTOR_DF || (vector >= VECTOR_TS && vector <= VECTOR_PF) || vector == VECTOR_AC;
}

/* Everything but traps, aborts and software interrupts. Of #DB only GD is a fault that sets RF. */
static bool sets_rf(const struct sight *s)
{
	if (s->no_error || s->vector >= 32)
		return false;
	if (s->vector == VECTOR_DB)
		return s->dr6 & DR6_BD;
	return s->vector != VECTOR_BP && s->vector != VECTOR_OF && s->vector != VECTOR_DF;
}

static uint64_t entry_of(const struct row *row)
{
	if (row->entry)
		return row->entry;
	return row->cpl ? machine_user_alias(row->code) : (uint64_t)row->code;
}

/* Registers hold a pattern of their own number, so that a swap is seen as well. */
static struct trap_state start_of(const struct row *row)
{
	struct trap_state s;

	for (unsigned i = 0; i < REG_COUNT; i++)
		s.gpr[i] = 0x1111111111111111ull * i;
	s.gpr[REG_RSP] = row->cpl ? machine_user_stack() : machine_stub_stack();
	for (unsigned i = 0; i < ARRAY_SIZE(row->regs) && row->regs[i].reg; i++)
		s.gpr[row->regs[i].reg - 1] = row->regs[i].value;
	s.rsp = s.gpr[REG_RSP];
	s.rip = entry_of(row);
	s.cs = row->cpl ? SEG_USER_CODE | 3 : SEG_CODE;
	s.ss = row->cpl ? SEG_USER_DATA | 3 : SEG_DATA;
	s.rflags = RFLAGS_FIXED | RFLAGS_CF | RFLAGS_SF | RFLAGS_OF | row->flags;
	return s;
}

static bool frame_right(const struct row *row, const struct trap_state *start, const struct trap_event *e)
{
	uint64_t top = machine_frame_top(e->vector, e->state.cs & 3, e->state.rsp);

	if (e->frame_top != top)
		return false;
	return row->moves ||
	       (e->state.rsp == start->rsp && e->state.ss == start->ss && e->state.cs == start->cs);
}

static bool registers_right(const struct row *row, const struct trap_state *start, const struct trap_event *e)
{
	return row->moves || !memcmp(start->gpr, e->state.gpr, sizeof(start->gpr));
}

/* An address near the start is printed as its distance from there; other addresses are the same in every run. */
static const char *place(char *text, size_t size, uint64_t rip, uint64_t start)
{
	int64_t offset = rip - start;

	if (offset > -4096 && offset < 4096)
		snprintf(text, size, "%s%ld", offset < 0 ? "" : "+", (long)offset);
	else
		snprintf(text, size, "0x%lx", rip);
	return text;
}

static void trace_text(const struct trap_log *log, const struct trap_state *start, char *text, size_t size)
{
	size_t n = 0;
	char at[24];

	text[0] = '\0';
	for (unsigned i = 0; i + 1 < log->count && n < size; i++)
		n += snprintf(text + n, size - n, "%s%u@%s", i ? "," : "", log->event[i].vector,
			place(at, sizeof(at), log->event[i].state.rip, start->rip));
}

static bool rip_right(const struct sight *s, const struct trap_state *start, const struct trap_event *e)
{
	return e->state.rip == (s->rip_at ? s->rip_at : start->rip + s->rip);
}

static bool rflags_right(
	const struct sight *s, const struct trap_state *start, const struct trap_event *e, bool rf)
{
	uint64_t flags = (start->rflags | (rf && sets_rf(s) ? RFLAGS_RF : 0)) ^ s->flags;

	return e->state.rflags == flags;
}

/* NULL when `e` is what `s` says, else the first column that is not. `rf`: this machine knows RF. */
static const char *mismatch(const struct sight *s, const struct trap_state *start, const struct trap_event *e,
	const char *trace, bool rf)
{
	if (e->vector != s->vector)
		return "vec";
	if (strcmp(trace, s->trace ? s->trace : ""))
		return "trace";
	if (s->vector == VECTOR_END)
		return NULL;
	if (e->has_error != (!s->no_error && pushes_error(s->vector)) || e->error != s->error)
		return "err";
	if (s->vector == VECTOR_DF && s->cr2 && e->cr2 != s->cr2)
		return "cr2";
	if (s->vector == VECTOR_DF && !s->no_error) /* no more is defined */
		return NULL;
	if (!rip_right(s, start, e))
		return "rip";
	if (s->vector == VECTOR_PF && e->cr2 != s->cr2)
		return "cr2";
	if (s->vector == VECTOR_DB && e->dr6 != s->dr6)
		return "dr6";
	return rflags_right(s, start, e, rf) ? NULL : "rflags";
}

/* QEMU 7.2 never sets RF in a frame, whatever the event: this difference alone is not reported. */
static bool known_quirk(
	const struct row *row, const struct trap_state *start, const struct trap_event *e, const char *trace)
{
	unsigned here = guest_emulator();
	bool rf = here != EMU_QEMU;

	if (!rf && !mismatch(&row->want, start, e, trace, rf))
		return true;
	for (unsigned i = 0; i < ARRAY_SIZE(row->quirks); i++)
		if (row->quirks[i].on & here && !mismatch(&row->quirks[i].sight, start, e, trace, rf))
			return true;
	return false;
}

static enum verdict judge(const struct row *row, const struct trap_state *start, const struct trap_event *e,
	const char *trace, const char **why)
{
	*why = mismatch(&row->want, start, e, trace, true);
	if (*why)
		return known_quirk(row, start, e, trace) ? VERDICT_QUIRK : VERDICT_DIFFER;
	if (e->vector == VECTOR_END || (e->vector == VECTOR_DF && e->has_error))
		return VERDICT_OK;
	if (!frame_right(row, start, e))
		*why = "frame";
	else if (!registers_right(row, start, e))
		*why = "regs";
	return *why ? VERDICT_DIFFER : VERDICT_OK;
}

static const char *hex(char *text, size_t size, bool there, uint64_t value)
{
	snprintf(text, size, there ? "%lx" : "-", value);
	return text;
}

static void print_seen(
	const struct row *row, const struct trap_state *start, const struct trap_event *e, const char *trace)
{
	char error[20], cr2[20], dr6[20], rip[24];

	print("vec=%u err=%s rip=%s cs=%lx cpl=%u ss=%lx ", e->vector, hex(error, 20, e->has_error, e->error),
		place(rip, sizeof(rip), e->state.rip, start->rip), e->state.cs, (unsigned)(e->state.cs & 3),
		e->state.ss);
	print("cr2=%s dr6=%s rflags=%lx frame=%s regs=%s",
		hex(cr2, 20, e->vector == VECTOR_PF || e->vector == VECTOR_DF, e->cr2),
		hex(dr6, 20, e->vector == VECTOR_DB, e->dr6), e->state.rflags,
		frame_right(row, start, e) ? "ok" : "moved",
		registers_right(row, start, e) ? "ok" : "changed");
	if (trace[0])
		print(" trace=%s", trace);
	if (paging_walk(start->gpr[REG_RSI]))
		print(" walk=%08x", paging_walk(start->gpr[REG_RSI]));
}

/* Traps but for INT3 and INT n are found behind the instruction, here as in Trapline's records (record.h). */
static bool is_software(const struct row *row, const struct trap_event *e)
{
	return row->want.vector == e->vector &&
	       (row->want.no_error || e->vector == VECTOR_BP || e->vector >= 32);
}

/*
 * What a record of the event has to say: its vector, its place, and the code bytes there. They end with the
 * stub, and INT 0x81 behind it; of a row that starts elsewhere they are not known.
 */
static void print_site(const struct row *row, const struct trap_state *start, const struct trap_event *e)
{
	uint64_t at = is_software(row, e) ? start->rip + row->site : e->state.rip;
	const uint8_t *code = row->code + (at - start->rip);

	if (e->vector >= 32) /* no exception */
		return;
	print("site name=%s vec=%u at=0x%lx code=", row->name, e->vector, at);
	for (; !row->entry && code >= row->code && code < row->end + END_SIZE; code++)
		print("%02x", *code);
	print("\n");
}

static enum verdict run_row(const struct row *row)
{
	static const char *const words[] = {"ok", "quirk", "differ"};
	struct trap_state start = start_of(row);
	const struct trap_log *log;
	const struct trap_event *last;
	enum verdict verdict;
	char trace[256];
	const char *why;

	print("case name=%s ", row->name);
	machine_reset();
	if (row->before)
		row->before(row);
	log = trap_run(&start, row->resume);
	last = &log->event[log->count - 1];
	trace_text(log, &start, trace, sizeof(trace));
	verdict = judge(row, &start, last, trace, &why);
	print_seen(row, &start, last, trace);
	print(" result=%s", words[verdict]);
	if (why)
		print(" in=%s", why);
	print("\n");
	print_site(row, &start, last);
	machine_reset();
	return verdict;
}

/* CR4.PKE and CR4.UMIP, by CPUID: SDM vol. 2A. */
static bool has(uint64_t cr4_bits)
{
	uint32_t ecx = cpuid(0, 0).eax >= 7 ? cpuid(7, 0).ecx : 0;

	return !(cr4_bits & CR4_UMIP && !(ecx & 1 << 2)) && !(cr4_bits & CR4_PKE && !(ecx & 1 << 3));
}

static bool forced;

static bool chosen(const struct row *row, const char *only, const char *skip)
{
	if ((row->skip_on & guest_emulator() && !forced) || guest_listed(skip, row->name) || !has(row->needs))
		return false;
	return !only || guest_listed(only, row->name);
}

static char only[512], skip[512];

static const char *kept(char *into, const char *value)
{
	if (!value)
		return NULL;
	memcpy(into, value, strlen(value) + 1);
	return into;
}

EFI_STATUS guest_main(void)
{
	const char *only_these = kept(only, guest_value("only"));
	const char *skip_these = kept(skip, guest_value("skip"));
	unsigned count[3] = {0};
	unsigned skipped = 0;

	forced = guest_option("force");
	machine_take();
	for (unsigned i = 0; i < ROWS; i++) {
		if (chosen(&rows[i], only_these, skip_these))
			count[run_row(&rows[i])]++;
		else
			skipped++;
	}
	machine_give_back();
	print("summary cases=%u ok=%u quirk=%u differ=%u skipped=%u\n",
		count[VERDICT_OK] + count[VERDICT_QUIRK] + count[VERDICT_DIFFER], count[VERDICT_OK],
		count[VERDICT_QUIRK], count[VERDICT_DIFFER], skipped);
	return EFI_SUCCESS;
}
