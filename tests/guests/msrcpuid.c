// SPDX-License-Identifier: MIT
/*
 * CPUID, MSRs, control registers and XCR0: what they hold, and which writes they refuse.
 *
 * The manual: a write to an MSR that the CPU does not have, of a reserved bit, or of an invalid value raises #GP(0) and
 * changes nothing (SDM vol. 2B WRMSR, XSETBV, vol. 3A 2.5; vol. 4 for the MSRs).
 *
 * The difficulty for a hypervisor: it sees only the accesses that it intercepts. For those it must raise the same #GP, and must
 * not take one itself, whatever value the guest writes.
 *
 * Lines that begin with `diff ` are documented to differ: Trapline hides SVM, SME and VMX, and shows itself at CPUID
 * 0x40000000. All other lines must be the same bare and under Trapline. Registers that count are not shown.
 */
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

const char guest_name[] = "msrcpuid";

#define CPUID1_ECX_DTES64     (1u << 2)
#define CPUID1_ECX_DS_CPL     (1u << 4)
#define CPUID1_ECX_VMX        (1u << 5)
#define CPUID1_EDX_DS         (1u << 21)
#define CPUID7_EBX_PT         (1u << 25)
#define CPUID1_ECX_XSAVE      (1u << 26)
#define CPUID1_ECX_HYPERVISOR (1u << 31)
#define CPUID81_ECX_SVM       (1u << 2)
#define LEAF_HYPERVISOR       0x40000000
#define LEAF_EXTENDED         0x80000000
#define LEAF_SVM              0x8000000a
#define LEAF_ENCRYPTION       0x8000001f
#define LEAF_ENCRYPTION_KEYS  0x80000023

TRAP_STUB(rdmsr, "rdmsr");
TRAP_STUB(wrmsr, "wrmsr; rdmsr");
TRAP_STUB(cr0, "mov %rax, %cr0; mov %cr0, %rax");
TRAP_STUB(cr4, "mov %rax, %cr4; mov %cr4, %rax");
TRAP_STUB(cr8, "mov %rax, %cr8; mov %cr8, %rax");
TRAP_STUB(xsetbv, "xsetbv; xgetbv");
/* RCX: the MSR; RDI: the number of reads; RBX counts the reads whose value differs from the first one's. */
TRAP_STUB(rdmsr_loop,
	"rdmsr; mov %eax, %esi; xor %ebx, %ebx; 1: rdmsr; cmp %eax, %esi; setne %r8b; movzx %r8b, %r8d;"
	"add %r8d, %ebx; dec %edi; jnz 1b");

struct outcome {
	unsigned vector;
	uint64_t value; /* EDX:EAX after the code, or RAX */
	uint64_t rbx;
};

/* Runs `code` with EDX:EAX = value, RAX being all of it for MOV to a control register. */
static struct outcome run(const uint8_t *code, uint32_t ecx, uint64_t value, uint64_t edi)
{
	struct trap_state start = {
		.rip = (uint64_t)code,
		.cs = SEG_CODE,
		.ss = SEG_DATA,
		.rflags = RFLAGS_FIXED,
		.rsp = machine_stub_stack(),
	};
	bool pair = code == stub_wrmsr || code == stub_rdmsr || code == stub_xsetbv;
	const struct trap_event *e;
	uint64_t rax, rdx;

	start.gpr[REG_RAX] = pair ? (uint32_t)value : value;
	start.gpr[REG_RDX] = value >> 32;
	start.gpr[REG_RCX] = ecx;
	start.gpr[REG_RDI] = edi;
	e = &trap_run(&start, 0)->event[0];
	rax = e->state.gpr[REG_RAX];
	rdx = e->state.gpr[REG_RDX];
	return (struct outcome){e->vector, pair ? rdx << 32 | (uint32_t)rax : rax, e->state.gpr[REG_RBX]};
}

/* ---- CPUID ---- */

static void print_leaf(const char *prefix, uint32_t leaf, uint32_t subleaf, struct cpuid r)
{
	print("%scpuid leaf=%08x sub=%u eax=%08x ebx=%08x ecx=%08x edx=%08x\n", prefix, leaf, subleaf, r.eax,
		r.ebx, r.ecx, r.edx);
}

static void show_leaf(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r = cpuid(leaf, subleaf);

	if (leaf == LEAF_SVM || leaf == LEAF_ENCRYPTION || leaf == LEAF_ENCRYPTION_KEYS ||
		(leaf >= LEAF_HYPERVISOR && leaf < LEAF_EXTENDED)) {
		print_leaf("diff ", leaf, subleaf, r);
		return;
	}
	if (leaf == 1 || (leaf == 7 && !subleaf) || leaf == LEAF_EXTENDED + 1)
		print_leaf("diff ", leaf, subleaf, r);
	if (leaf == 1) {
		r.ecx &= ~(CPUID1_ECX_VMX | CPUID1_ECX_HYPERVISOR | CPUID1_ECX_DTES64 | CPUID1_ECX_DS_CPL);
		r.edx &= ~CPUID1_EDX_DS;
	}
	if (leaf == 7 && !subleaf)
		r.ebx &= ~CPUID7_EBX_PT;
	if (leaf == LEAF_EXTENDED + 1)
		r.ecx &= ~CPUID81_ECX_SVM;
	print_leaf("", leaf, subleaf, r);
}

/* Subleaves of the leaves that have some; the others ignore ECX (SDM vol. 2A CPUID). */
static uint32_t subleaves(uint32_t leaf)
{
	switch (leaf) {
	case 0x4:
	case 0x8000001d:
		return 4;
	case 0x7:
	case 0xb:
		return 2;
	case 0xd:
		return 10;
	default:
		return 1;
	}
}

static void show_leaves(uint32_t from)
{
	uint32_t last = cpuid(from, 0).eax;

	if (last < from || last > from + 0x40)
		last = from;
	for (uint32_t leaf = from; leaf <= last; leaf++)
		for (uint32_t i = 0; i < subleaves(leaf); i++)
			show_leaf(leaf, i);
	if (from != LEAF_HYPERVISOR)
		show_leaf(last + 1, 0);
}

static void show_cpuid(void)
{
	show_leaves(0);
	show_leaves(LEAF_HYPERVISOR);
	show_leaves(LEAF_EXTENDED);
	show_leaf(0xc0000000, 0);
	show_leaf(0xffffffff, 0);
}

/* ---- reading MSRs ---- */

struct range {
	uint32_t from, to;
};

/* MSRs that count by themselves: TSC, MPERF, APERF, TSC deadline, the x2APIC's timer, performance counters.
 */
static const struct range counting[] = {
	{0x10, 0x10},
	{0xc1, 0xc8},
	{0xe7, 0xe8},
	{0x309, 0x30b},
	{0x6e0, 0x6e0},
	{0x839, 0x839},
	{0x10b0, 0x10b1},
	{0xc0000104, 0xc0000104},
	{0xc00000e7, 0xc00000e9},
	{0xc0010004, 0xc0010007},
};

/*
 * What Trapline hides: feature control, the VMX capabilities, PEBS, processor trace and the debug store, VM_CR, VM_HSAVE_PA and SVM_KEY.
 */
static const struct range hidden[] = {
	{MSR_FEATURE_CONTROL, MSR_FEATURE_CONTROL},
	{0x3f1, 0x3f1},
	{0x480, 0x493},
	{0x560, 0x58f},
	{0x600, 0x600},
	{0xc0010114, 0xc0010114},
	{0xc0010117, 0xc0010118},
};

/* The two ranges of a VMX MSR bitmap, the third of an SVM permission map, the edges, and what lies outside of
 * all. */
static const struct range shown[] = {
	{0x0, 0x1fff},
	{0x2000, 0x2001},
	{0x40000000, 0x40000002},
	{0x4b564d00, 0x4b564d01},
	{0xbfffffff, 0xc0001fff},
	{0xc0002000, 0xc0002001},
	{0xc000ffff, 0xc0011fff},
	{0xc0012000, 0xc0012001},
	{0xfffffffe, 0xffffffff},
};

static bool listed(const struct range *ranges, size_t n, uint32_t msr)
{
	for (size_t i = 0; i < n; i++)
		if (msr >= ranges[i].from && msr <= ranges[i].to)
			return true;
	return false;
}

static void print_msrs(const char *prefix, uint32_t from, uint32_t to, struct outcome o)
{
	if (o.vector == VECTOR_END)
		print("%smsr from=%08x to=%08x value=%lx\n", prefix, from, to, o.value);
	else
		print("%smsr from=%08x to=%08x vec=%u\n", prefix, from, to, o.vector);
}

static bool same(struct outcome a, struct outcome b)
{
	return a.vector == b.vector && (a.vector != VECTOR_END || a.value == b.value);
}

/* Neighbours that give the same are one line. The counter is wider than an MSR's number: a range may end at
 * the last. */
static void show_range(const struct range *r)
{
	uint64_t msr = r->from;

	while (msr <= r->to) {
		bool hides = listed(hidden, ARRAY_SIZE(hidden), msr);
		struct outcome first = run(stub_rdmsr, msr, 0, 0);
		uint64_t next = msr + 1;

		if (listed(counting, ARRAY_SIZE(counting), msr)) {
			print("msr from=%08x to=%08x counts\n", (uint32_t)msr, (uint32_t)msr);
			msr = next;
			continue;
		}
		while (next <= r->to && !listed(counting, ARRAY_SIZE(counting), next) &&
			listed(hidden, ARRAY_SIZE(hidden), next) == hides &&
			same(first, run(stub_rdmsr, next, 0, 0)))
			next++;
		print_msrs(hides ? "diff " : "", msr, next - 1, first);
		msr = next;
	}
}

static void show_msrs(void)
{
	static const uint32_t often[] = {MSR_EFER, MSR_LSTAR, MSR_PAT, MSR_APIC_BASE};

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		show_range(&shown[i]);
	for (size_t i = 0; i < ARRAY_SIZE(often); i++) {
		struct outcome o = run(stub_rdmsr_loop, often[i], 0, 1000);

		print("loop msr=%08x n=1000 vec=%u changes=%lu\n", often[i], o.vector, o.rbx);
	}
}

/* ---- writing ---- */

enum what {
	MSR,
	CR0,
	CR4,
	CR8,
	XCR
};

struct write {
	const char *name;
	enum what what;
	uint32_t index;    /* of the MSR or XCR */
	uint64_t value;    /* what is written is the value now, with these bits changed */
	unsigned want;     /* VECTOR_END or VECTOR_GP */
	unsigned quirk_on; /* emulators that do the other thing */
	unsigned skip_on;  /* emulators that it harms */
	bool differs;      /* by design: a `diff ` line */
};

#define OK VECTOR_END
#define GP VECTOR_GP

static const struct write writes[] = {
	{"cr0_same", CR0, 0, 0, OK, 0, 0, false},
	{"cr0_ts", CR0, 0, CR0_TS, OK, 0, 0, false},
	{"cr0_am", CR0, 0, CR0_AM, OK, 0, 0, false},
	{"cr0_mp", CR0, 0, CR0_MP, OK, 0, 0, false},
	{"cr0_wp", CR0, 0, CR0_WP, OK, 0, 0, false},
	{"cr0_ne", CR0, 0, CR0_NE, OK, 0, 0, false},
	{"cr0_cd", CR0, 0, CR0_CD, OK, 0, 0, false},
	{"cr0_cd_nw", CR0, 0, CR0_CD | CR0_NW, OK, 0, 0, false},
	{"cr0_reserved_low", CR0, 0, 1 << 6, OK, 0, 0, false}, /* ignored, not refused */
	{"cr0_nw", CR0, 0, CR0_NW, GP, 0, EMU_QEMU, false},
	{"cr0_pe", CR0, 0, CR0_PE, GP, 0, EMU_QEMU, false},
	{"cr0_pg", CR0, 0, CR0_PG, GP, 0, EMU_QEMU, false},
	{"cr0_high", CR0, 0, 1ull << 32, GP, 0, EMU_QEMU, false},
	{"cr4_same", CR4, 0, 0, OK, 0, 0, false},
	{"cr4_tsd", CR4, 0, CR4_TSD, OK, 0, 0, false},
	{"cr4_de", CR4, 0, CR4_DE, OK, 0, 0, false},
	{"cr4_pce", CR4, 0, CR4_PCE, OK, 0, 0, false},
	{"cr4_osfxsr", CR4, 0, CR4_OSFXSR, OK, 0, 0, false},
	{"cr4_smep", CR4, 0, CR4_SMEP, OK, 0, 0, false},
	{"cr4_osxsave", CR4, 0, CR4_OSXSAVE, OK, 0, 0, false},
	{"cr4_pae", CR4, 0, CR4_PAE, GP, 0, EMU_QEMU, false},
	{"cr4_reserved", CR4, 0, 1ull << 31, GP, 0, EMU_QEMU, false},
	{"cr4_high", CR4, 0, 1ull << 32, GP, 0, EMU_QEMU, false},
	{"cr4_vmxe", CR4, 0, CR4_VMXE, OK, 0, EMU_QEMU, true},
	{"cr8_low", CR8, 0, 5, OK, 0, 0, false},
	{"cr8_high", CR8, 0, 0x10, GP, 0, EMU_QEMU, false},
	{"efer_same", MSR, MSR_EFER, 0, OK, 0, 0, false},
	{"efer_sce", MSR, MSR_EFER, EFER_SCE, OK, 0, 0, false},
	{"efer_lma", MSR, MSR_EFER, EFER_LMA, OK, 0, EMU_QEMU, false},
	{"efer_lme", MSR, MSR_EFER, EFER_LME, GP, 0, EMU_QEMU, false},
	{"efer_bit_1", MSR, MSR_EFER, 1 << 1, GP, EMU_QEMU, 0, false},
	{"efer_bit_16", MSR, MSR_EFER, 1 << 16, GP, EMU_QEMU, 0, false},
	{"efer_high", MSR, MSR_EFER, 1ull << 32, GP, EMU_QEMU, 0, false},
	{"efer_svme", MSR, MSR_EFER, EFER_SVME, OK, 0, 0, true},
	{"star", MSR, MSR_STAR, 0x0010000800000000, OK, 0, 0, false},
	{"lstar", MSR, MSR_LSTAR, 0xffff800000001000, OK, 0, 0, false},
	{"lstar_noncanonical", MSR, MSR_LSTAR, 0x0000800000000000, GP, EMU_QEMU, 0, false},
	{"fs_base", MSR, MSR_FS_BASE, 0xffff800000001000, OK, 0, 0, false},
	{"gs_base", MSR, MSR_GS_BASE, 0x1000, OK, 0, 0, false},
	{"kernel_gs_base", MSR, MSR_KERNEL_GS_BASE, 0xffff800000001000, OK, 0, 0, false},
	{"fmask", MSR, MSR_FMASK, 0x47700, OK, 0, 0, false},
	{"pat", MSR, MSR_PAT, 0x1, OK, 0, 0, false},
	{"pat_reserved_type", MSR, MSR_PAT, 0x4, GP, EMU_QEMU, 0, false},
	{"mtrr_deftype_same", MSR, MSR_MTRR_DEF_TYPE, 0, OK, 0, 0, false},
	{"mtrr_deftype_type", MSR, MSR_MTRR_DEF_TYPE, 0x1, GP, EMU_QEMU, 0, false},
	{"apic_base_same", MSR, MSR_APIC_BASE, 0, OK, 0, 0, false},
	{"apic_base_reserved", MSR, MSR_APIC_BASE, 1 << 1, GP, EMU_QEMU, 0, false},
	{"sysenter_cs", MSR, 0x174, 0x8, OK, 0, 0, false},
	{"unknown", MSR, 0x1fff, 1, GP, EMU_QEMU | EMU_BOCHS, 0, false},
	{"unknown_outside", MSR, 0xdeadbeef, 1, GP, EMU_QEMU | EMU_BOCHS, 0, false},
	{"vmx_basic", MSR, 0x480, 1, GP, EMU_QEMU | EMU_BOCHS_SVM, 0, false},
	{"xcr0_same", XCR, 0, 0, OK, 0, 0, false},
	{"xcr0_sse", XCR, 0, 2, OK, 0, 0, false},
	{"xcr0_sse_avx", XCR, 0, 6, OK, 0, 0, false},
	{"xcr0_no_x87", XCR, 0, 1, GP, 0, 0, false},
	{"xcr0_avx_alone", XCR, 0, 4, GP, 0, 0, false},
	{"xcr0_reserved", XCR, 0, 1 << 8, GP, 0, 0, false},
	{"xcr0_high", XCR, 0, 1ull << 63, GP, 0, 0, false},
	{"xcr1", XCR, 1, 0, GP, 0, 0, false},
};

static uint64_t xgetbv(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

static uint64_t value_now(const struct write *w)
{
	switch (w->what) {
	case CR0:
		return read_cr0();
	case CR4:
		return read_cr4();
	case CR8:
		return read_cr8();
	case XCR:
		return xgetbv();
	default:
		return run(stub_rdmsr, w->index, 0, 0).value;
	}
}

static const uint8_t *code_of(const struct write *w)
{
	static const uint8_t *const codes[] = {
		[MSR] = stub_wrmsr,
		[CR0] = stub_cr0,
		[CR4] = stub_cr4,
		[CR8] = stub_cr8,
		[XCR] = stub_xsetbv,
	};

	return codes[w->what];
}

enum verdict {
	VERDICT_OK,
	VERDICT_QUIRK,
	VERDICT_DIFFER,
	VERDICT_NONE
};

static enum verdict judge(const struct write *w, const struct outcome *o)
{
	if (w->differs)
		return VERDICT_NONE;
	if (o->vector == w->want)
		return VERDICT_OK;
	return w->quirk_on & guest_emulator() ? VERDICT_QUIRK : VERDICT_DIFFER;
}

/* The line has the value that is read back. Afterwards the old value is restored. */
static enum verdict try_write(const struct write *w)
{
	static const char *const words[] = {"ok", "quirk", "differ", "-"};
	struct outcome o;
	uint64_t before;

	print("%swrite name=%s ", w->differs ? "diff " : "", w->name);
	before = value_now(w);
	o = run(code_of(w), w->index, before ^ w->value, 0);
	if (o.vector == VECTOR_END) {
		print("vec=- wrote=%lx read=%lx ", before ^ w->value, o.value);
		run(code_of(w), w->index, before, 0);
	} else {
		print("vec=%u wrote=%lx kept=%s ", o.vector, before ^ w->value,
			value_now(w) == before ? "yes" : "no");
	}
	print("result=%s\n", words[judge(w, &o)]);
	return judge(w, &o);
}

static bool possible(const struct write *w)
{
	return !(w->skip_on & guest_emulator()) && (w->what != XCR || cpuid(1, 0).ecx & CPUID1_ECX_XSAVE);
}

static void try_writes(void)
{
	unsigned count[VERDICT_NONE + 1] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(writes); i++) {
		if (!possible(&writes[i]))
			continue;
		if (writes[i].what == XCR)
			write_cr4(read_cr4() | CR4_OSXSAVE);
		count[try_write(&writes[i])]++;
		machine_reset();
	}
	print("summary writes ok=%u quirk=%u differ=%u\n", count[VERDICT_OK], count[VERDICT_QUIRK],
		count[VERDICT_DIFFER]);
}

EFI_STATUS guest_main(void)
{
	machine_take();
	show_cpuid();
	show_msrs();
	try_writes();
	machine_give_back();
	return EFI_SUCCESS;
}
