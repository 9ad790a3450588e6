// SPDX-License-Identifier: MIT
#include "cpu/idt.h"
#include "hw/x86.h"
#include "trace/vector.h"

#define GATE_INTERRUPT 0x8e                  /* P, DPL 0, 64-bit interrupt gate */
#define STUB_SIZE      16                    /* src/cpu/idt.asm */
#define NOT_MAPPED     0xffff900000000000ull /* beyond any RAM: src/mem/layout.h */
#define NOT_CANONICAL  (1ull << 63)

struct gate {
	uint16_t offset_low;
	uint16_t selector;
	uint8_t ist;
	uint8_t type;
	uint16_t offset_middle;
	uint32_t offset_high;
	uint32_t reserved;
};

struct fixup {
	uint64_t at, go_on;
};

extern const char idt_stubs[], window_stubs[];        /* src/cpu/idt.asm */
extern const struct fixup fixup_start[], fixup_end[]; /* linker.ld */

static struct gate idt[256], window_idt[256];

static uint8_t ist_of(unsigned vector)
{
	switch (vector) {
	case VEC_DF:
		return 1;
	case VEC_NMI:
		return 2;
	case VEC_MC:
		return 3;
	default:
		return 0;
	}
}

static void set_gate(struct gate *g, const char *stub, unsigned vector)
{
	uint64_t offset = (uint64_t)stub;

	*g = (struct gate){
		.offset_low = (uint16_t)offset,
		.offset_middle = (uint16_t)(offset >> 16),
		.offset_high = (uint32_t)(offset >> 32),
		.selector = SEL_HOST_CS,
		.ist = ist_of(vector),
		.type = GATE_INTERRUPT,
	};
}

void idt_init(void)
{
	for (unsigned v = 0; v < 256; v++) {
		const char *stub = idt_stubs + v * STUB_SIZE;

		set_gate(&idt[v], stub, v);
		set_gate(&window_idt[v],
			v == VEC_NMI || v == VEC_MC || v == VEC_SX ? stub : window_stubs + v * STUB_SIZE, v);
	}
}

static void load(const struct gate *table)
{
	struct descriptor_table idtr = {sizeof(idt) - 1, (uint64_t)table};

	__asm__ volatile("lidt %0" : : "m"(idtr));
}

void idt_load(void)
{
	load(idt);
}

void idt_load_window(void)
{
	load(window_idt);
}

static uint64_t fixed_rflags;

bool idt_fix_up(struct trap_frame *frame)
{
	for (const struct fixup *f = fixup_start; f < fixup_end; f++) {
		if (f->at == frame->rip) {
			frame->rip = f->go_on;
			fixed_rflags = frame->rflags;
			return true;
		}
	}
	return false;
}

static void divide_by_zero(void)
{
	uint32_t low = 1, high = 0;

	__asm__ volatile("1: divl %2\n"
			 "2:\n\t" FIXUP_ENTRY("1b", "2b")
			 : "+a"(low), "+d"(high)
			 : "r"(0)
			 : "memory", "cc");
}

static void bad_opcode(void)
{
	__asm__ volatile("1: ud2\n"
			 "2:\n\t" FIXUP_ENTRY("1b", "2b")
			 :
			 :
			 : "memory");
}

/* With RBP as the base it is an access to the stack segment. */
static void bad_stack(uint64_t address)
{
	__asm__ volatile("push %%rbp\n\t"
			 "mov %0, %%rbp\n"
			 "1: mov (%%rbp), %%rbp\n"
			 "2: pop %%rbp\n\t" FIXUP_ENTRY("1b", "2b")
			 :
			 : "r"(address)
			 : "memory");
}

uint64_t fault_rflags(unsigned vector)
{
	uint64_t value;

	if (vector == VEC_DE)
		divide_by_zero();
	else if (vector == VEC_UD)
		bad_opcode();
	else if (vector == VEC_SS)
		bad_stack(NOT_CANONICAL);
	else
		load64_safe((const void *)(vector == VEC_PF ? NOT_MAPPED : NOT_CANONICAL), &value);
	return fixed_rflags;
}
