// SPDX-License-Identifier: GPL-2.0
/*
 * Dies like a driver with a mistake: the word that is written to /proc/death chooses it. Before it a line of the kernel
 * names the fatal instruction and the address, for the comparison:
 *
 *   death name=null-write at=0xffffffffc0201034 address=0x30
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/proc_fs.h>
#include <linux/sched/task_stack.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include <asm/apic.h>
#include <asm/desc.h>
#include <asm/io.h>
#include <asm/trapnr.h>

MODULE_LICENSE("Dual MIT/GPL");
MODULE_DESCRIPTION("Ways for a kernel to die");

#define NULL_FIELD      0x30
#define NULL_LINK       0x18
#define WILD_FUNCTION   0xffffffffdeadb000ul /* where modules are loaded, but none is */
#define POISON          0xdead000000000100ul /* not canonical: the value in a list entry that was removed */
#define RESERVED_BIT    51                   /* above the physical addresses of this machine */
#define NAME_MAX_LENGTH 32

/*
 * The fatal instruction of each, with its operand in RDI, in a function of its own: so there is a frame to
 * follow, as in a driver.
 */
#define DIES(name, code)                                                                                     \
	extern const u8 death_at_##name[];                                                                   \
	static noinline __noclone void die_##name(unsigned long target)                                      \
	{                                                                                                    \
		asm volatile(".globl death_at_" #name "\ndeath_at_" #name ": " code                          \
			     : "+D"(target)                                                                  \
			     :                                                                               \
			     : "rax", "rcx", "rdx", "memory", "cc");                                         \
	}

DIES(null_write, "movq $1, 0x30(%%rdi)")
DIES(null_read, "movq 0x18(%%rdi), %%rax")
DIES(null_call, "call *%%rdi")
DIES(null_jump, "jmp *%%rdi")
DIES(wild_call, "call *%%rdi")
DIES(poison, "movq 0x8(%%rdi), %%rax")
DIES(unmapped, "movq (%%rdi), %%rax")
DIES(page_table, "movb (%%rdi), %%al")
DIES(text_write, "movb $0x90, (%%rdi)")
DIES(data_exec, "call *%%rdi")
DIES(bug, "ud2")
DIES(overflow, "push %%rdi; jmp death_at_overflow")
DIES(reload, "mov %%edi, %%ds")
DIES(loop, "jmp death_at_loop")

extern const u8 death_at_divide[];
static noinline __noclone void die_divide(unsigned long target)
{
	asm volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%ecx, %%ecx\n"
		     ".globl death_at_divide\ndeath_at_divide: div %%ecx"
		     :
		     : "D"(target)
		     : "rax", "rcx", "rdx", "cc");
}

static unsigned long aim_field(void)
{
	return 0;
}

static unsigned long aim_wild(void)
{
	return WILD_FUNCTION;
}

static unsigned long aim_poison(void)
{
	return POISON;
}

/* Memory that was freed while a pointer to it remains. */
static unsigned long aim_unmapped(void)
{
	void *memory = vmalloc(PAGE_SIZE);

	memset(memory, 0, PAGE_SIZE);
	vfree(memory);
	vm_unmap_aliases();
	return (unsigned long)memory;
}

static unsigned long aim_page_table(void)
{
	u8 *memory = vmalloc(PAGE_SIZE);
	unsigned int level;
	pte_t *entry;

	*memory = 1;
	entry = lookup_address((unsigned long)memory, &level);
	WRITE_ONCE(entry->pte, entry->pte | BIT_ULL(RESERVED_BIT));
	asm volatile("invlpg (%0)" : : "r"(memory) : "memory");
	return (unsigned long)memory;
}

static unsigned long aim_text(void)
{
	return (unsigned long)vprintk;
}

static unsigned long aim_data(void)
{
	static u8 code[16] = {0xc3};

	return (unsigned long)code;
}

static unsigned long aim_stack(void)
{
	return (unsigned long)task_stack_page(current) - sizeof(long);
}

static unsigned long aim_segment(void)
{
	return __KERNEL_DS;
}

static unsigned long aim_loop(void)
{
	return (unsigned long)death_at_loop;
}

static gate_desc table[IDT_ENTRIES] __aligned(PAGE_SIZE);

/* A copy of the IDT whose handlers are not mapped, in force from now on. */
static void break_gates(unsigned int first, unsigned int last)
{
	struct desc_ptr idt;

	local_irq_disable();
	store_idt(&idt);
	memcpy(table, (void *)idt.address, idt.size + 1);
	for (unsigned int vector = first; vector <= last; vector++) {
		table[vector].offset_low = (u16)WILD_FUNCTION;
		table[vector].offset_middle = (u16)(WILD_FUNCTION >> 16);
		table[vector].offset_high = (u32)(WILD_FUNCTION >> 32);
	}
	idt.address = (unsigned long)table;
	load_idt(&idt);
}

/* Faults in the page-fault handler until the stack is used up, and #DF has no handler. */
static void die_gate(unsigned long target)
{
	break_gates(X86_TRAP_PF, X86_TRAP_PF);
	table[X86_TRAP_DF].bits.p = 0;
	die_null_write(target);
}

/* The same for ever: #DF starts at the top of its own stack each time. */
static void die_storm(unsigned long target)
{
	break_gates(X86_TRAP_DF, X86_TRAP_PF);
	die_null_write(target);
}

static void die_nmi(unsigned long target)
{
	break_gates(X86_TRAP_NMI, X86_TRAP_NMI);
	apic->send_IPI(smp_processor_id(), NMI_VECTOR);
	udelay(1000);
}

/* The table was freed, and the CPU still uses it. */
static void die_stale(unsigned long target)
{
	struct desc_ptr idt = {.size = IDT_ENTRIES * sizeof(gate_desc) - 1, .address = target};

	local_irq_disable();
	load_idt(&idt);
	die_bug(target);
}

static void die_gdt(unsigned long target)
{
	struct desc_ptr gdt = {.size = 0, .address = 0};

	local_irq_disable();
	load_gdt(&gdt);
	die_reload(target);
}

static void die_hang_off(unsigned long target)
{
	local_irq_disable();
	die_loop(target);
}

static void die_reset_cf9(unsigned long target)
{
	outb(0x02, 0xcf9);
	outb(0x06, 0xcf9);
	die_loop(target);
}

static void die_reset_keyboard(unsigned long target)
{
	outb(0xfe, 0x64);
	die_loop(target);
}

/* GCS in the chipset's registers (ICH9, 10.1.75): its second timeout resets the machine. */
static void let_watchdog_reset(u32 root)
{
	u32 __iomem *gcs = ioremap((root & ~1u) + 0x3410, sizeof(*gcs));

	writel(readl(gcs) & ~(u32)BIT(5), gcs);
}

/* The chipset's watchdog (ICH9, 13.9 TCO), a second from now, which nothing resets. */
static void die_watchdog(unsigned long target)
{
	struct pci_dev *bridge = pci_get_domain_bus_and_slot(0, 0, PCI_DEVFN(31, 0));
	u32 base, root;

	pci_read_config_dword(bridge, 0xf0, &root);
	pci_read_config_dword(bridge, 0x40, &base);
	let_watchdog_reset(root);
	base = (base & 0xff80) + 0x60;
	outw(2, base + 0x12);                                /* TCO_TMR: of 0.6 s */
	outw(inw(base + 0x08) & ~(u16)BIT(11), base + 0x08); /* TCO1_CNT: TMR_HLT */
	outw(1, base + 0x00);                                /* TCO_RLD */
	die_hang_off(target);
}

/* The effect of the keyboard controller's reset on many boards, which the APIC's command register has as well. */
static void die_reset_init(unsigned long target)
{
	local_irq_disable();
	apic->icr_write(APIC_INT_LEVELTRIG | APIC_INT_ASSERT | APIC_DM_INIT, per_cpu(x86_cpu_to_apicid, 0));
	die_loop(target);
}

/* The APIC is turned off by the MSR, as by kernels that turned it on there. The loop is like that of a waiting kernel. */
static void die_apic_base(unsigned long target)
{
	local_irq_disable();
	wrmsrl(MSR_IA32_APICBASE, native_read_msr(MSR_IA32_APICBASE) & ~(u64)MSR_IA32_APICBASE_ENABLE);
	for (;;)
		cpu_relax();
}

/* Off and on again, as around a suspend, or between two kernels. */
static void die_apic_blink(unsigned long target)
{
	unsigned long flags, svr = apic_read(APIC_SPIV);

	local_irq_save(flags);
	apic_write(APIC_SPIV, svr & ~APIC_SPIV_APIC_ENABLED);
	apic_write(APIC_SPIV, svr);
	local_irq_restore(flags);
}

/* In a function of the kernel's own, which is given a pointer that leads nowhere. */
static void die_in_kernel(unsigned long target)
{
	unsigned long long value;

	if (kstrtoull((const char *)target, 0, &value))
		pr_emerg("death: no number\n");
}

static void die_panic(unsigned long target)
{
	panic("a kernel that gives up");
}

static const struct {
	const char *name;
	unsigned long (*aim)(void);
	void (*die)(unsigned long target);
	const u8 *at;
	unsigned long offset; /* of what is touched, from what `aim` says */
} deaths[] = {
	{"null-write", aim_field, die_null_write, death_at_null_write, NULL_FIELD},
	{"null-read", aim_field, die_null_read, death_at_null_read, NULL_LINK},
	{"null-call", aim_field, die_null_call, death_at_null_call, 0},
	{"null-jump", aim_field, die_null_jump, death_at_null_jump, 0},
	{"wild-call", aim_wild, die_wild_call, death_at_wild_call, 0},
	{"poison", aim_poison, die_poison, death_at_poison, 8},
	{"unmapped", aim_unmapped, die_unmapped, death_at_unmapped, 0},
	{"page-table", aim_page_table, die_page_table, death_at_page_table, 0},
	{"text-write", aim_text, die_text_write, death_at_text_write, 0},
	{"data-exec", aim_data, die_data_exec, death_at_data_exec, 0},
	{"bug", aim_field, die_bug, death_at_bug, 0},
	{"divide", aim_field, die_divide, death_at_divide, 0},
	{"stack", aim_stack, die_overflow, death_at_overflow, 0},
	{"gate", aim_field, die_gate, death_at_null_write, NULL_FIELD},
	{"storm", aim_field, die_storm, death_at_null_write, NULL_FIELD},
	{"stale-idt", aim_unmapped, die_stale, death_at_bug, X86_TRAP_UD * sizeof(gate_desc)},
	{"gdt", aim_segment, die_gdt, death_at_reload, 0},
	{"nmi", aim_wild, die_nmi, NULL, 0},
	{"hang-on", aim_loop, die_loop, death_at_loop, 0},
	{"hang-off", aim_loop, die_hang_off, death_at_loop, 0},
	{"watchdog", aim_loop, die_watchdog, death_at_loop, 0},
	{"reset-cf9", aim_loop, die_reset_cf9, NULL, 0},
	{"reset-keyboard", aim_loop, die_reset_keyboard, NULL, 0},
	{"reset-init", aim_loop, die_reset_init, NULL, 0},
	{"apic-base", aim_loop, die_apic_base, NULL, 0},
	{"apic-blink", aim_loop, die_apic_blink, NULL, 0},
	{"in-kernel", aim_field, die_in_kernel, NULL, 0},
	{"panic", aim_field, die_panic, NULL, 0},
};

static ssize_t death_write(struct file *file, const char __user *from, size_t length, loff_t *position)
{
	char name[NAME_MAX_LENGTH] = "";

	if (copy_from_user(name, from, min(length, sizeof(name) - 1)))
		return -EFAULT;
	for (unsigned int i = 0; i < ARRAY_SIZE(deaths); i++) {
		if (strcmp(name, deaths[i].name))
			continue;
		unsigned long target = deaths[i].aim();
		pr_emerg("death name=%s at=0x%lx address=0x%lx\n", name, (unsigned long)deaths[i].at,
			target + deaths[i].offset);
		deaths[i].die(target);
		return length;
	}
	return -EINVAL;
}

static const struct proc_ops death_ops = {.proc_write = death_write};

static int __init death_init(void)
{
	return proc_create("death", 0200, NULL, &death_ops) ? 0 : -ENOMEM;
}

module_init(death_init);
