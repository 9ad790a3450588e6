// SPDX-License-Identifier: MIT
/*
 * INIT and SIPI (SDM vol. 3A 9.4 and 11.4.7.3, APM vol. 2 14.1.3 and 16.5): what they do to a CPU, which CPUs they reach, and
 * when they have no effect. The guest takes the other CPUs from the firmware and starts them itself.
 *
 * A line a case, the same bare and under Trapline:
 *
 *   case name=startup cpu=1 starts=1 runs=1 state=...
 *
 * For 3 CPUs, APIC identifiers 0 to 2. Load options:
 *
 *   only=a,b  the cases with these names
 *   ioapic    an INIT that no CPU sends, as well
 *   bsp       an INIT to the boot CPU, as well; afterwards another CPU turns the machine off (QEMU's chipset)
 *   crash     a triple fault on CPU 1
 *   x2apic    the boot CPU sends by x2APIC's register
 */
#include <efi.h>

#include "hw/x86.h"
#include "lib/ap.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"

const char guest_name[] = "startup";

#define CPUS      3
#define SETTLE_US 100000 /* wait after something that should have no effect */
#define SIPI_US   10
#define NMIS      50
#define SIPI_US   10

static uint32_t expected_starts[AP_MAX];

/*
 * INIT does not change CD and NW, and EDX is the CPU's signature (SDM vol. 3A table 10-1). QEMU sets CD and
 * NW as a reset does, Bochs 2.7 clears EDX.
 */
static void print_state(unsigned id)
{
	const volatile struct ap *a = &aps[id];
	const volatile struct ap_slot *s = &a->slot;
	uint32_t edx = guest_emulator() & EMU_BOCHS ? 0 : s->edx;

	print("case name=state cpu=%u vector=%u selectors=%x registers=%x edx=%x flags=%x cr0=%x cr2=%x "
	      "cr3=%x cr4=%x "
	      "dr0=%x dr6=%x dr7=%x efer=%x gdt=%x idt=%x\n",
		id,
		s->cs >> 8 == ap_vector[0]   ? 0
		: s->cs >> 8 == ap_vector[1] ? 1
					     : 99,
		s->selectors, s->registers, edx, s->flags & ~RFLAGS_STATUS,
		s->cr0 & ~(uint32_t)(CR0_CD | CR0_NW), s->cr2, s->cr3, s->cr4, s->dr0, s->dr6, s->dr7,
		s->efer, *(const volatile uint16_t *)s->gdtr, *(const volatile uint16_t *)s->idtr);
	print("case name=apic cpu=%u tpr=%x ldr=%x dfr=%x svr=%x requested=%x in_service=%x timer=%x "
	      "lvt_timer=%x "
	      "lvt_lint0=%x lvt_error=%x\n",
		id, a->apic.tpr, a->apic.ldr, a->apic.dfr, a->apic.svr, a->apic.requested, a->apic.in_service,
		a->apic.timer, a->apic.lvt_timer, a->apic.lvt_lint0, a->apic.lvt_error);
}

static void report(const char *name)
{
	for (unsigned id = 1; id < CPUS; id++)
		print("case name=%s cpu=%u starts=%u runs=%u\n", name, id, aps[id].starts, ap_runs(id));
}

/* A start that is expected to work. */
static void start(unsigned id, unsigned vector)
{
	ap_send(id, ICR_SIPI | ap_vector[vector]);
	ap_wait_starts(id, ++expected_starts[id]);
}

static void restart(unsigned id)
{
	ap_send(id, ICR_INIT);
	ap_delay(SETTLE_US);
	start(id, 0);
}

/* From the firmware's own loop. */
static void first_start(void)
{
	for (unsigned id = 1; id < CPUS; id++) {
		restart(id);
		print_state(id);
	}
	report("first");
}

static void sipi_to_running(void)
{
	ap_send(1, ICR_SIPI | ap_vector[1]);
	ap_delay(SETTLE_US);
	report("sipi_to_running");
}

/* INIT resets what was set, and the CPU waits; the SIPI's vector is the start address. */
static void init_to_running(void)
{
	ap_order(1, AP_DIRTY);
	ap_send(1, ICR_INIT);
	ap_delay(SETTLE_US);
	report("init_to_running");
	start(1, 1);
	print_state(1);
	report("sipi_after_init");
}

/* The second INIT has no effect, nor has the second SIPI. */
static void doubled(void)
{
	ap_send(1, ICR_INIT);
	ap_send(1, ICR_INIT);
	ap_delay(SETTLE_US);
	start(1, 0);
	ap_send(1, ICR_SIPI | ap_vector[1]);
	ap_delay(SETTLE_US);
	print_state(1);
	report("doubled");
}

/* Linux on a modern CPU sends all of them without a pause. */
static void without_pause(void)
{
	ap_send(1, ICR_INIT);
	ap_send(1, ICR_DEASSERT);
	start(1, 1);
	ap_send(1, ICR_SIPI | ap_vector[1]);
	ap_delay(SETTLE_US);
	report("without_pause");
}

/* Linux on family 6: only these pauses after the INIT and between the two SIPIs. A SIPI that is lost here stays lost. */
static void like_linux(void)
{
	ap_send(1, ICR_INIT);
	ap_send(1, ICR_DEASSERT);
	ap_delay(SIPI_US);
	ap_send(1, ICR_SIPI | ap_vector[1]);
	ap_delay(SIPI_US);
	ap_send(1, ICR_SIPI | ap_vector[1]);
	print("case name=like_linux started=%u\n", ap_wait_starts(1, ++expected_starts[1]));
	print_state(1);
	report("like_linux");
}

static void deassert(void)
{
	ap_send(1, ICR_DEASSERT);
	ap_delay(SETTLE_US);
	report("deassert");
}

static void halted(void)
{
	ap_order(1, AP_HALT);
	report("halted");
	restart(1);
	report("halted_started");
}

static void init_to_self(void)
{
	ap_order(1, AP_INIT_SELF);
	ap_delay(SETTLE_US);
	report("init_to_self");
	start(1, 0);
	report("init_to_self_started");
}

static void broadcast(void)
{
	ap_send(0, ICR_INIT | ICR_OTHERS);
	ap_delay(SETTLE_US);
	report("init_to_others");
	ap_send(0, ICR_SIPI | ICR_OTHERS | ap_vector[1]);
	for (unsigned id = 1; id < CPUS; id++)
		ap_wait_starts(id, ++expected_starts[id]);
	report("sipi_to_others");
}

/* INIT clears the logical name: a SIPI must use the physical one. */
static void logical(const char *name, enum ap_order order, uint8_t destination)
{
	for (unsigned id = 1; id < CPUS; id++)
		ap_order(id, order);
	ap_send(destination, ICR_INIT | ICR_LOGICAL);
	ap_delay(SETTLE_US);
	report(name);
	ap_send(destination, ICR_SIPI | ICR_LOGICAL | ap_vector[0]);
	ap_delay(SETTLE_US);
	report(name);
	for (unsigned id = 1; id < CPUS; id++)
		restart(id);
	report(name);
}

static void flat(void)
{
	logical("logical_flat", AP_FLAT, 1u << 2);
}

static void flat_both(void)
{
	logical("logical_flat_both", AP_FLAT, 1u << 1 | 1u << 2);
}

/* Cluster 2, member 1; and a cluster without members. */
static void cluster(void)
{
	logical("logical_cluster", AP_CLUSTER, 0x22);
	logical("logical_other_cluster", AP_CLUSTER, 0x32);
}

static void nobody(void)
{
	ap_send(0x77, ICR_INIT);
	ap_send(0x77, ICR_SIPI | ap_vector[0]);
	ap_delay(SETTLE_US);
	report("nobody");
}

/* The guest's own NMIs are not taken for anything else, before and after an INIT. */
static void nmis(void)
{
	uint32_t sent = 0;

	for (unsigned i = 0; i < NMIS; i++) {
		uint32_t before = aps[1].nmis;

		ap_send(1, ICR_NMI);
		for (unsigned wait = 0; wait < 1000 && aps[1].nmis == before; wait++)
			ap_delay(100);
		sent++;
		if (i == NMIS / 2)
			restart(1);
	}
	print("case name=nmis sent=%u seen=%u\n", sent, aps[1].nmis);
	report("nmis");
}

#define MOVED_TO 0xfec80000ull /* nothing is at this address on these machines */

static void send_from(uint64_t page, uint8_t destination, uint32_t command)
{
	*(volatile uint32_t *)(page + APIC_ICR_HIGH) = (uint32_t)destination << 24;
	*(volatile uint32_t *)(page + APIC_ICR) = command;
}

/*
 * The boot CPU's registers at another address (SDM vol. 3A 11.4.5): INIT and SIPI from there count as well. QEMU
 * changes the address but leaves the registers where they are, so there is no such case on QEMU.
 */
static void moved(void)
{
	uint64_t base = rdmsr(MSR_APIC_BASE);

	if (guest_emulator() & EMU_QEMU)
		return;
	wrmsr(MSR_APIC_BASE, (base & 0xfff) | MOVED_TO);
	send_from(MOVED_TO, 1, ICR_INIT);
	ap_delay(SETTLE_US);
	send_from(MOVED_TO, 1, ICR_SIPI | ap_vector[1]);
	ap_wait_starts(1, ++expected_starts[1]);
	wrmsr(MSR_APIC_BASE, base);
	print_state(1);
	report("moved");
	restart(1);
	report("moved_back");
}

#define FLAGS_OF(code, value, offset)                                                                        \
	({                                                                                                   \
		uint64_t flags_;                                                                             \
		__asm__ volatile(code "; pushfq; pop %0"                                                     \
				 : "=r"(flags_)                                                              \
				 : "r"(0xfee00000ull + (offset)), "r"((uint32_t)(value))                     \
				 : "memory", "cc");                                                          \
		flags_ & 0xc5; /* CF PF ZF SF */                                                             \
	})

/* Every form in which a compiler may store to a register. */
static void store_forms(void)
{
	uint64_t flags;
	uint32_t old = 0x40;

	apic_write(APIC_TPR, 0x10);
	print("case name=store form=mov tpr=%x\n", apic_read(APIC_TPR));
	__asm__ volatile("movl $0x20, 0x80(%0)" : : "r"(0xfee00000ull) : "memory");
	print("case name=store form=imm tpr=%x\n", apic_read(APIC_TPR));
	__asm__ volatile("movl $0x30, 0xfee00080 - 0xfee00000(%0, %1, 4)"
			 :
			 : "r"(0xfee00000ull), "r"(0ull)
			 : "memory");
	print("case name=store form=sib tpr=%x\n", apic_read(APIC_TPR));
	__asm__ volatile("mov $0xfee00080, %%eax; mov $0x50, %%r9d; mov %%r9d, (%%eax)"
			 :
			 :
			 : "rax", "r9", "memory");
	print("case name=store form=addr32 tpr=%x\n", apic_read(APIC_TPR));
	__asm__ volatile("xchg %0, (%1)" : "+r"(old) : "r"(0xfee00080ull) : "memory");
	print("case name=store form=xchg tpr=%x old=%x\n", apic_read(APIC_TPR), old);
	flags = FLAGS_OF("orl %k2, (%1)", 0x0f, APIC_TPR);
	print("case name=store form=or tpr=%x flags=%lx\n", apic_read(APIC_TPR), flags);
	flags = FLAGS_OF("andl %k2, (%1)", 0xf0, APIC_TPR);
	print("case name=store form=and tpr=%x flags=%lx\n", apic_read(APIC_TPR), flags);
	flags = FLAGS_OF("xorl %k2, (%1)", 0x40, APIC_TPR);
	print("case name=store form=xor tpr=%x flags=%lx\n", apic_read(APIC_TPR), flags);
	apic_write(APIC_TPR, 0);
}

#define IOAPIC_INDEX   0xfec00000ull
#define IOAPIC_DATA    0xfec00010ull
#define IOAPIC_ENTRY   0x10 /* two words each */
#define IOAPIC_MASKED  0x10000u
#define IOAPIC_INIT    0x500u /* edge, physical destination */
#define PIT_PIN        2
#define PIT_CHANNEL0   0x40
#define PIT_COMMAND    0x43
#define PIT_ONE_SHOT   0x30 /* channel 0, both bytes, mode 0 */
#define PIT_TICKS_HIGH 0x20 /* 6.9 ms */

static void ioapic_write(unsigned index, uint32_t value)
{
	*(volatile uint32_t *)IOAPIC_INDEX = index;
	*(volatile uint32_t *)IOAPIC_DATA = value;
}

static void ioapic_route_pit(uint32_t how, uint8_t destination)
{
	ioapic_write(IOAPIC_ENTRY + 2 * PIT_PIN, IOAPIC_MASKED);
	ioapic_write(IOAPIC_ENTRY + 2 * PIT_PIN + 1, (uint32_t)destination << 24);
	ioapic_write(IOAPIC_ENTRY + 2 * PIT_PIN, how);
}

/* A device's interrupt, here the timer's, can be an INIT that no CPU's command register sends. */
static void init_from_ioapic(void)
{
	ioapic_route_pit(IOAPIC_INIT, 1);
	outb(PIT_COMMAND, PIT_ONE_SHOT);
	outb(PIT_CHANNEL0, 0);
	outb(PIT_CHANNEL0, PIT_TICKS_HIGH);
	ap_delay(SETTLE_US);
	ioapic_route_pit(IOAPIC_MASKED, 0);
	report("init_from_ioapic");
	start(1, 1);
	print_state(1);
	report("sipi_after_ioapic");
}

/* The boot CPU restarts at the reset vector: only the CPU that sent the INIT continues this program. */
static void init_to_boot(void)
{
	print("case name=init_to_boot\n");
	aps[1].order = AP_INIT_BOOT;
	for (;;)
		aps[0].beat++;
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{"first", first_start},
	{"sipi_to_running", sipi_to_running},
	{"init_to_running", init_to_running},
	{"doubled", doubled},
	{"without_pause", without_pause},
	{"like_linux", like_linux},
	{"deassert", deassert},
	{"halted", halted},
	{"init_to_self", init_to_self},
	{"broadcast", broadcast},
	{"flat", flat},
	{"flat_both", flat_both},
	{"cluster", cluster},
	{"nobody", nobody},
	{"nmis", nmis},
	{"store_forms", store_forms},
	{"moved", moved},
};

EFI_STATUS guest_main(void)
{
	const char *only = guest_value("only");

	if (!ap_prepare()) {
		print("no memory below 1 MiB\n");
		return EFI_OUT_OF_RESOURCES;
	}
	if (guest_option("x2apic"))
		ap_use_x2apic();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		if (i == 0 || !only || guest_listed(only, cases[i].name))
			cases[i].run();
	if (guest_option("ioapic"))
		init_from_ioapic();
	if (guest_option("crash"))
		ap_order(1, AP_CRASH);
	if (guest_option("bsp"))
		init_to_boot();
	ap_send(0, ICR_INIT | ICR_OTHERS); /* this program's memory no longer belongs to them */
	ap_delay(SETTLE_US);
	return EFI_SUCCESS;
}
