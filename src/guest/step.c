// SPDX-License-Identifier: MIT
#include "guest/step.h"
#include "guest/insn.h"
#include "guest/known_insn.h"
#include "hw/msr.h"
#include "hw/x86.h"
#include "lib/string.h"
#include "mem/guest_ram.h"
#include "trace/decode.h"
#include "vendor.h"

#define TF_BYTE      1 /* of the pushed flags */
#define TF_BIT       1
#define IF_BIT       2
#define TSS_16_BUSY  3
#define TSS_16_FLAGS 16 /* offsets in a TSS: SDM vol. 3A figures 8-10 and 8-2 */
#define TSS_32_FLAGS 36

#define OP_CLI       0xfa
#define OP_STI       0xfb
#define OP_GROUP7    0x0f01
#define MODRM_MWAIT  0xc9
#define MODRM_MWAITX 0xfb
#define OP_SYSENTER  0x0f34
#define OP_SYSEXIT   0x0f35

SLOW_PATH static struct step_insn next_of(struct cpu *cpu)
{
	struct trap_record r;
	struct decoded d;

	insn_record(cpu, &r);
	if (decode(&r, &d) != DECODE_OK || d.length >= r.code_len)
		return (struct step_insn){.opcode = -1};
	return step_insn_of(r.code + d.length, r.code_len - d.length, r.mode);
}

static struct step_insn find(struct cpu *cpu)
{
	struct step_insn b = insn_known(cpu)->step;

	return b.loads_ss ? next_of(cpu) : b;
}

enum step_kind step_kind_of(struct cpu *cpu)
{
	return find(cpu).kind;
}

/* The switch saves the flags of the old task in its TSS, on the old page tables (SDM vol. 3A 8.3). */
SLOW_PATH static void note_task(struct cpu *cpu, struct hidden_step *s)
{
	struct guest_paging paging;
	struct segment_state tr;
	uint64_t at;

	vendor->state.segment(cpu, SEG_TR, &tr);
	vendor->state.paging(cpu, &paging);
	at = tr.base + (tr.type == TSS_16_BUSY ? TSS_16_FLAGS : TSS_32_FLAGS) + TF_BYTE;
	s->tr = tr.selector;
	s->may_switch = !(paging.efer & EFER_LMA) && guest_translate(&paging, at, &s->saved_tf);
}

static bool is_mwait(const struct step_insn *b)
{
	return b->opcode == OP_GROUP7 && (b->modrm == MODRM_MWAIT || b->modrm == MODRM_MWAITX);
}

/*
 * With a CPL above IOPL, CLI and the PUSHF of virtual-8086 mode have to do with VIF instead of IF, if CR4.PVI or CR4.VME says so (SDM
 * vol. 3B 21.3 and 21.4). Otherwise they fault there.
 */
static bool is_virtual(const struct cpu *cpu, const struct step_insn *b, uint64_t rflags)
{
	return guest_cpl(cpu) > (rflags & RFLAGS_IOPL) / RFLAGS_IOPL0 &&
	       (b->opcode == OP_CLI || (b->opcode == OP_PUSHF && rflags & RFLAGS_VM));
}

/* Not those that load or save IF in another way, or that wait for an interrupt. */
static bool may_hold(const struct step_insn *b)
{
	switch (b->kind) {
	case STEP_PLAIN:
		return b->opcode != OP_STI && b->opcode != OP_SYSENTER && b->opcode != OP_SYSEXIT &&
		       !is_mwait(b) && b->opcode >= 0 && !b->may_switch;
	case STEP_PUSHF:
	case STEP_DR:
	case STEP_WRMSR:
		return true;
	default:
		return false;
	}
}

static uint64_t hold(const struct cpu *cpu, struct hidden_step *s, const struct step_insn *b, uint64_t rflags)
{
	s->holds = cpu->run.holds && rflags & RFLAGS_IF && may_hold(b) && !is_virtual(cpu, b, rflags);
	s->ends_if = b->opcode == OP_CLI;
	return s->holds ? rflags & ~(uint64_t)RFLAGS_IF : rflags;
}

void step_begin(struct cpu *cpu, struct hidden_step *s)
{
	uint64_t rflags = vendor->state.get(cpu, GUEST_RFLAGS);
	struct step_insn b = find(cpu);

	s->kind = b.kind;
	s->own = !(rflags & RFLAGS_TF);
	s->r11 = cpu->gpr[TRAP_R11];
	s->dr = b.modrm >> 3 & 7;
	s->gpr = (uint8_t)((b.modrm & 7) | (b.rex & 1) << 3);
	s->writes = b.opcode == 0x0f23;
	s->may_switch = s->holds = false;
	if (b.may_switch)
		note_task(cpu, s);
	if (s->kind == STEP_INT || s->kind == STEP_WAITS)
		return;
	if (s->kind == STEP_SYSRET)
		cpu->gpr[TRAP_R11] |= RFLAGS_TF;
	vendor->state.set(cpu, GUEST_RFLAGS, hold(cpu, s, &b, rflags) | RFLAGS_TF);
}

static void change_saved(uint64_t physical, uint8_t clear, uint8_t set)
{
	uint8_t byte;

	if (!guest_ram_read(physical, &byte, 1))
		return;
	byte = (uint8_t)((byte & ~clear) | set);
	guest_ram_write(physical, &byte, 1);
}

static void clear_saved(uint64_t physical)
{
	change_saved(physical, TF_BIT, 0);
}

/* The flags are at the top of the stack now. They are the guest's memory, and writing to them faulted for the guest if at all. */
static void mend_pushed(struct cpu *cpu, const struct hidden_step *s)
{
	uint64_t linear = vendor->state.get(cpu, GUEST_RSP), physical;
	struct guest_paging paging;
	struct segment_state ss;

	if (vendor->state.get(cpu, GUEST_CODE_MODE) != 64) {
		vendor->state.segment(cpu, SEG_SS, &ss);
		linear = (uint32_t)(ss.base + (ss.big ? (uint32_t)linear : (uint16_t)linear));
	}
	vendor->state.paging(cpu, &paging);
	if (guest_translate(&paging, linear + TF_BYTE, &physical))
		change_saved(physical, s->own ? TF_BIT : 0, s->holds ? IF_BIT : 0);
}

static void set_tf(struct cpu *cpu, bool on)
{
	uint64_t rflags = vendor->state.get(cpu, GUEST_RFLAGS);

	vendor->state.set(cpu, GUEST_RFLAGS, on ? rflags | RFLAGS_TF : rflags & ~RFLAGS_TF);
}

/* SYSCALL and SYSRET: TF is the one after the instruction. */
static bool end_syscall(struct cpu *cpu, const struct hidden_step *s, bool masks_tf)
{
	bool tf = s->kind == STEP_SYSRET ? s->r11 & RFLAGS_TF : !s->own && !masks_tf;

	if (s->kind == STEP_SYSRET)
		cpu->gpr[TRAP_R11] = s->r11;
	else if (s->own)
		cpu->gpr[TRAP_R11] &= ~RFLAGS_TF;
	set_tf(cpu, tf);
	return tf;
}

bool step_writes_debugctl(const struct cpu *cpu, const struct hidden_step *s)
{
	return s->kind == STEP_WRMSR && (uint32_t)cpu->gpr[TRAP_RCX] == MSR_DEBUGCTL;
}

/* The flags are the new task's, and the old one's in its TSS have TF. Whether a single step follows is the new TF's matter. */
static bool has_switched(struct cpu *cpu, const struct hidden_step *s)
{
	struct segment_state tr;

	if (!s->may_switch)
		return false;
	vendor->state.segment(cpu, SEG_TR, &tr);
	return tr.selector != s->tr;
}

bool step_end(struct cpu *cpu, struct hidden_step *s, bool done, bool masks_tf)
{
	if (s->kind == STEP_INT || s->kind == STEP_WAITS)
		return !s->own;
	if (s->holds && !(done && s->ends_if))
		vendor->state.set(cpu, GUEST_RFLAGS, vendor->state.get(cpu, GUEST_RFLAGS) | RFLAGS_IF);
	if (!done && s->kind == STEP_SYSRET)
		cpu->gpr[TRAP_R11] = s->r11;
	if (done && (s->kind == STEP_SYSCALL || s->kind == STEP_SYSRET))
		return end_syscall(cpu, s, masks_tf);
	if (has_switched(cpu, s)) {
		if (s->own)
			clear_saved(s->saved_tf);
		return !s->own;
	}
	if (s->own && !(done && (s->kind == STEP_LOADS_TF || s->kind == STEP_IRET)))
		set_tf(cpu, false);
	if (done && (s->own || s->holds) && s->kind == STEP_PUSHF)
		mend_pushed(cpu, s);
	return !s->own;
}
