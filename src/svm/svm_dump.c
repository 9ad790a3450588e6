// SPDX-License-Identifier: MIT
/* Prints the VMCB in words, field by field, for reports (APM vol. 2 tables B-1 and B-2). */
#include "svm/svm.h"
#include "lib/array.h"
#include "log/log.h"
#include "trace/bits.h"
#include "trace/text.h"
#include "trace/vector.h"

#define LINE_MAX 512

static char line[LINE_MAX];

static struct text begin(const char *name)
{
	struct text t = text_on(line, sizeof(line));

	text_add(&t, "  %s", name);
	return t;
}

static void print_bits(const char *name, enum bits_register which, uint64_t value)
{
	struct text t = begin(name);

	bits_add(&t, which, value);
	log_print("%s", line);
}

static void print_segment(const char *name, const struct vmcb_segment *s)
{
	struct text t = begin(name);

	text_add(&t, "sel=0x%04x base=0x%lx limit=0x%x attrib=0x%03x (", s->selector, s->base, s->limit,
		s->attrib);
	bits_add_segment(&t, s->attrib);
	text_add(&t, ")");
	log_print("%s", line);
}

static void print_table(const char *name, const struct vmcb_segment *s)
{
	log_print("  %sbase=0x%lx limit=0x%x", name, s->base, s->limit);
}

/* EXITINTINFO and EVENTINJ, 15.7.2 and 15.20. */
static void print_event(const char *name, uint64_t word)
{
	static const char *const types[] = {
		"external interrupt", "type 1", "NMI", "exception", "INT n", "type 5", "type 6", "type 7"};
	unsigned vector = SVM_EVENT_VECTOR(word);
	struct text t = begin(name);

	text_add(&t, "0x%lx", word);
	if (word & SVM_EVENT_V) {
		text_add(&t, " (%s, vector %u", types[SVM_EVENT_TYPE(word)], vector);
		if (SVM_EVENT_TYPE(word) == TRAP_TYPE_EXCEPTION && vector_name(vector))
			text_add(&t, " %s", vector_name(vector));
		if (word & SVM_EVENT_EV)
			text_add(&t, ", error code 0x%x", (uint32_t)(word >> 32));
		text_add(&t, ")");
	} else {
		text_add(&t, " (none)");
	}
	log_print("%s", line);
}

static void print_intercepts(const struct vmcb_control *c)
{
	struct text t = begin("intercepts ");

	text_add(&t, "cr=0x%x/0x%x dr=0x%x/0x%x exceptions=0x%x instructions=\"", c->cr_read, c->cr_write,
		c->dr_read, c->dr_write, c->exceptions);
	for (unsigned code = SVM_EXIT_INTR; code < 32 * ARRAY_SIZE(c->intercepts); code++)
		if (vmcb_has_intercept(c, code))
			text_add(&t, "%s ", svm_exit_name(code));
	text_truncate(&t, t.length - 1);
	text_add(&t, "\"");
	log_print("%s", line);
}

static void print_control(const struct vmcb_control *c)
{
	log_print("  exitcode=0x%lx (%s) exitinfo1=0x%lx exitinfo2=0x%lx nrip=0x%lx", c->exitcode,
		svm_exit_name((uint32_t)c->exitcode), c->exitinfo1, c->exitinfo2, c->nrip);
	print_event("exitintinfo=", c->exitintinfo);
	print_event("eventinj=", c->eventinj);
	log_print("  interrupt=0x%lx shadow=%lu tsc_offset=0x%lx asid=%u tlb_control=%u", c->interrupt,
		c->interrupt_shadow & 1, c->tsc_offset, c->asid, c->tlb_control);
	log_print("  np_enable=%lu ncr3=0x%lx iopm=0x%lx msrpm=0x%lx clean=0x%lx", c->np_enable & 1, c->n_cr3,
		c->iopm_base, c->msrpm_base, c->clean);
	print_intercepts(c);
}

static void print_registers(const struct vmcb_save *s)
{
	log_print("  rip=0x%lx rsp=0x%lx rax=0x%lx cpl=%u", s->rip, s->rsp, s->rax, s->cpl);
	print_bits("rflags=", BITS_RFLAGS, s->rflags);
	print_bits("cr0=", BITS_CR0, s->cr0);
	log_print("  cr2=0x%lx cr3=0x%lx dr6=0x%lx dr7=0x%lx", s->cr2, s->cr3, s->dr6, s->dr7);
	print_bits("cr4=", BITS_CR4, s->cr4);
	print_bits("efer=", BITS_EFER, s->efer);
	log_print("  star=0x%lx lstar=0x%lx cstar=0x%lx sfmask=0x%lx kernel_gs_base=0x%lx", s->star, s->lstar,
		s->cstar, s->sfmask, s->kernel_gs_base);
	log_print("  sysenter cs=0x%lx esp=0x%lx eip=0x%lx g_pat=0x%lx dbgctl=0x%lx", s->sysenter_cs,
		s->sysenter_esp, s->sysenter_eip, s->g_pat, s->dbgctl);
}

void svm_dump(const struct cpu *cpu)
{
	const struct vmcb_save *s = &vmcb_of(cpu)->save;

	print_control(&vmcb_of(cpu)->control);
	print_registers(s);
	print_segment("cs   ", &s->cs);
	print_segment("ss   ", &s->ss);
	print_segment("ds   ", &s->ds);
	print_segment("es   ", &s->es);
	print_segment("fs   ", &s->fs);
	print_segment("gs   ", &s->gs);
	print_segment("ldtr ", &s->ldtr);
	print_segment("tr   ", &s->tr);
	print_table("gdtr ", &s->gdtr);
	print_table("idtr ", &s->idtr);
}

#define X(code, name)                                                                                        \
	case code:                                                                                           \
		return #name;
const char *svm_exit_name(uint64_t reason)
{
	if (reason - SVM_EXIT_EXCEPTION < 32)
		return vector_name((unsigned)(reason - SVM_EXIT_EXCEPTION));
	switch (reason) {
		SVM_EXITS(X)
		X(SVM_EXIT_NPF, NPF)
		X(SVM_EXIT_INVALID, INVALID)
	default:
		return "not in the list";
	}
}
#undef X
