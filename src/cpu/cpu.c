// SPDX-License-Identifier: MIT
#include "cpu/cpu.h"
#include <boot/blackbox_layout.h>
#include "hw/asm.h"
#include "cpu/idt.h"
#include "hw/msr.h"
#include "lib/array.h"
#include "lib/string.h"
#include "mem/host_map.h"
#include "mem/pool.h"
#include "blackbox/blackbox.h"

#define GDT_CODE 0x0020980000000000ull | 0x00000b0000000000ull /* P, code, read, accessed, L */
#define GDT_DATA 0x0000930000000000ull                         /* P, data, write, accessed */
#define SEL_TSS  0x18
#define TSS_SIZE 104

/* IA32_SPEC_CTRL: SDM vol. 4, table 2-2. */
#define SPEC_CTRL_IBRS      (1u << 0)
#define SPEC_CTRL_BHI_DIS_S (1u << 10)

enum {
	IST_DF = 1,
	IST_NMI,
	IST_MC
};

struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active;

static void set_ist(struct cpu *cpu, unsigned ist, uint64_t top)
{
	/* RSP0 to 2 at 4, IST1 at 36; the TSS is not aligned for 64-bit members (APM vol. 2 figure 12-8). */
	memcpy((char *)cpu->tss + 36 + (ist - 1) * 8, &top, sizeof(top));
}

static void make_gdt(struct cpu *cpu)
{
	uint64_t tss = (uint64_t)cpu->tss;

	cpu->gdt[SEL_HOST_CS / 8] = GDT_CODE;
	cpu->gdt[SEL_HOST_DS / 8] = GDT_DATA;
	cpu->gdt[SEL_TSS / 8] =
		(TSS_SIZE - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56;
	cpu->gdt[SEL_TSS / 8 + 1] = tss >> 32;
	((uint16_t *)cpu->tss)[51] = TSS_SIZE; /* no I/O map */
}

static bool make_stacks(struct cpu *cpu)
{
	static const unsigned ist[] = {IST_DF, IST_NMI, IST_MC};

	for (unsigned i = 0; i < ARRAY_SIZE(ist); i++) {
		uint64_t top = host_map_stack(CPU_IST_STACK_SIZE);

		if (!top)
			return false;
		set_ist(cpu, ist[i], top);
		if (i == 0)
			cpu->host_stacks = top - CPU_IST_STACK_SIZE;
	}
	cpu->host_stack_top = host_map_stack(CPU_STACK_SIZE);
	return cpu->host_stack_top != 0;
}

/* The CPU's part of the black box, for the next start. */
static void make_records(struct cpu *cpu)
{
	struct blackbox_cpu at = blackbox_cpu(cpu->number);
	uint32_t records = boot_info.config.ring;

	cpu->poll_mask = (records < CPU_POLL_RECORDS ? records : CPU_POLL_RECORDS) - 1;
	cpu->writing = &cpu->ring;
	ring_init(&cpu->ring, at.ring, records);
	ring_init(&cpu->beside, at.beside, blackbox_beside(records));
	cpu->reserve = at.reserve;
	cpu->noted = ~0u;
	history_init(&cpu->history, at.history, boot_info.config.history);
}

struct cpu *cpu_create(uint32_t number, uint32_t apic_id)
{
	uint64_t pa = pool_alloc((sizeof(struct cpu) + PAGE_SIZE - 1) / PAGE_SIZE);
	struct cpu *cpu = pool_virt(pa);

	if (!pa)
		return NULL;
	cpu->self = cpu;
	cpu->number = number;
	cpu->apic_id = apic_id;
	make_gdt(cpu);
	if (!make_stacks(cpu))
		return NULL;
	make_records(cpu);
	cpus[number] = cpu;
	return cpu;
}

static struct {
	struct cpu *to;
	uint64_t low, high;
} lent[CPU_LENT_STACKS];

void cpu_lend_stack(unsigned n, struct cpu *cpu, uint64_t low, uint64_t high)
{
	lent[n].to = cpu;
	lent[n].low = low;
	lent[n].high = high;
}

struct cpu *cpu_of_stack(uint64_t address)
{
	for (unsigned i = 0; i < CPU_LENT_STACKS; i++)
		if (address >= lent[i].low && address < lent[i].high)
			return lent[i].to;
	for_each_cpu (c)
		if (address >= c->host_stacks && address <= c->host_stack_top)
			return c;
	return cpus[0];
}

static void keep_before(struct host_before *b)
{
	b->gdt = sgdt();
	b->idt = sidt();
	b->es = read_es();
	b->cs = read_cs();
	b->ss = read_ss();
	b->ds = read_ds();
	b->fs = read_fs();
	b->gs = read_gs();
	b->fs_base = rdmsr(MSR_FS_BASE);
	b->gs_base = rdmsr(MSR_GS_BASE);
}

/* VERW's operand: a selector of a writable segment (SDM vol. 2 VERW). */
const uint16_t host_data_selector = SEL_HOST_DS;

void cpu_mitigate(struct cpu *cpu)
{
	struct mitigation_facts facts = mitigation_facts();

	cpu->mitigations = mitigations_choose(&facts, boot_info.config.mitigations);
	cpu->mitigating = cpu->mitigations.used & MITIGATE_BY_STUB;
	if (cpu->mitigations.used & MITIGATE_IBRS)
		cpu->host_spec_ctrl = SPEC_CTRL_IBRS;
	if (cpu->mitigations.used & MITIGATE_BHI_DIS_S)
		cpu->host_spec_ctrl |= SPEC_CTRL_BHI_DIS_S;
}

void cpu_load_host(struct cpu *cpu)
{
	struct descriptor_table gdtr = {sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt};

	keep_before(&cpu->before);
	cpu->gdt[SEL_TSS / 8] &= ~(2ull << 40); /* LTR refuses a busy TSS */
	gdt_load(&gdtr);
	__asm__ volatile("ltr %w0" : : "r"(SEL_TSS));
	idt_load();
	wrmsr(MSR_GS_BASE, (uint64_t)cpu);
}

void cpu_unload_host(const struct cpu *cpu)
{
	const struct host_before *b = &cpu->before;

	__asm__ volatile("lgdt %0; lidt %1" : : "m"(b->gdt), "m"(b->idt));
	__asm__ volatile("mov %0, %%es; mov %1, %%ss; mov %2, %%ds; mov %3, %%fs; mov %4, %%gs"
			 :
			 : "r"(b->es), "r"(b->ss), "r"(b->ds), "r"(b->fs), "r"(b->gs));
	__asm__ volatile("pushq %0; pushq $1f; lretq; 1:" : : "r"((uint64_t)b->cs) : "memory");
	wrmsr(MSR_FS_BASE, b->fs_base);
	wrmsr(MSR_GS_BASE, b->gs_base);
}
