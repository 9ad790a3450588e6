// SPDX-License-Identifier: MIT
#include "guest/store_run.h"
#include "guest/insn.h"
#include "hw/x86.h"
#include "mem/guest_walk.h"
#include "vendor.h"

#define STEP 4

static void set_register(struct cpu *cpu, unsigned reg, uint64_t value)
{
	cpu->gpr[reg] = value;
	if (reg == TRAP_RSP)
		vendor->state.set(cpu, GUEST_RSP, value);
}

static uint64_t cut(uint64_t value, unsigned width)
{
	return width == 64 ? value : width == 32 ? (uint32_t)value : (uint16_t)value;
}

/* Adds to a pointer or a count of this width: 32 bits clear the upper half, 16 bits leave the rest. */
static void add_to(struct cpu *cpu, unsigned reg, int64_t by, unsigned width)
{
	uint64_t old = insn_register(cpu, reg), sum = cut(old + (uint64_t)by, width);

	set_register(cpu, reg, width == 16 ? (old & ~0xffffull) | sum : sum);
}

static unsigned stack_width(const struct cpu *cpu)
{
	struct segment_state ss;

	vendor->state.segment(cpu, SEG_SS, &ss);
	return ss.big ? 32 : 16;
}

/* In 64-bit mode only FS and GS have a base (SDM vol. 3A 3.2.4). */
static uint64_t linear_of(const struct cpu *cpu, unsigned segment, uint64_t offset)
{
	struct segment_state state;

	vendor->state.segment(cpu, segment, &state);
	if (vendor->state.get(cpu, GUEST_CODE_MODE) == 64)
		return segment == SEG_FS || segment == SEG_GS ? state.base + offset : offset;
	return (uint32_t)(state.base + offset);
}

/* The CPU has already read the source with every right checked, otherwise its store would not have exited. */
static bool read_source(struct cpu *cpu, const struct store *s, uint64_t *operand)
{
	struct guest_paging paging;
	uint64_t linear;
	uint32_t value;

	if (s->kind == STORE_POP)
		linear = linear_of(cpu, SEG_SS, cut(vendor->state.get(cpu, GUEST_RSP), stack_width(cpu)));
	else
		linear = linear_of(cpu, s->segment, cut(cpu->gpr[TRAP_RSI], s->width));
	vendor->state.paging(cpu, &paging);
	if (guest_read(&paging, linear, &value, sizeof(value)) != sizeof(value))
		return false;
	*operand = value;
	return true;
}

bool store_run(struct cpu *cpu, const struct store *s, uint32_t old, uint32_t *value)
{
	struct store_values v = {
		.value = old,
		.operand = s->from_register ? insn_register(cpu, s->reg) : s->immediate,
		.accumulator = cpu->gpr[TRAP_RAX],
		.flags = vendor->state.get(cpu, GUEST_RFLAGS),
		.count = s->count & STORE_BY_CL ? (uint8_t)cpu->gpr[TRAP_RCX] : s->count,
	};

	if ((s->kind == STORE_MOVSD || s->kind == STORE_POP) && !read_source(cpu, s, &v.operand))
		return false;
	store_operate(s->kind, &v);
	*value = (uint32_t)v.value;
	vendor->state.set(cpu, GUEST_RFLAGS, v.flags);
	if (s->kind == STORE_CMPXCHG)
		set_register(cpu, TRAP_RAX, v.accumulator);
	else if (s->from_register)
		set_register(cpu, s->reg, v.operand);
	cpu_add_work(cpu, CPU_WORK_RELOAD);
	return true;
}

static void move_pointers(struct cpu *cpu, const struct store *s)
{
	int64_t step = vendor->state.get(cpu, GUEST_RFLAGS) & RFLAGS_DF ? -STEP : STEP;

	if (s->kind == STORE_POP)
		add_to(cpu, TRAP_RSP, STEP, stack_width(cpu));
	if (s->kind == STORE_MOVSD)
		add_to(cpu, TRAP_RSI, step, s->width);
	if (s->width)
		add_to(cpu, TRAP_RDI, step, s->width);
	if (s->repeated)
		add_to(cpu, TRAP_RCX, -1, s->width);
}

void store_end(struct cpu *cpu, const struct store *s)
{
	bool again;

	move_pointers(cpu, s);
	again = s->repeated && cut(cpu->gpr[TRAP_RCX], s->width);
	vendor->exits.skip(cpu, again ? 0 : s->length, 0);
}
