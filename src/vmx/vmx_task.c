// SPDX-License-Identifier: MIT
/*
 * Hardware task switches, which always exit on VT-x before any change (SDM vol. 3C 26.4.2) and are
 * carried out here: SDM vol. 3A 8.3. Current operating systems use them only for the double-fault
 * task of 32-bit kernels. 16-bit TSSs are refused, with a line on the console.
 */
#include "vmx/vmx.h"
#include "hw/features.h"
#include "hw/x86.h"
#include "exit/handlers.h"
#include "vmx/vmx_check.h"
#include "log/log.h"
#include "hw/asm.h"
#include "exit/exception.h"
#include "mem/guest_access.h"
#include "mem/guest_ram.h"
#include "trace/vector.h"

enum source {
	FROM_CALL,
	FROM_IRET,
	FROM_JMP,
	FROM_GATE
}; /* table 28-2, bits 31:30 */

#define TYPE_AVAILABLE 9u
#define TYPE_BUSY      11u
#define TYPE_BUSY_BIT  (2ull << 40)
#define TYPE_ACCESSED  (1ull << 40)
#define TYPE_16_BIT(t) ((t) == 1 || (t) == 3)
#define TSS_LIMIT      103u
#define RIGHTS_TSS     0x8bu
#define RIGHTS_V86     0xf3u
#define TRAP_BIT       1u
#define PDPTES         4

/* Figure 8-2 */
struct tss {
	uint32_t link, stacks[6], cr3;
	uint32_t eip, eflags, gpr[8]; /* EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI: the encoding order */
	uint32_t segment[6];          /* ES, CS, SS, DS, FS, GS: likewise */
	uint32_t ldt;
	uint16_t trap, io_map;
};

_Static_assert(sizeof(struct tss) == TSS_LIMIT + 1, "figure 8-2");
_Static_assert(offsetof(struct tss, eip) == 32 && offsetof(struct tss, ldt) == 96, "figure 8-2");

struct task_switch {
	struct cpu *cpu;
	enum source source;
	uint16_t selector; /* of the new TSS */
	uint64_t descriptor, descriptor_at;
	bool event; /* an event is delivered through a task gate: cpu->exit.during */
	struct tss next;
	bool loads_pdptes;
	uint64_t pdpte[PDPTES];
};

/* Merges the fault with the event that is delivered through the gate, if there is one: a fault in #DF's task is a triple fault. */
static bool fault(struct task_switch *t, uint8_t vector, uint32_t error)
{
	struct exit *x = &t->cpu->exit;

	x->event = (struct event){.valid = true,
		.type = TRAP_TYPE_EXCEPTION,
		.vector = vector,
		.has_error = true,
		.error = error};
	exit_exception(t->cpu);
	return false;
}

static bool fail(struct task_switch *t, uint8_t vector, uint32_t selector)
{
	uint32_t ext = t->event && t->cpu->exit.during.type < TRAP_TYPE_SOFTINT ? ERROR_EXT : 0;

	return fault(t, vector, (selector & ~3u) | ext);
}

/* The memory cannot be accessed. The event that requested the task is dropped, because injecting it again would repeat this for ever. */
static bool give_up(struct task_switch *t)
{
	cpu_end_work(t->cpu, CPU_WORK_EVENT);
	return false;
}

/* Accesses the guest's memory with its kernel's rights. Raises #PF and returns false if the CPU would. */
static bool access(
	struct task_switch *t, uint64_t linear, void *data, uint32_t size, enum guest_access_kind kind)
{
	struct guest_view view = {.physical_bits = features.physical_bits};

	vmx_paging(t->cpu, &view.paging);
	while (size) {
		uint32_t left = 4096 - (linear & 4095), part = size < left ? size : left;
		struct guest_page page;
		enum guest_access_result result = guest_access(&view, (uint32_t)linear, kind, &page);

		if (result == ACCESS_FAULT) {
			t->cpu->exit.address = (uint32_t)linear;
			return fault(t, VEC_PF, page.error);
		}
		if (result != ACCESS_OK || (kind == GUEST_WRITE ? !guest_ram_write(page.physical, data, part)
								: !guest_ram_read(page.physical, data, part)))
			return give_up(t);
		linear += part;
		data = (char *)data + part;
		size -= part;
	}
	return true;
}

static uint64_t descriptor_base(uint64_t d)
{
	return (d >> 16 & 0xffffff) | (d >> 56 & 0xff) << 24;
}

static uint32_t descriptor_limit(uint64_t d)
{
	uint32_t limit = (uint32_t)((d & 0xffff) | (d >> 32 & 0xf0000));

	return d >> 55 & 1 ? limit << 12 | 0xfff : limit;
}

static uint32_t descriptor_rights(uint64_t d)
{
	return (uint32_t)(d >> 40) & 0xf0ff;
}

/*
 * Reads a descriptor of the GDT, or of the LDT if the selector says so. Raises #TS or #GP (`vector`) if there is
 * none.
 */
static bool read_descriptor(
	struct task_switch *t, uint32_t selector, uint8_t vector, uint64_t *d, uint64_t *at)
{
	bool ldt = selector & SELECTOR_TI;
	uint64_t base = vmread(ldt ? VMCS_BASE(SEG_LDTR) : VMCS_GUEST_GDTR_BASE);
	uint64_t limit = vmread(ldt ? VMCS_LIMIT(SEG_LDTR) : VMCS_GUEST_GDTR_LIMIT);

	if (ldt && (vmread(VMCS_RIGHTS(SEG_LDTR)) & RIGHTS_UNUSABLE))
		return fail(t, vector, selector);
	if ((selector | 7) > limit)
		return fail(t, vector, selector);
	*at = base + (selector & SELECTOR_INDEX);
	return access(t, *at, d, 8, GUEST_READ);
}

/*
 * PAE's four pointers are loaded when CR3 changes (SDM vol. 3A 4.4.1). With EPT a VM entry takes them from the VMCS,
 * and refuses reserved bits (27.3.1.6 and 27.3.2.4): #GP, as for a MOV to CR3.
 */
static bool read_pdptes(struct task_switch *t)
{
	const struct guest_paging *p = &vmx_mode(t->cpu)->paging;

	t->loads_pdptes = (p->cr0 & CR0_PG) && (p->cr4 & CR4_PAE) && p->cr3 != t->next.cr3;
	if (!t->loads_pdptes)
		return true;
	for (unsigned i = 0; i < PDPTES; i++) {
		guest_read64((t->next.cr3 & 0xffffffe0) + 8 * i, &t->pdpte[i]);
		if (!vmx_pdpte_is_valid(t->pdpte[i], features.physical_bits))
			return fail(t, VEC_GP, 0);
	}
	return true;
}

/* 8.3, steps 2 to 6, except those that the CPU has made before the exit. */
static bool read_next(struct task_switch *t)
{
	uint8_t vector = t->source == FROM_IRET ? VEC_TS : VEC_GP;
	unsigned type;

	if (t->selector & SELECTOR_TI)
		return fail(t, vector, t->selector);
	if (!read_descriptor(t, t->selector, vector, &t->descriptor, &t->descriptor_at))
		return false;
	type = RIGHTS_TYPE(descriptor_rights(t->descriptor));
	if (TYPE_16_BIT(type))
		log_line("trapline: a task switch to a 16-bit TSS, selector 0x%x, is not carried out",
			t->selector);
	if (type != (t->source == FROM_IRET ? TYPE_BUSY : TYPE_AVAILABLE))
		return fail(t, vector, t->selector);
	if (!(descriptor_rights(t->descriptor) & RIGHTS_PRESENT))
		return fail(t, VEC_NP, t->selector);
	if (descriptor_limit(t->descriptor) < TSS_LIMIT)
		return fail(t, VEC_TS, t->selector);
	return access(t, descriptor_base(t->descriptor), &t->next, sizeof(t->next), GUEST_READ) &&
	       read_pdptes(t);
}

/* The address at which the old task continues: after the instruction, except for a fault or an interrupt. */
static uint32_t old_eip(const struct task_switch *t)
{
	uint64_t rip = vmx_of(t->cpu)->rip;

	if (t->event && t->cpu->exit.during.type < TRAP_TYPE_SOFTINT)
		return (uint32_t)rip;
	return (uint32_t)(rip + vmread(VMCS_EXIT_LENGTH));
}

/* Only state that a task changes is saved in its TSS (step 8). */
static bool save_old(struct task_switch *t)
{
	struct tss old = {.eip = old_eip(t), .eflags = (uint32_t)vmx_of(t->cpu)->rflags};

	if (t->source == FROM_IRET)
		old.eflags &= ~(uint32_t)RFLAGS_NT;
	for (unsigned i = 0; i < 8; i++)
		old.gpr[i] = (uint32_t)(i == TRAP_RSP ? vmread(VMCS_GUEST_RSP) : t->cpu->gpr[i]);
	for (unsigned n = SEG_ES; n <= SEG_GS; n++)
		old.segment[n] = (uint32_t)vmread(VMCS_SELECTOR(n));
	return access(t, vmread(VMCS_BASE(SEG_TR)) + offsetof(struct tss, eip), &old.eip,
		offsetof(struct tss, ldt) - offsetof(struct tss, eip), GUEST_WRITE);
}

static bool set_busy(struct task_switch *t, uint64_t at, bool busy)
{
	uint64_t d;

	if (!access(t, at, &d, 8, GUEST_READ))
		return false;
	d = busy ? d | TYPE_BUSY_BIT : d & ~TYPE_BUSY_BIT;
	return access(t, at, &d, 8, GUEST_WRITE);
}

/* Steps 5, 7, 9 and 10: the busy bits, and the link of a nested task. */
static bool link_tasks(struct task_switch *t)
{
	uint16_t old = (uint16_t)vmread(VMCS_SELECTOR(SEG_TR));
	uint32_t link = old;
	bool nested = t->source == FROM_CALL || t->source == FROM_GATE;

	if (!nested && !set_busy(t, vmread(VMCS_GUEST_GDTR_BASE) + (old & SELECTOR_INDEX), false))
		return false;
	if (t->source != FROM_IRET && !set_busy(t, t->descriptor_at, true))
		return false;
	if (!nested)
		return true;
	t->next.eflags |= (uint32_t)RFLAGS_NT;
	return access(t, descriptor_base(t->descriptor), &link, 2, GUEST_WRITE);
}

static void load_registers(struct task_switch *t)
{
	struct cpu *cpu = t->cpu;
	const struct tss *n = &t->next;
	uint64_t cr0 = vmx_mode(cpu)->paging.cr0;

	vmwrite(VMCS_GUEST_RIP, n->eip);
	vmwrite(VMCS_GUEST_RFLAGS, (n->eflags & 0x3f7fd5) | RFLAGS_FIXED);
	for (unsigned i = 0; i < 8; i++)
		cpu->gpr[i] = n->gpr[i];
	cpu_add_work(cpu, CPU_WORK_RELOAD);
	vmwrite(VMCS_GUEST_RSP, n->gpr[TRAP_RSP]);
	if (cr0 & CR0_PG) {
		vmwrite(VMCS_GUEST_CR3, n->cr3);
		for (unsigned i = 0; t->loads_pdptes && i < PDPTES; i++)
			vmwrite(VMCS_GUEST_PDPTE0 + 2 * i, t->pdpte[i]);
		vmx_flush_guest_tlb();
	}
	vmwrite(VMCS_GUEST_CR0, cr0 | CR0_TS);
	vmx_set_masks(t->cpu);
	vmwrite(VMCS_GUEST_DR7, vmread(VMCS_GUEST_DR7) & ~DR7_LOCAL);
	vmwrite(VMCS_SELECTOR(SEG_TR), t->selector);
	vmwrite(VMCS_BASE(SEG_TR), descriptor_base(t->descriptor));
	vmwrite(VMCS_LIMIT(SEG_TR), descriptor_limit(t->descriptor));
	vmwrite(VMCS_RIGHTS(SEG_TR), RIGHTS_TSS | (descriptor_rights(t->descriptor) & RIGHTS_GRANULAR));
	vmx_reread(cpu);
}

static void put_segment(unsigned n, uint32_t selector, uint64_t base, uint32_t limit, uint32_t rights)
{
	vmwrite(VMCS_SELECTOR(n), selector & 0xffff);
	vmwrite(VMCS_BASE(n), base);
	vmwrite(VMCS_LIMIT(n), limit);
	vmwrite(VMCS_RIGHTS(n), rights);
}

/*
 * The vector for a bad segment descriptor in this register; 0: it is valid (SDM vol. 3A table
 * 6-6, #TS).
 */
static uint8_t segment_fault(unsigned n, uint32_t selector, uint32_t rights, unsigned cpl)
{
	unsigned type = RIGHTS_TYPE(rights), dpl = RIGHTS_DPL(rights), rpl = selector & 3;
	bool code = type & 8, conforming = code && (type & 4), writable = !code && (type & 2);

	if (!(rights & RIGHTS_S))
		return VEC_TS;
	if (n == SEG_CS && (!code || (conforming ? dpl > cpl : dpl != cpl)))
		return VEC_TS;
	if (n == SEG_SS && (!writable || dpl != cpl || rpl != cpl))
		return VEC_TS;
	if (n != SEG_CS && n != SEG_SS &&
		((code && !(type & 2)) || (!conforming && (dpl < cpl || dpl < rpl))))
		return VEC_TS;
	if (!(rights & RIGHTS_PRESENT))
		return n == SEG_SS ? VEC_SS : VEC_NP;
	return 0;
}

static bool load_segment(struct task_switch *t, unsigned n, unsigned cpl)
{
	uint32_t selector = t->next.segment[n] & 0xffff;
	uint64_t d, at;
	uint8_t vector;

	if (!(selector & ~3u))
		return n == SEG_CS || n == SEG_SS ? fail(t, VEC_TS, selector) : true;
	if (!read_descriptor(t, selector, VEC_TS, &d, &at))
		return false;
	vector = segment_fault(n, selector, descriptor_rights(d), cpl);
	if (vector)
		return fail(t, vector, selector);
	if (!(d & TYPE_ACCESSED)) {
		d |= TYPE_ACCESSED;
		if (!access(t, at, &d, 8, GUEST_WRITE))
			return false;
	}
	put_segment(n, selector, descriptor_base(d), descriptor_limit(d), descriptor_rights(d));
	return true;
}

static bool load_ldt(struct task_switch *t)
{
	uint32_t selector = t->next.ldt & 0xffff;
	uint64_t d, at;

	put_segment(SEG_LDTR, selector, 0, 0, RIGHTS_UNUSABLE);
	if (!(selector & ~3u))
		return true;
	if (selector & SELECTOR_TI)
		return fail(t, VEC_TS, selector);
	if (!read_descriptor(t, selector, VEC_TS, &d, &at))
		return false;
	if (RIGHTS_TYPE(descriptor_rights(d)) != 2 || (descriptor_rights(d) & RIGHTS_S) ||
		!(descriptor_rights(d) & RIGHTS_PRESENT))
		return fail(t, VEC_TS, selector);
	put_segment(SEG_LDTR, selector, descriptor_base(d), descriptor_limit(d), descriptor_rights(d));
	return true;
}

/* The selectors are loaded first, so that a fault finds the new ones (8.3); the descriptors follow one by one. */
static bool load_segments(struct task_switch *t)
{
	bool v86 = t->next.eflags & RFLAGS_VM;
	unsigned cpl = v86 ? 3 : t->next.segment[SEG_CS] & 3;

	for (unsigned n = SEG_ES; n <= SEG_GS; n++) {
		uint32_t selector = t->next.segment[n] & 0xffff;

		if (v86)
			put_segment(n, selector, (uint64_t)selector << 4, 0xffff, RIGHTS_V86);
		else if (n == SEG_CS || n == SEG_SS) /* valid for VM entry, whatever the checks find */
			put_segment(n, selector, 0, ~0u, (n == SEG_CS ? 0xc09bu : 0xc093u) | cpl << 5);
		else
			put_segment(n, selector, 0, 0, RIGHTS_UNUSABLE);
	}
	if (!load_ldt(t))
		return false;
	for (unsigned n = 0; n <= SEG_GS && !v86; n++) {
		static const uint8_t order[] = {SEG_CS, SEG_SS, SEG_DS, SEG_ES, SEG_FS, SEG_GS};

		if (!load_segment(t, order[n], cpl))
			return false;
	}
	return true;
}

/* Interrupt shadows end. An NMI through the gate blocks further NMIs; the IRET of its handler ends that. */
static void set_blocking(const struct task_switch *t)
{
	uint64_t blocking = vmread(VMCS_GUEST_INTERRUPTIBILITY) & BLOCKING_NMI;

	if (t->source == FROM_IRET)
		blocking = 0;
	else if (t->event && t->cpu->exit.during.type == TRAP_TYPE_NMI)
		blocking = BLOCKING_NMI;
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, blocking);
}

static bool push_error(struct task_switch *t)
{
	bool big = vmread(VMCS_RIGHTS(SEG_SS)) & RIGHTS_BIG;
	uint32_t esp = (uint32_t)vmread(VMCS_GUEST_RSP) - 4, at = big ? esp : (uint16_t)esp;

	if (!access(t, vmread(VMCS_BASE(SEG_SS)) + at, &t->cpu->exit.during.error, 4, GUEST_WRITE))
		return false;
	vmwrite(VMCS_GUEST_RSP, esp);
	return true;
}

static void raise_trap(struct task_switch *t)
{
	vmx_set(t->cpu, GUEST_DR6, vmx_get(t->cpu, GUEST_DR6) | DR6_BT);
	exception_raise(t->cpu, VEC_DB, 0);
}

/* If one of the steps raises an exception, it does so in the task that the earlier steps have reached. */
void vmx_task_switch(struct cpu *cpu)
{
	uint64_t q = vmread(VMCS_EXIT_QUALIFICATION);
	struct task_switch t = {
		.cpu = cpu,
		.source = (enum source)(q >> 30 & 3),
		.selector = (uint16_t)q,
		.event = (q >> 30 & 3) == FROM_GATE && cpu->exit.during.valid,
	};

	if (!read_next(&t) || !save_old(&t) || !link_tasks(&t))
		return;
	load_registers(&t);
	cpu_end_work(cpu, CPU_WORK_EVENT); /* the new task is its handler */
	set_blocking(&t);
	if (!load_segments(&t))
		return;
	vmx_reread(cpu);
	if (t.event && cpu->exit.during.has_error && !push_error(&t))
		return;
	if (t.next.trap & TRAP_BIT)
		raise_trap(&t);
}
