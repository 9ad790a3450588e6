// SPDX-License-Identifier: MIT
#include "hw/x86.h"
#include "lib/ap.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/string.h"
#include "lib/trap.h"

#define STACK_SIZE   16384
#define PIC1_DATA    0x21
#define PIC2_DATA    0xa1
#define PRIORITY_ALL 15

struct tss { /* SDM vol. 3A 8.7 */
	uint32_t reserved0;
	uint64_t rsp[3];
	uint64_t reserved1;
	uint64_t ist[7];
	uint64_t reserved2;
	uint16_t reserved3;
	uint16_t io_map;
} __attribute__((packed));

#define TSS_AVAILABLE 9ull
#define TSS_BUSY      0xbull
#define TSS_IST7_AT   0x54

/* Restores the firmware's state, in the order of the instructions. */
static struct {
	struct descriptor_table gdt, idt;
	uint16_t cs, ds, es, fs, gs, ss, tr, ldt;
	uint64_t cr0, cr3, cr4, efer, fs_base, gs_base, flags, dr7, cr8;
	uint8_t pic_mask[2];
} firmware;

struct gate machine_idt[256] __attribute__((aligned(16)));

static uint64_t gdt[SEG_COUNT] __attribute__((aligned(16)));
static struct tss tss __attribute__((aligned(16)));
static struct tss short_tss __attribute__((aligned(16)));
static uint8_t kernel_stack[STACK_SIZE] __attribute__((aligned(16)));
static uint8_t stub_stack[STACK_SIZE] __attribute__((aligned(4096)));
static uint8_t ist_stack[2][STACK_SIZE] __attribute__((aligned(16)));

static const uint64_t gdt_image[SEG_COUNT] = {
#define X(name, descriptor) descriptor,
	MACHINE_SEGMENTS(X)
#undef X
};

static void load_gdt(const struct descriptor_table *table)
{
	__asm__ volatile("lgdt %0" : : "m"(*table));
}

static void load_idt(const struct descriptor_table *table)
{
	__asm__ volatile("lidt %0" : : "m"(*table));
}

static void load_cs(uint16_t selector)
{
	__asm__ volatile("pushq %q0; lea 1f(%%rip), %%rax; push %%rax; lretq; 1:"
			 :
			 : "r"((uint64_t)selector)
			 : "rax", "memory");
}

static void load_data_segments(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs, uint16_t ss)
{
	__asm__ volatile("mov %0, %%ds; mov %1, %%es; mov %2, %%fs; mov %3, %%gs; mov %4, %%ss"
			 :
			 : "r"(ds), "r"(es), "r"(fs), "r"(gs), "r"(ss)
			 : "memory");
}

static void describe_tss(unsigned index, const struct tss *at, uint32_t limit)
{
	uint64_t base = (uint64_t)at;

	gdt[index] = limit | (base & 0xffffff) << 16 | (GATE_PRESENT | TSS_AVAILABLE) << 40 |
		     (base >> 24 & 0xff) << 56;
	gdt[index + 1] = base >> 32;
}

static void fill_tss(struct tss *t)
{
	memset(t, 0, sizeof(*t));
	t->rsp[0] = (uint64_t)(kernel_stack + sizeof(kernel_stack));
	t->ist[IST_DOUBLE_FAULT - 1] = (uint64_t)(ist_stack[0] + STACK_SIZE);
	t->ist[IST_SPARE - 1] = (uint64_t)(ist_stack[1] + STACK_SIZE);
	t->io_map = sizeof(*t); /* beyond the limit: no port is allowed to ring 3 */
}

static void reset_gdt(void)
{
	const struct descriptor_table table = {sizeof(gdt) - 1, (uint64_t)gdt};

	memcpy(gdt, gdt_image, sizeof(gdt));
	fill_tss(&tss);
	fill_tss(&short_tss);
	describe_tss(SEG_TSS_INDEX, &tss, sizeof(tss) - 1);
	describe_tss(SEG_SHORT_TSS_INDEX, &short_tss, TSS_IST7_AT - 1);
	load_gdt(&table);
	load_cs(SEG_CODE);
	load_data_segments(SEG_DATA, SEG_DATA, SEG_DATA, SEG_DATA, SEG_DATA);
	__asm__ volatile("ltr %w0" : : "r"(SEG_TSS) : "memory");
	__asm__ volatile("lldt %w0" : : "r"(SEG_NULL) : "memory");
}

void machine_set_handler(unsigned vector, const void *handler)
{
	uint64_t entry = (uint64_t)handler;

	machine_idt[vector] = (struct gate){
		.offset_low = entry,
		.selector = SEG_CODE,
		.ist = vector == VECTOR_DF ? IST_DOUBLE_FAULT : 0,
		.type = GATE_PRESENT | GATE_INTERRUPT,
		.offset_middle = entry >> 16,
		.offset_high = entry >> 32,
	};
}

static void reset_idt(void)
{
	for (unsigned i = 0; i < 256; i++)
		machine_set_handler(i, trap_entries + i * TRAP_ENTRY_SIZE);
	machine_idt[VECTOR_END].type |= GATE_DPL3;
	machine_set_idt_limit(sizeof(machine_idt) - 1);
}

void machine_set_idt_limit(uint16_t limit)
{
	const struct descriptor_table table = {limit, (uint64_t)machine_idt};

	load_idt(&table);
}

void machine_load_short_tss(void)
{
	__asm__ volatile("ltr %w0" : : "r"(SEG_SHORT_TSS) : "memory");
}

void machine_set_ist(unsigned ist, uint64_t top)
{
	tss.ist[ist - 1] = top;
}

uint64_t machine_frame_top(unsigned vector, unsigned cpl, uint64_t rsp)
{
	unsigned ist = machine_idt[vector].ist;

	if (ist)
		return tss.ist[ist - 1] & ~0xfull;
	return (cpl ? tss.rsp[0] : rsp) & ~0xfull;
}

/*
 * Debug registers come before control registers, because with CR4.DE clear an I/O breakpoint has another meaning.
 * FNINIT and MXCSR revert what a case unmasked.
 */
void machine_reset(void)
{
	const uint32_t mxcsr = 0x1f80;

	write_dr7(0x400);
	write_dr6(0xffff0ff0);
	write_cr8(PRIORITY_ALL);
	write_cr0((firmware.cr0 | CR0_WP | CR0_NE | CR0_MP) & ~(CR0_TS | CR0_EM | CR0_AM));
	write_cr4(
		(firmware.cr4 | CR4_DE | CR4_OSFXSR | CR4_OSXMMEXCPT) &
		~(CR4_SMEP | CR4_SMAP | CR4_TSD | CR4_UMIP | CR4_PCE | CR4_OSXSAVE | CR4_FSGSBASE | CR4_PKE));
	wrmsr(MSR_EFER, (firmware.efer | EFER_NXE) & ~EFER_SCE);
	__asm__ volatile("fninit; ldmxcsr %0" : : "m"(mxcsr));
	paging_reset(firmware.cr3);
	reset_gdt();
	reset_idt();
	write_flags(RFLAGS_FIXED);
}

/* With the load option watched=WORDS: the tables, stacks and stubs of the machine are watched, by the accesses of these words. */
static void watch_all(void)
{
	static bool done;

	if (done || !guest_value("watched"))
		return;
	done = true;
	guest_watch("tables", machine_idt, sizeof(machine_idt));
	guest_watch("tables", gdt, sizeof(gdt));
	guest_watch("tables", &tss, sizeof(tss));
	guest_watch("stacks", kernel_stack, sizeof(kernel_stack));
	guest_watch("stacks", stub_stack, sizeof(stub_stack));
	guest_watch("stacks", ist_stack, sizeof(ist_stack));
	guest_watch("code", __start_trap_stubs, (uint64_t)(__stop_trap_stubs - __start_trap_stubs));
	paging_watch();
	guest_wait_for_watches();
}

static void keep_segments(void)
{
	__asm__ volatile("sgdt %0; sidt %1" : "=m"(firmware.gdt), "=m"(firmware.idt));
	__asm__ volatile("mov %%cs, %0; mov %%ds, %1; mov %%es, %2"
			 : "=r"(firmware.cs), "=r"(firmware.ds), "=r"(firmware.es));
	__asm__ volatile("mov %%fs, %0; mov %%gs, %1; mov %%ss, %2"
			 : "=r"(firmware.fs), "=r"(firmware.gs), "=r"(firmware.ss));
	__asm__ volatile("str %0; sldt %1" : "=r"(firmware.tr), "=r"(firmware.ldt));
	firmware.fs_base = rdmsr(MSR_FS_BASE);
	firmware.gs_base = rdmsr(MSR_GS_BASE);
}

/*
 * Keeps the firmware's timer out of the cases that set IF, whether it uses the PIC or the local
 * APIC; an interrupt that comes meanwhile is latched.
 */
static void mask_interrupts(void)
{
	firmware.pic_mask[0] = inb(PIC1_DATA);
	firmware.pic_mask[1] = inb(PIC2_DATA);
	outb(PIC1_DATA, 0xff);
	outb(PIC2_DATA, 0xff);
	firmware.cr8 = read_cr8();
	write_cr8(PRIORITY_ALL);
}

void machine_request_interrupt(uint64_t cr8)
{
	apic_write(APIC_EOI, 0);
	apic_write(APIC_SVR, apic_read(APIC_SVR) | APIC_SVR_ENABLE);
	write_cr8(cr8);
	apic_write(APIC_ICR, ICR_FIXED | ICR_SELF | VECTOR_IRQ);
}

static void unmask_interrupts(void)
{
	apic_write(APIC_EOI, 0); /* of an interrupt that a case has taken */
	write_cr8(firmware.cr8);
	outb(PIC1_DATA, firmware.pic_mask[0]);
	outb(PIC2_DATA, firmware.pic_mask[1]);
}

void machine_take(void)
{
	firmware.flags = read_flags();
	__asm__ volatile("cli");
	keep_segments();
	firmware.cr0 = read_cr0();
	firmware.cr3 = read_cr3();
	firmware.cr4 = read_cr4();
	firmware.efer = rdmsr(MSR_EFER);
	firmware.dr7 = read_dr7();
	mask_interrupts();
	machine_reset();
	watch_all();
}

/*
 * A TSS that the firmware had loaded is marked busy, and LTR of a busy one faults. OVMF has none, and a TR from an earlier
 * guest program does not refer to the firmware's GDT.
 */
static void restore_tr(void)
{
	uint64_t *descriptor = (uint64_t *)(firmware.gdt.base + (firmware.tr & ~7u));

	if (firmware.tr > firmware.gdt.limit || (*descriptor >> 40 & 0x1f) != TSS_BUSY)
		return;
	*descriptor &= ~(1ull << 41);
	__asm__ volatile("ltr %0" : : "r"(firmware.tr) : "memory");
}

void machine_give_back(void)
{
	machine_reset();
	write_cr3(firmware.cr3);
	load_gdt(&firmware.gdt);
	load_cs(firmware.cs);
	load_data_segments(firmware.ds, firmware.es, firmware.fs, firmware.gs, firmware.ss);
	restore_tr();
	__asm__ volatile("lldt %0" : : "r"(firmware.ldt) : "memory");
	load_idt(&firmware.idt);
	wrmsr(MSR_FS_BASE, firmware.fs_base);
	wrmsr(MSR_GS_BASE, firmware.gs_base);
	wrmsr(MSR_EFER, firmware.efer);
	write_cr4(firmware.cr4);
	write_cr0(firmware.cr0);
	write_dr7(firmware.dr7);
	unmask_interrupts();
	write_flags(firmware.flags);
}

uint64_t machine_user_alias(const void *stub)
{
	return PAGE_STUBS + ((uint64_t)stub - (uint64_t)__start_trap_stubs);
}

uint64_t machine_stub_stack(void)
{
	return (uint64_t)(stub_stack + sizeof(stub_stack) - 0x108);
}

uint64_t machine_user_stack(void)
{
	return PAGE_USER_STACK + PAGE_SIZE - 0x108;
}
