// SPDX-License-Identifier: MIT
/*
 * x87, SSE, AVX and the other state of XSAVE belongs to the guest, through every kind of exit.
 *
 * Nothing switches these registers when a guest exits (SDM vol. 3C 28.3, APM vol. 2 15.5). If a hypervisor
 * uses one, such as in a memory copy that the compiler made with XMM registers, it changes the guest's. Here every
 * byte is loaded from an image, then one instruction exits or faults, and what XSAVE then stores must
 * be the image again. The same is tested for XCR0, and for an interrupt and ring 3 in between.
 */
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "state";

#define AREA_SIZE     8192
#define XSTATE_BV     512 /* offset, SDM vol. 1 13.4.2 */
#define LEAF_XSTATE   0xd
#define XCR0_KNOWN    0xe7ull /* x87, SSE, AVX, AVX-512 */
#define MXCSR_DEFAULT 0x1f80

static uint8_t image[AREA_SIZE] __attribute__((aligned(64))), stored[AREA_SIZE] __attribute__((aligned(64)));
static uint64_t components;

struct row {
	const char *name;
	const uint8_t *code;
	uint64_t rax, rcx, rdx, rsi, flags, resume;
	uint8_t cpl;
	bool interrupt;
};

static void xsetbv(uint64_t value)
{
	__asm__ volatile("xsetbv" : : "c"(0), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static uint64_t xgetbv(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (uint64_t)high << 32 | low;
}

/* A pattern that differs for all registers, in the components that contain only registers. */
static void fill(unsigned offset, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		image[offset + i] = (uint8_t)((offset + i) * 167 + (offset + i) / 256 * 13 + 1);
}

/* The legacy region, SDM vol. 1 10.5.1.1: control words as after FNINIT, but with flags; eight ST, sixteen XMM. */
static void make_legacy(void)
{
	static const uint16_t control[4] = {0x037f, 0x4700, 0x00ff, 0x0123}; /* FCW, FSW, abridged FTW, FOP */
	const uint32_t mxcsr = MXCSR_DEFAULT | 0x25;

	memcpy(image, control, sizeof(control));
	memcpy(image + 24, &mxcsr, sizeof(mxcsr));
	for (unsigned i = 0; i < 8; i++)
		fill(32 + 16 * i, 10);
	fill(160, 256);
}

static void make_image(void)
{
	memset(image, 0, sizeof(image));
	make_legacy();
	memcpy(image + XSTATE_BV, &components, sizeof(components));
	for (unsigned n = 2; n < 64; n++) {
		struct cpuid r = cpuid(LEAF_XSTATE, n);

		if (components >> n & 1 && r.ebx + r.eax <= sizeof(image))
			fill(r.ebx, r.eax);
	}
}

static void load(void)
{
	__asm__ volatile("xrstor64 %0" : : "m"(image), "a"(-1), "d"(-1) : "memory");
}

static void store(void)
{
	memset(stored, 0, sizeof(stored));
	__asm__ volatile("xsave64 %0" : "+m"(stored) : "a"(-1), "d"(-1) : "memory");
}

/* Fields that the CPU defines: MXCSR_MASK, and FIP, FDP and FOP if no exception is pending (AMD). */
static bool compared(unsigned offset)
{
	return (offset < 6 || offset >= 24) && !(offset >= 28 && offset < 32);
}

static unsigned changed(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < sizeof(image); i++)
		n += compared(i) && image[i] != stored[i];
	return n;
}

static uint32_t sum(void)
{
	uint32_t hash = 2166136261;

	for (unsigned i = 0; i < sizeof(stored); i++)
		if (compared(i))
			hash = (hash ^ stored[i]) * 16777619;
	return hash;
}

#define ROWS(X)                                                                                              \
	X(nothing, "nop")                                                                                    \
	X(cpuid, "cpuid")                                                                                    \
	X(rdmsr_efer, "rdmsr", .rcx = MSR_EFER)                                                              \
	X(rdmsr_pat, "rdmsr", .rcx = MSR_PAT)                                                                \
	X(wrmsr_efer, "rdmsr; wrmsr", .rcx = MSR_EFER)                                                       \
	X(in_exits, "in $0x64, %al")                                                                         \
	X(in, "in $0x21, %al")                                                                               \
	X(out_hidden, "out %al, %dx", .rdx = 0x2ff)                                                          \
	X(wbinvd, "wbinvd")                                                                                  \
	X(mov_cr0, "mov %cr0, %rax; mov %rax, %cr0")                                                         \
	X(mov_cr3, "mov %cr3, %rax; mov %rax, %cr3")                                                         \
	X(mov_cr4, "mov %cr4, %rax; mov %rax, %cr4")                                                         \
	X(mov_dr, "mov %dr7, %rax; mov %rax, %dr7")                                                          \
	X(xsetbv, "xor %ecx, %ecx; xgetbv; xsetbv")                                                          \
	X(vmcall, "vmcall", .rax = 1ull << 40)                                                               \
	X(vmmcall, "vmmcall", .rax = 1ull << 40)                                                             \
	X(ud, "ud2")                                                                                         \
	X(ud_ring3, "ud2", .cpl = 3)                                                                         \
	X(gp, "mov (%rsi), %al", .rsi = 0x0000800000000000ull)                                               \
	X(pf, "mov (%rsi), %al", .rsi = PAGE_ABSENT)                                                         \
	X(pf_ring3, "mov (%rsi), %al", .rsi = PAGE_ABSENT, .cpl = 3)                                         \
	X(int3, "int3")                                                                                      \
	X(int_40, "int $0x40")                                                                               \
	X(steps, "cpuid; rdmsr; in $0x64, %al; nop", .flags = RFLAGS_TF, .resume = 1 << VECTOR_DB)           \
	X(interrupt, "sti; cpuid; nop; cli", .resume = 1ull << VECTOR_IRQ, .interrupt = true)                \
	X(halt, "sti; hlt; cli", .resume = 1ull << VECTOR_IRQ, .interrupt = true)                            \
	X(storm, "mov $2000, %edi; 1: cpuid; rdmsr; dec %edi; jnz 1b", .rcx = MSR_EFER)

#define X(id, text, ...) TRAP_STUB(id, text);
ROWS(X)
#undef X

#define X(id, text, ...) {.name = #id, .code = stub_##id, ##__VA_ARGS__},
static const struct row rows[] = {ROWS(X)};
#undef X

static void run(const struct row *row)
{
	struct trap_state start = {.rflags = RFLAGS_FIXED | row->flags};
	uint64_t xcr0 = xgetbv();
	unsigned n;

	start.rip = row->cpl ? machine_user_alias(row->code) : (uint64_t)row->code;
	start.cs = row->cpl ? SEG_USER_CODE | 3 : SEG_CODE;
	start.ss = row->cpl ? SEG_USER_DATA | 3 : SEG_DATA;
	start.rsp = row->cpl ? machine_user_stack() : machine_stub_stack();
	start.gpr[REG_RAX] = row->rax;
	start.gpr[REG_RCX] = row->rcx;
	start.gpr[REG_RDX] = row->rdx;
	start.gpr[REG_RSI] = row->rsi;
	if (row->interrupt)
		machine_request_interrupt(PRIORITY_IRQ - 1);
	load();
	trap_run(&start, row->resume);
	store();
	n = changed();
	print("case name=%s xcr0=%lx changed=%u sum=%x result=%s\n", row->name, xgetbv(), n, sum(),
		n || xgetbv() != xcr0 ? "differ" : "ok");
}

EFI_STATUS guest_main(void)
{
	machine_take();
	components = (cpuid(LEAF_XSTATE, 0).eax | (uint64_t)cpuid(LEAF_XSTATE, 0).edx << 32) & XCR0_KNOWN;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		machine_reset();
		write_cr4(read_cr4() | CR4_OSXSAVE);
		xsetbv(components);
		make_image();
		run(&rows[i]);
	}
	xsetbv(1);
	machine_give_back();
	return EFI_SUCCESS;
}
