// SPDX-License-Identifier: MIT
#include <efi.h>

#include "lib/ap.h"
#include "hw/x86.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/string.h"

#define LOW_MEMORY   0x9ffffu
#define PAGE         4096u
#define STACKS_SIZE  (AP_MAX * PAGE)
#define INIT_TO_SIPI 10000 /* microseconds, SDM vol. 3A 9.4.4.1 */
#define WAIT_STEPS   2000
#define WAIT_STEP_US 1000
#define RUNS_STEPS   500
#define VECTOR_NMI   2
#define DIRTY_VECTOR 0x60
#define STILL_TICKS  400000000 /* longer than an emulator lets a CPU wait for its turn */
#define LONG_TICKS   20000000000
#define PM1A_Q35     0x604
#define SLP_EN_S5    0x2000
#define SVR_ON       0x1ff

extern const uint8_t ap_trampoline[], ap_trampoline_end[], ap_parameters[];

/* As in trampoline.S. */
struct ap_parameters {
	uint16_t gdt_limit;
	uint32_t gdt_base;
	uint16_t room0;
	uint32_t jump32;
	uint16_t selector32, room1;
	uint32_t jump64;
	uint16_t selector64, room2;
	uint32_t cr3, efer;
	uint64_t stacks, entry;
} __attribute__((packed));

volatile struct ap aps[AP_MAX];
void (*ap_task)(unsigned id);
uint8_t ap_vector[2];

static uint8_t stacks[STACKS_SIZE] __attribute__((aligned(16)));
static struct gate idt[256] __attribute__((aligned(16)));

void ap_count_nmi(void);
extern const uint8_t ap_nmi[];
__asm__(".text\n"
	"ap_nmi:\n"
	"push %rax; push %rcx; push %rdx; push %rsi; push %rdi; push %r8; push %r9; push %r10; push %r11\n"
	"call ap_count_nmi\n"
	"pop %r11; pop %r10; pop %r9; pop %r8; pop %rdi; pop %rsi; pop %rdx; pop %rcx; pop %rax\n"
	"iretq\n");

static unsigned own_id(void)
{
	return apic_read(APIC_ID) >> 24;
}

void ap_count_nmi(void)
{
	aps[own_id()].nmis++;
}

static uint32_t any(unsigned offset)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < 8; i++)
		bits |= apic_read(offset + 0x10 * i);
	return bits;
}

static struct ap_apic read_apic(void)
{
	return (struct ap_apic){
		.tpr = apic_read(APIC_TPR),
		.ldr = apic_read(APIC_LDR),
		.dfr = apic_read(APIC_DFR),
		.svr = apic_read(APIC_SVR),
		.requested = any(APIC_IRR),
		.in_service = any(APIC_ISR),
		.timer = apic_read(APIC_TIMER),
		.lvt_timer = apic_read(APIC_LVT_TIMER),
		.lvt_lint0 = apic_read(APIC_LVT_LINT0),
		.lvt_error = apic_read(APIC_LVT_ERROR),
	};
}

/* Sets everything that an INIT has to reset, including an interrupt that is requested and not taken. */
static void make_dirty(unsigned id)
{
	write_dr0(0x1234);
	write_dr7(0x700);
	write_cr2(0x5678);
	apic_write(APIC_SVR, SVR_ON);
	apic_write(APIC_LDR, 0x55000000);
	apic_write(APIC_LVT_ERROR, 0xfe);
	apic_write(APIC_TPR, 0x20);
	apic_write(APIC_TIMER, 0x7fffffff);
	apic_write(APIC_ICR_HIGH, id << 24);
	apic_write(APIC_ICR, ICR_FIXED | DIRTY_VECTOR);
	while (!any(APIC_IRR))
		;
}

static void name_it(unsigned id, bool cluster)
{
	apic_write(APIC_SVR, SVR_ON);
	apic_write(APIC_DFR, cluster ? 0x0fffffff : 0xffffffff);
	apic_write(APIC_LDR, cluster ? (0x20u | 1u << (id & 3)) << 24 : 1u << (24 + id));
}

/* The firmware restarts on the boot CPU. Before it reaches this CPU, this CPU prints what it has seen. */
_Noreturn static void init_boot_cpu(void)
{
	uint64_t last = 0, begin = rdtsc(), still = begin, now = begin;

	ap_send(0, ICR_INIT);
	while (now - still < STILL_TICKS && now - begin < LONG_TICKS) {
		now = rdtsc();
		if (aps[0].beat != last)
			still = now;
		last = aps[0].beat;
	}
	print("case name=boot_cpu runs=%u\n", now - still < STILL_TICKS);
	for (;;)
		outw(PM1A_Q35, SLP_EN_S5);
}

static void carry_out(unsigned id, uint32_t order)
{
	switch (order) {
	case AP_HALT:
		aps[id].order = AP_RUN;
		for (;;)
			__asm__ volatile("hlt");
	case AP_DIRTY:
		make_dirty(id);
		break;
	case AP_FLAT:
	case AP_CLUSTER:
		name_it(id, order == AP_CLUSTER);
		break;
	case AP_INIT_SELF:
		aps[id].order = AP_RUN;
		ap_send(id, ICR_INIT);
		break;
	case AP_CRASH:
		__asm__ volatile("lidt %0; ud2" : : "m"((const struct descriptor_table){0, 0}));
		break;
	case AP_TASK:
		ap_task(id);
		break;
	case AP_INIT_BOOT:
		init_boot_cpu();
	default:
		break;
	}
	aps[id].order = AP_RUN;
}

/* Entered by trampoline.S with interrupts off, and never left. */
static void ap_main(const struct ap_slot *slot, uint64_t id)
{
	const struct descriptor_table table = {sizeof(idt) - 1, (uint64_t)idt};
	struct ap_apic apic = read_apic();

	memcpy((void *)&aps[id].slot, slot, sizeof(*slot));
	memcpy((void *)&aps[id].apic, &apic, sizeof(apic));
	__asm__ volatile("lidt %0" : : "m"(table));
	aps[id].starts++;
	for (;;) {
		aps[id].beat++;
		if (aps[id].order != AP_RUN)
			carry_out(id, aps[id].order);
	}
}

static bool make_page(unsigned n)
{
	EFI_PHYSICAL_ADDRESS at = LOW_MEMORY;
	struct ap_parameters *p;

	if (EFI_ERROR(guest_firmware->BootServices->AllocatePages(AllocateMaxAddress, EfiLoaderData, 1, &at)))
		return false;
	ap_vector[n] = at >> 12;
	memcpy((void *)at, ap_trampoline, ap_trampoline_end - ap_trampoline);
	p = (void *)(at + (ap_parameters - ap_trampoline));
	p->gdt_base = at + (ap_trampoline_end - ap_trampoline) - (p->gdt_limit + 1u);
	p->jump32 += at;
	p->jump64 += at;
	p->cr3 = read_cr3();
	p->efer = rdmsr(MSR_EFER) & EFER_NXE;
	p->stacks = (uint64_t)stacks;
	p->entry = (uint64_t)ap_main;
	return true;
}

void ap_set_handler(unsigned vector, const void *handler)
{
	uint64_t at = (uint64_t)handler;

	idt[vector] = (struct gate){
		.offset_low = at,
		.selector = 0x18, /* of the trampoline's GDT */
		.type = GATE_PRESENT | GATE_INTERRUPT,
		.offset_middle = at >> 16,
		.offset_high = at >> 32,
	};
}

bool ap_prepare(void)
{
	ap_set_handler(VECTOR_NMI, ap_nmi);
	return make_page(0) && make_page(1);
}

void ap_delay(uint64_t us)
{
	guest_firmware->BootServices->Stall(us);
}

static bool in_x2apic(void)
{
	return rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC;
}

void ap_use_x2apic(void)
{
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

void ap_send(uint8_t destination, uint32_t command)
{
	if (in_x2apic()) {
		wrmsr(MSR_X2APIC_ICR, (uint64_t)destination << 32 | command);
		return;
	}
	apic_write(APIC_ICR_HIGH, (uint32_t)destination << 24);
	apic_write(APIC_ICR, command);
}

/* On an emulator whose host is busy a CPU may stand still for a good while. */
bool ap_runs(unsigned id)
{
	uint64_t before = aps[id].beat;

	for (unsigned i = 0; i < RUNS_STEPS && aps[id].beat == before; i++)
		ap_delay(WAIT_STEP_US);
	return aps[id].beat != before;
}

bool ap_order(unsigned id, enum ap_order order)
{
	aps[id].order = order;
	for (unsigned i = 0; i < WAIT_STEPS && aps[id].order != AP_RUN; i++)
		ap_delay(WAIT_STEP_US);
	return aps[id].order == AP_RUN;
}

bool ap_wait_starts(unsigned id, uint32_t n)
{
	for (unsigned i = 0; i < WAIT_STEPS && aps[id].starts < n; i++)
		ap_delay(WAIT_STEP_US);
	return aps[id].starts >= n;
}

bool ap_start_second(void (*task)(unsigned id))
{
	if (!ap_prepare())
		return false;
	ap_task = task;
	ap_send(1, ICR_INIT);
	ap_delay(INIT_TO_SIPI);
	ap_send(1, ICR_SIPI | ap_vector[0]);
	return ap_wait_starts(1, 1);
}
