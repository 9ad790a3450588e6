/*
 * Dies of a triple fault: an exception while the #DF handler is being called shuts the processor down (SDM
 * vol. 3A 6.15, interrupt 8). The load option way= selects how it comes to that; each way makes another chain
 * of events, and only what recorded them all can tell them apart afterwards.
 */
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/trap.h"

const char guest_name[] = "triple";

/* #UD, then twice #GP for an IDT that holds no gate at all. */
static void null_idt(void)
{
	machine_set_idt_limit(0);
	__asm__ volatile("ud2");
}

/* #GP whose gate is not present: #NP makes it #DF, whose gate is not present either. */
static void no_gates(void)
{
	machine_idt[VECTOR_GP].type &= ~GATE_PRESENT;
	machine_idt[VECTOR_DF].type &= ~GATE_PRESENT;
	__asm__ volatile("mov (%0), %%al" : : "r"(1ull << 63) : "al");
}

/* #UD on a stack that is not mapped: #PF, #PF for the same reason, and #DF has no stack of its own. */
static void lost_stack(void)
{
	machine_idt[VECTOR_DF].ist = 0;
	__asm__ volatile("mov %0, %%rsp; ud2" : : "r"(PAGE_ABSENT_LAST + PAGE_SIZE / 2));
}

/* CR3 at a page of zeroes: the next fetch is a #PF, and so is every gate. */
static void empty_cr3(void)
{
	static uint64_t zeroes[512] __attribute__((aligned(4096)));

	write_cr3((uint64_t)zeroes);
}

static const struct {
	const char *name;
	void (*die)(void);
} ways[] = {
	{"null-idt", null_idt},
	{"no-gates", no_gates},
	{"lost-stack", lost_stack},
	{"empty-cr3", empty_cr3},
};

EFI_STATUS guest_main(void)
{
	const char *way = guest_value("way");

	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!guest_listed(way ? way : "null-idt", ways[i].name))
			continue;
		print("triple way=%s\n", ways[i].name);
		machine_take();
		ways[i].die();
		machine_give_back();
		print("still here\n");
	}
	return EFI_SUCCESS;
}
