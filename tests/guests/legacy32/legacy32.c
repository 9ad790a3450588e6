// SPDX-License-Identifier: MIT
/*
 * The 32-bit half of the legacy guest: protected mode without paging, with 32-bit paging and with PAE, rings
 * 0 and 3, 16-bit code, virtual-8086 mode (SDM vol. 3A chapters 3 to 6 and 8, 3B 21 and 23). Stack frame and registers of each event
 * are stored unchanged. The image is at its link address, so all of them are the
 * same in every run.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "legacy32/shared.h"
#include "hw/x86.h"
#include "lib/array.h"

#define EMU_QEMU      0x1 /* as in lib/guest.h */
#define EMU_BOCHS_SVM 0x2
#define EMU_BOCHS_VMX 0x4

enum mode {
	FLAT,  /* no paging */
	PAGED, /* 32-bit paging, 4 KiB and 4 MiB */
	PAE,   /* 4 KiB and 2 MiB */
	MODES
};

enum kind {
	CODE32,
	CODE16,
	V86
};

#define IN(mode) (1u << (mode))
#define ALL      (IN(FLAT) | IN(PAGED) | IN(PAE))
#define TABLES   (IN(PAGED) | IN(PAE))

/* Selectors; CODE64 is for the way back. */
enum {
	SEG_CODE = 0x08,
	SEG_DATA = 0x10,
	SEG_CODE64 = 0x18,
	SEG_USER_CODE = 0x23,
	SEG_USER_DATA = 0x2b,
	SEG_CODE16 = 0x30, /* base: the stubs */
	SEG_USER_CODE16 = 0x3b,
	SEG_SMALL = 0x40, /* data, limit 0xfff, at the data page */
	SEG_READONLY = 0x48,
	SEG_ABSENT = 0x50,
	SEG_TSS = 0x58,
	SEG_TASK = 0x60, /* of #DF */
	SEG_GATE_ABSENT = 0x68,
	SEG_DOWN = 0x70,     /* expand-down, lower limit 0xfff */
	SEG_CODE_LOW = 0x78, /* base: the image, so that the entries are within 64 KiB */
	SEG_END = 0x80
};

struct tss {
	uint32_t link, esp0, ss0, esp1, ss1, esp2, ss2, cr3, eip, eflags;
	uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi, es, cs, ss, ds, fs, gs, ldt;
	uint16_t trap, io_map;
	uint8_t ports[129];
};

struct row {
	const char *name;
	const uint8_t *code, *end;
	unsigned modes;
	enum kind kind;
	unsigned cpl, skip_on; /* emulators that do not survive it, bare */
	uint32_t flags, data;  /* data: the selector in DS and ES, 0: the usual one */
	uint64_t resume;       /* vectors below 64 after which the code continues */
	uint32_t eip;          /* instead of the stub */
	uint32_t top;          /* of the stack, where the code moves it */
	void (*before)(void);
	struct {
		uint8_t set;
		uint32_t value;
	} gpr[8];
};

#define PAGE 4096u

/*
 * Linear addresses of the window, a page each, and pages of 2 or 4 MiB after it. The first three map one
 * frame; the large ones map the image's own.
 */
#define WINDOW           (LEGACY_BASE + 0x200000)
#define PAGE_DATA        (WINDOW + 0x0000)
#define PAGE_ABSENT      (WINDOW + 0x1000)
#define PAGE_READONLY    (WINDOW + 0x2000)
#define PAGE_SUPERVISOR  (WINDOW + 0x3000)
#define PAGE_NOEXEC      (WINDOW + 0x4000)
#define PAGE_RESERVED    (WINDOW + 0x5000)
#define PAGE_USER_CODE   (WINDOW + 0x6000)
#define PAGE_STACK       (WINDOW + 0x8000) /* one behind an absent page */
#define LARGE_DATA       (LEGACY_BASE + 0x0400000)
#define LARGE_ABSENT     (LEGACY_BASE + 0x0800000)
#define LARGE_READONLY   (LEGACY_BASE + 0x0c00000)
#define LARGE_RESERVED   (LEGACY_BASE + 0x1000000)
#define LARGE_SUPERVISOR (LEGACY_BASE + 0x1400000)
#define LARGE_NOEXEC     (LEGACY_BASE + 0x1800000)
#define TABLE_READONLY   (LEGACY_BASE + 0x1c00000) /* set in the directory entry, not in the page's own */
#define APIC             0xfee00000u
#define APIC_EOI         0x0b0
#define APIC_TPR         0x080
#define APIC_SVR         0x0f0
#define APIC_ICR         0x300
#define ICR_SELF         0x44000u
#define APIC_LVT_TIMER   0x320
#define LVT_MASKED       0x10000u
#define VECTOR_IRQ       0x30

#define P  0x001u
#define W  0x002u
#define U  0x004u
#define A  0x020u
#define D  0x040u
#define PS 0x080u
#define NX 0x8000000000000000ull

#define PORT_OPEN 0x3fd /* the bitmap lets ring 3 read it */

extern struct legacy legacy;
extern const uint8_t entries[], stubs_begin[], stubs_end[], image_end[];
extern uint8_t main_stack_top[];

void entry32(void);
void main32(void);
int capture(const uint32_t *stack);
void capture_task(const uint32_t *stack);
void enter(const uint32_t *frame, const uint32_t *gpr, uint32_t data);
void fault_task(void);

__attribute__((section(".header"))) struct legacy legacy = {
	.entry = (uint32_t)entry32, .size = (uint32_t)image_end - LEGACY_BASE};

static uint64_t gdt[SEG_END / 8] __attribute__((aligned(16)));
static uint64_t idt[256] __attribute__((aligned(16)));
static struct tss tss __attribute__((aligned(256))), task __attribute__((aligned(256)));
static uint8_t kernel_stack[PAGE] __attribute__((aligned(16)));
static uint8_t stub_stack[PAGE] __attribute__((aligned(4096)));
static uint8_t inner_stack[PAGE] __attribute__((aligned(16)));
static uint8_t task_stack[PAGE] __attribute__((aligned(16)));
static uint32_t data[PAGE / 4] __attribute__((aligned(4096)));
static uint8_t nops[PAGE] __attribute__((aligned(4096)));
static uint64_t pae_pointers[8] __attribute__((aligned(4096)));
static uint64_t pae_directory[4][512] __attribute__((aligned(4096)));
static uint64_t pae_pages[3][512] __attribute__((aligned(4096)));
static uint32_t directory[1024] __attribute__((aligned(4096)));
static uint32_t pages[2][1024] __attribute__((aligned(4096)));

static enum mode mode;
static const struct row *row;
static uint32_t stack_top; /* of the stack on which the frame of an event is pushed */
static uint32_t cr0, cr4;

static void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

#define REGISTER(name)                                                                                       \
	static inline uint32_t read_##name(void)                                                             \
	{                                                                                                    \
		uint32_t value;                                                                              \
                                                                                                             \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(value) : : "memory");                          \
		return value;                                                                                \
	}                                                                                                    \
	static inline void write_##name(uint32_t value)                                                      \
	{                                                                                                    \
		__asm__ volatile("mov %0, %%" #name : : "r"(value) : "memory");                              \
	}

REGISTER(cr0)
REGISTER(cr2)
REGISTER(cr3)
REGISTER(cr4)
REGISTER(dr0)
REGISTER(dr1)
REGISTER(dr6)
REGISTER(dr7)

static void write_efer_nx(bool on)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(0xc0000080));
	low = on ? low | 0x800 : low & ~0x800u;
	__asm__ volatile("wrmsr" : : "c"(0xc0000080), "a"(low), "d"(high));
}

static void apic_write(uint32_t offset, uint32_t value)
{
	*(volatile uint32_t *)(APIC + offset) = value;
}

static uint32_t apic_read(uint32_t offset)
{
	return *(volatile uint32_t *)(APIC + offset);
}

static void clear(void *at, size_t size)
{
	for (size_t i = 0; i < size; i++)
		((volatile uint8_t *)at)[i] = 0;
}

/* ---- page tables ---- */

static uint32_t *table_of(uint64_t upper)
{
	return (uint32_t *)(uint32_t)(upper & 0xfffff000);
}

/* The last entry on the path to an address: the directory's for a large page. 8 bytes with PAE, otherwise 4. */
static uint32_t *entry_of(uint32_t at)
{
	uint32_t *upper;

	if (mode == PAE) {
		upper = (uint32_t *)&pae_directory[at >> 30][at >> 21 & 511];
		return *upper & PS ? upper : &table_of(*upper)[(at >> 12 & 511) * 2];
	}
	upper = &directory[at >> 22];
	return *upper & PS ? upper : &table_of(*upper)[at >> 12 & 1023];
}

static void put(uint32_t *entry, uint64_t value)
{
	entry[0] = value;
	if (mode == PAE)
		entry[1] = value >> 32;
}

static void map(uint32_t at, const void *frame, uint64_t bits)
{
	put(entry_of(at), (uint32_t)frame | bits);
}

/* A reserved bit: 51 of a PAE entry, 21 of a large one of 32-bit paging; small ones of that have none. */
static uint64_t reserved_bit(bool large)
{
	return mode == PAE ? 1ull << 51 : large ? 1u << 21 : 0;
}

static uint64_t no_execute(void)
{
	return mode == PAE ? NX : 0;
}

/* Maps 4 GiB one to one, for ring 0, in large pages; the image's own 4 MiB in small ones. */
static void make_upper(void)
{
	for (unsigned i = 0; i < 1024; i++)
		directory[i] = i << 22 | P | W | PS;
	for (unsigned i = 0; i < 2048; i++)
		pae_directory[i >> 9][i & 511] = (uint64_t)i << 21 | P | W | PS;
	for (unsigned i = 0; i < 4; i++)
		pae_pointers[i] = (uint32_t)pae_directory[i] | P;
	for (unsigned i = 0; i < 1024; i++) {
		pages[0][i] = (LEGACY_BASE + i * PAGE) | P | W;
		pages[1][i] = (LEGACY_BASE + i * PAGE) | P | W | U;
		pae_pages[i >> 9][i & 511] = (LEGACY_BASE + i * PAGE) | P | W;
		pae_pages[2][i & 511] = (LEGACY_BASE + (i & 511) * PAGE) | P | W | U;
	}
	directory[LEGACY_BASE >> 22] = (uint32_t)pages[0] | P | W | U;
	directory[TABLE_READONLY >> 22] = (uint32_t)pages[1] | P | U;
	pae_directory[0][LEGACY_BASE >> 21] = (uint32_t)pae_pages[0] | P | W | U;
	pae_directory[0][(LEGACY_BASE >> 21) + 1] = (uint32_t)pae_pages[1] | P | W | U;
	pae_directory[0][TABLE_READONLY >> 21] = (uint32_t)pae_pages[2] | P | U;
}

static void make_window(void)
{
	const void *frame = (const void *)LEGACY_BASE;

	map(PAGE_DATA, data, P | W | U);
	map(PAGE_ABSENT, 0, 0);
	map(PAGE_READONLY, data, P | U);
	map(PAGE_SUPERVISOR, nops, P | W);
	map(PAGE_NOEXEC, nops, P | U | no_execute());
	map(PAGE_RESERVED, data, P | W | U | reserved_bit(false));
	map(PAGE_USER_CODE, nops, P | U);
	map(PAGE_USER_CODE + PAGE, 0, 0);
	map(PAGE_STACK, data, P | W | U);
	for (const uint8_t *at = stubs_begin; at < stubs_end; at += PAGE)
		map((uint32_t)at, at, P | U);
	map((uint32_t)stub_stack, stub_stack, P | W | U);
	map(LARGE_DATA, frame, P | W | U | PS);
	map(LARGE_ABSENT, 0, PS);
	map(LARGE_READONLY, frame, P | U | PS);
	map(LARGE_RESERVED, frame, P | W | U | PS | reserved_bit(true));
	map(LARGE_SUPERVISOR, frame, P | W | PS);
	map(LARGE_NOEXEC, frame, P | U | PS | no_execute());
}

/* The first 4 MiB are open to ring 3, for virtual-8086 mode. */
static void make_tables(void)
{
	make_upper();
	make_window();
	put(entry_of(0), P | W | U | PS);
}

static void load_mode(void)
{
	write_cr0(cr0 & 0x7fffffff);
	write_efer_nx(mode == PAE);
	write_cr4(mode == PAE ? cr4 | 0x20 : (cr4 & ~0x20u) | 0x10);
	if (mode == FLAT)
		return;
	make_tables();
	write_cr3(mode == PAE ? (uint32_t)pae_pointers : (uint32_t)directory);
	write_cr0(cr0 | 0x80010000); /* WP too */
}

/* ---- segments and gates ---- */

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t access)
{
	return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(access & 0xf0ff) << 40 |
	       (uint64_t)(limit >> 16 & 0xf) << 48 | (uint64_t)(base >> 24) << 56;
}

static uint64_t gate(uint16_t selector, uint32_t offset, uint8_t type)
{
	return (offset & 0xffff) | (uint32_t)selector << 16 | (uint64_t)type << 40 |
	       (uint64_t)(offset >> 16) << 48;
}

static void make_gdt(void)
{
	uint32_t stubs = (uint32_t)stubs_begin;

	gdt[SEG_CODE / 8] = 0x00cf9b000000ffff;
	gdt[SEG_DATA / 8] = 0x00cf93000000ffff;
	gdt[SEG_CODE64 / 8] = 0x00af9b000000ffff;
	gdt[SEG_USER_CODE / 8] = 0x00cffb000000ffff;
	gdt[SEG_USER_DATA / 8] = 0x00cff3000000ffff;
	gdt[SEG_CODE16 / 8] = descriptor(stubs, 0xffff, 0x009b);
	gdt[SEG_USER_CODE16 / 8] = descriptor(stubs, 0xffff, 0x00fb);
	gdt[SEG_SMALL / 8] = descriptor((uint32_t)data, 0xfff, 0x40f3);
	gdt[SEG_READONLY / 8] = descriptor(0, 0xfffff, 0xc0f1);
	gdt[SEG_ABSENT / 8] = descriptor(0, 0xfffff, 0xc013);
	gdt[SEG_TSS / 8] = descriptor((uint32_t)&tss, sizeof(tss) - 1, 0x0089);
	gdt[SEG_TASK / 8] = descriptor((uint32_t)&task, sizeof(task) - 1, 0x0089);
	gdt[SEG_GATE_ABSENT / 8] = gate(SEG_CODE, 0, 0x0c);
	gdt[SEG_CODE_LOW / 8] = descriptor(LEGACY_BASE, 0xfffff, 0xc09b);
	gdt[SEG_DOWN / 8] = descriptor(0, 0xfff, 0x40f7);
}

static void make_tss(void)
{
	clear(&tss, sizeof(tss));
	clear(&task, sizeof(task));
	tss.esp0 = (uint32_t)(kernel_stack + sizeof(kernel_stack));
	tss.ss0 = SEG_DATA;
	tss.io_map = offsetof(struct tss, ports);
	for (unsigned i = 0; i < sizeof(tss.ports); i++)
		tss.ports[i] = 0xff;
	tss.ports[PORT_OPEN / 8] &= ~(1u << PORT_OPEN % 8);
	task.cr3 = read_cr3();
	task.eip = (uint32_t)fault_task;
	task.eflags = 2;
	task.esp = (uint32_t)(task_stack + sizeof(task_stack));
	task.cs = SEG_CODE;
	task.es = task.ss = task.ds = task.fs = task.gs = SEG_DATA;
	task.io_map = sizeof(task);
}

static void load_tables(void)
{
	const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) gdtr = {sizeof(gdt) - 1, (uint32_t)gdt},
				  idtr = {sizeof(idt) - 1, (uint32_t)idt};

	for (unsigned i = 0; i < 256; i++)
		idt[i] = gate(SEG_CODE, (uint32_t)entries + 16 * i, 0x8e);
	idt[0x81] |= 0x60ull << 40;
	idt[0x40] |= 0x60ull << 40;
	idt[8] = gate(SEG_TASK, 0, 0x85);
	__asm__ volatile("lgdt %0; lidt %1" : : "m"(gdtr), "m"(idtr));
	__asm__ volatile("ltr %w0" : : "r"(SEG_TSS) : "memory");
	__asm__ volatile("lldt %w0; mov %w0, %%fs; mov %w0, %%gs" : : "r"(0) : "memory");
}

static void reset(void)
{
	__asm__ volatile("clts");
	write_dr7(0x400);
	write_dr6(0xffff0ff0);
	clear(data, sizeof(data));
	for (unsigned i = 0; i < sizeof(nops); i++)
		((volatile uint8_t *)nops)[i] = 0x90;
	load_mode();
	make_gdt();
	make_tss();
	load_tables();
	apic_write(APIC_EOI, 0);
}

/* ---- what cases do before ---- */

static void before_irq(void)
{
	apic_write(APIC_ICR, ICR_SELF | VECTOR_IRQ);
}

static void before_ts(void)
{
	write_cr0(read_cr0() | 8);
}

static void before_alignment(void)
{
	write_cr0(read_cr0() | 0x40000);
}

static void before_no_wp(void)
{
	write_cr0(read_cr0() & ~0x10000u);
}

static void before_tsd(void)
{
	write_cr4(read_cr4() | 4);
}

static void before_de(void)
{
	write_cr4(read_cr4() | 8);
}

static void before_smep(void)
{
	write_cr4(read_cr4() | 0x100000);
}

static void before_smap(void)
{
	write_cr4(read_cr4() | 0x200000);
}

static void before_vme(void)
{
	write_cr4(read_cr4() | 1);
}

/* In the middle of the data page, so that words that are pushed below it stay in the page. */
#define WATCHED ((uint32_t)data + PAGE / 2)

static void watch(uint32_t address, unsigned kind, unsigned length)
{
	write_dr1(address);
	write_dr7(0x400 | 1 << 2 | kind << 20 | length << 22);
}

static void before_watch_write(void)
{
	watch(WATCHED, 1, 3);
}

/* Two breakpoints on the same word, which holds a valid selector for SS. */
static void before_watch_both(void)
{
	*(volatile uint32_t *)WATCHED = SEG_DATA;
	write_dr0(WATCHED);
	write_dr1(WATCHED);
	write_dr7(0x400 | 5 | 0xffu << 16);
}

static void before_watch_port(void)
{
	before_de();
	watch(0x21, 2, 0);
}

static void before_watch_fetch(void)
{
	watch((uint32_t)row->code, 0, 0);
}

static void before_guard(void)
{
	write_dr7(0x400 | 1 << 13);
}

static void before_ud_absent(void)
{
	idt[6] &= ~(0x80ull << 40);
}

static void before_gp_absent(void)
{
	idt[13] &= ~(0x80ull << 40);
}

static void before_pf_absent(void)
{
	idt[14] &= ~(0x80ull << 40);
}

static void before_ud_bad_code(void)
{
	idt[6] = gate(SEG_DATA, (uint32_t)entries + 16 * 6, 0x8e);
}

static void before_stack_bad(void)
{
	tss.ss0 = SEG_READONLY & ~3u;
}

static void before_stack_absent(void)
{
	tss.ss0 = SEG_ABSENT;
}

/* 16-bit gates push 16-bit words. */
static void before_gates16(void)
{
	for (unsigned i = 0; i < 32; i++)
		if (i != 8)
			idt[i] = gate(SEG_CODE_LOW, (uint32_t)entries + 16 * i - LEGACY_BASE, 0x86);
}

static void before_pdpte_reserved(void)
{
	pae_pointers[3] |= 6; /* bits 1 and 2 */
}

/* A task with four PAE pointers of its own, with the same values. */
static void before_task_pdptes(void)
{
	for (unsigned i = 0; i < 4; i++)
		pae_pointers[4 + i] = pae_pointers[i];
	task.cr3 = (uint32_t)&pae_pointers[4];
}

static void before_pdpte_absent(void)
{
	pae_pointers[1] = 0;
}

/* ---- the cases ---- */

#define R_EAX      0
#define R_ECX      1
#define R_EDX      2
#define R_EBX      3
#define R_EBP      5
#define R_ESI      6
#define R_EDI      7
#define SET(r, v)  .gpr[R_##r] = {1, v}
#define BEFORE(f)  .before = before_##f
#define RING3      .cpl = 3
#define STEPS      .flags = RFLAGS_TF, .resume = 1u << 1
#define IRQ        .resume = 1ull << VECTOR_IRQ, .before = before_irq
#define SKIP(emu)  .skip_on = emu
#define DATA_FRAME ((uint32_t)data)

#define STUB(name, size, code)                                                                               \
	extern const uint8_t stub_##name[], stub_##name##_end[];                                             \
	__asm__(".pushsection .stubs, \"ax\", @progbits\n.balign 16\n.code" size "\n"                        \
		"stub_" #name ":\n" code "\n"                                                                \
		"stub_" #name "_end:\nint $0x81\n.code32\n.popsection\n");
#define CASE(name, code, in, ...)   STUB(name, "32", code)
#define CASE16(name, code, in, ...) STUB(name, "16", code)
#define CASE86(name, code, in, ...) STUB(name, "16", code)
#include "legacy32/cases.def"
#undef CASE
#undef CASE16
#undef CASE86

static const struct row rows[] = {
#define ROW(id, how, in, ...)                                                                                \
	{.name = #id, .code = stub_##id, .end = stub_##id##_end, .modes = in, .kind = how, ##__VA_ARGS__},
#define CASE(id, text, in, ...)   ROW(id, CODE32, in, ##__VA_ARGS__)
#define CASE16(id, text, in, ...) ROW(id, CODE16, in, ##__VA_ARGS__)
#define CASE86(id, text, in, ...) ROW(id, V86, in, ##__VA_ARGS__)
#include "legacy32/cases.def"
};

#define ROWS ARRAY_SIZE(rows)

static struct result results[ROWS * MODES];

/* ---- running one ---- */

static struct event *next_event(void)
{
	struct result *r = &results[legacy.count];

	return &r->event[r->count < EVENTS_MAX ? r->count++ : EVENTS_MAX - 1];
}

static void keep_registers(struct event *e, const uint32_t *pusha)
{
	for (unsigned i = 0; i < 8; i++)
		e->gpr[i] = pusha[7 - i];
	e->cr2 = read_cr2();
	e->dr6 = read_dr6();
	write_dr6(0xffff0ff0);
}

/* `stack`: eight registers, the vector, and the words that the CPU pushed. */
int capture(const uint32_t *stack)
{
	struct event *e = next_event();
	uint32_t top = stack_top;

	keep_registers(e, stack);
	e->vector = stack[8];
	e->words = (top - (uint32_t)(stack + 9)) / 4;
	for (unsigned i = 0; i < e->words && i < TOKENS_MAX; i++)
		e->frame[i] = stack[9 + i];
	if (e->vector == VECTOR_IRQ)
		apic_write(APIC_EOI, 0);
	return e->vector < 64 && row->resume >> e->vector & 1 && results[legacy.count].count < EVENTS_MAX;
}

/* `stack`: eight registers of the task itself, which are ignored, and the error code. */
void capture_task(const uint32_t *stack)
{
	struct event *e = next_event();

	keep_registers(e, stack);
	clear(e->gpr, sizeof(e->gpr));
	e->vector = 8;
	e->words = 6;
	e->frame[0] = stack[8];
	e->frame[1] = tss.eip;
	e->frame[2] = tss.cs;
	e->frame[3] = tss.eflags;
	e->frame[4] = tss.esp;
	e->frame[5] = task.link;
	__asm__ volatile("pushf; andl $0xffffbfff, (%%esp); popf"
			 :
			 :
			 : "memory", "cc"); /* no NT: nothing to go back to */
}

static void copy_low(const struct row *r)
{
	uint8_t *to = (uint8_t *)legacy.low_page;

	for (const uint8_t *from = r->code; from < r->end + 2; from++)
		*to++ = *from;
}

/* 9 words as IRET takes them in virtual-8086 mode; the other modes take the first ones only. */
static void make_frame(const struct row *r, uint32_t *frame)
{
	uint32_t low = legacy.low_page >> 4, user = r->cpl ? SEG_USER_DATA : SEG_DATA;
	uint32_t stack = (uint32_t)(r->cpl ? stub_stack : inner_stack) + PAGE - 64;

	frame[0] = r->eip ? r->eip : (uint32_t)r->code;
	frame[1] = r->cpl ? SEG_USER_CODE : SEG_CODE;
	frame[2] = 2 | r->flags;
	frame[3] = stack;
	frame[4] = user;
	if (r->kind == CODE16) {
		frame[0] -= (uint32_t)stubs_begin;
		frame[1] = r->cpl ? SEG_USER_CODE16 : SEG_CODE16;
	}
	if (r->kind != V86)
		return;
	copy_low(r);
	frame[0] = 0;
	frame[1] = frame[4] = frame[5] = frame[6] = frame[7] = frame[8] = low;
	frame[2] |= RFLAGS_VM;
	frame[3] = PAGE - 64;
}

/* Accessed and dirty of the page that ESI points to, of its table or directory entry as well. */
static uint32_t read_entry(void)
{
	uint32_t at = row->gpr[R_ESI].set ? row->gpr[R_ESI].value : row->eip;
	uint32_t upper, entry;

	if (mode == FLAT || at < WINDOW || at >= WINDOW + 0x2000000)
		return NOT_READ;
	entry = *entry_of(at) & 0xfff;
	upper = mode == PAE ? pae_directory[0][at >> 21] : directory[at >> 22];
	return (upper & 0xfff) << 12 | entry;
}

static void run(const struct row *r)
{
	static const char *const names[] = {"flat", "paged", "pae"};
	struct result *result = &results[legacy.count];
	bool inner = !r->cpl && r->kind != V86;
	uint32_t frame[9], gpr[8];

	row = r;
	reset();
	result->name = (uint32_t)r->name;
	result->mode = (uint32_t)names[mode];
	for (unsigned i = 0; i < 8; i++)
		gpr[i] = r->gpr[i].set ? r->gpr[i].value : 0x11111111 * i;
	make_frame(r, frame);
	stack_top = r->top ? r->top : inner ? frame[3] : tss.esp0;
	if (r->before)
		r->before();
	enter(frame, gpr, r->data ? r->data : r->cpl ? SEG_USER_DATA : SEG_DATA);
	write_dr7(0x400);
	result->accessed_dirty = read_entry();
	result->memory = data[0];
	legacy.count++;
}

static void all_in(enum mode m)
{
	mode = m;
	for (unsigned i = 0; i < ROWS; i++)
		if (rows[i].modes & IN(m) && !(rows[i].skip_on & legacy.emulator))
			run(&rows[i]);
}

void main32(void)
{
	uint8_t masks[2] = {inb(0x21), inb(0xa1)};
	uint32_t svr = apic_read(APIC_SVR), tpr = apic_read(APIC_TPR), timer = apic_read(APIC_LVT_TIMER);

	outb(0x21, 0xff);
	outb(0xa1, 0xff);
	apic_write(APIC_SVR, svr | 0x100);
	apic_write(APIC_TPR, 0x20); /* what the firmware's timer has requested already waits */
	apic_write(APIC_LVT_TIMER, timer | LVT_MASKED);
	cr0 = (read_cr0() & ~0x80000000u) | 0x22; /* MP, NE */
	cr4 = 0x600;
	legacy.results = (uint32_t)results;
	for (enum mode m = FLAT; m < MODES; m++)
		all_in(m);
	apic_write(APIC_LVT_TIMER, timer);
	apic_write(APIC_TPR, tpr);
	apic_write(APIC_SVR, svr);
	outb(0x21, masks[0]);
	outb(0xa1, masks[1]);
}
