// SPDX-License-Identifier: MIT
/*
 * Instructions that a hypervisor carries out: it has to find the instruction's bytes and its end itself.
 *
 *  - The code's page changes at the same linear address under the same CR3: the instruction there is
 *    longer, or another one.
 *  - 16-bit code above 64 KiB: EIP has 32 bits there, only branches cut it (SDM vol. 2A, JMP).
 *  - Code in ROM, which is not memory in the firmware's map. The bytes are searched in the firmware's own flash.
 *  - Code in memory that came later: load option hot=ADDRESS, of memory that the firmware's map does not have.
 *
 * A line `case` lists the events, as vector@offset from the code's beginning, and has to be the same bare and
 * under Trapline.
 */
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "code";

#define ROM      0xffc00000ull
#define ROM_SIZE 0x400000ull
#define CODE_MAX 16
#define APIC_EOI 0xfee000b0
#define RESUMED  (1ull << VECTOR_DB) /* single steps continue */
#define STUB(...)                                                                                            \
	{                                                                                                    \
		sizeof((const uint8_t[]){__VA_ARGS__}),                                                      \
		{                                                                                            \
			__VA_ARGS__                                                                          \
		}                                                                                            \
	}

struct code {
	unsigned size;
	uint8_t bytes[CODE_MAX];
};

static const struct sample {
	const char *name;
	struct code code, other; /* other: the later contents of the same address */
	uint64_t flags;
	bool in_rom; /* it is found in ROM, and ends at once */
} samples[] = {
	{"cpuid", STUB(0x0f, 0xa2), STUB(0x66, 0x0f, 0xa2), 0, false},
	{"cpuid_step", STUB(0x0f, 0xa2), STUB(0x66, 0x0f, 0xa2), RFLAGS_TF, true},
	{"cpuid_prefixed", STUB(0x66, 0x0f, 0xa2), STUB(0x0f, 0xa2), RFLAGS_TF, false},
	{"rdmsr", STUB(0x0f, 0x32), STUB(0x48, 0x0f, 0x32), 0, false},
	{"int3", STUB(0xcc), STUB(0x66, 0xcc), 0, true},
	{"int_40", STUB(0xcd, 0x40), STUB(0xcd, 0x41), 0, true},
	{"int_80", STUB(0xcd, 0x80), STUB(0xcc), 0, true},
	{"in", STUB(0xe4, 0x21), STUB(0x66, 0xe4, 0x21), RFLAGS_TF, false},
	{"out", STUB(0xe6, 0x80), STUB(0x67, 0xe6, 0x80), RFLAGS_TF, false},
	{"wbinvd", STUB(0x0f, 0x09), STUB(0x67, 0x0f, 0x09), RFLAGS_TF, false},
	{"ud2", STUB(0x0f, 0x0b), STUB(0x90, 0x0f, 0x0b), 0, false},
};

static uint8_t frames[2][PAGE_SIZE] __attribute__((aligned(4096)));

static void print_log(const char *what, const char *name, const struct trap_log *log, uint64_t begin)
{
	print("case name=%s_%s", what, name);
	for (unsigned i = 0; i < log->count; i++) {
		const struct trap_event *e = &log->event[i];

		print(" %u@%ld", e->vector, (int64_t)(e->state.rip - begin));
		if (e->has_error)
			print(":%x", e->error);
	}
	print("\n");
}

static void run(const char *what, const struct sample *s, uint64_t at, uint64_t selector)
{
	struct trap_state start = {
		.rip = at, .cs = selector, .ss = SEG_DATA, .rflags = RFLAGS_FIXED | s->flags};

	start.rsp = machine_stub_stack();
	start.gpr[REG_RSI] = APIC_EOI;
	start.gpr[REG_RCX] = MSR_EFER;
	print_log(what, s->name, trap_run(&start, RESUMED), at);
}

static void put(uint8_t *at, const struct code *code)
{
	memset(at, 0x90, 64);
	memcpy(at, code->bytes, code->size);
	memcpy(at + code->size, (const uint8_t[]){0x90, 0xcd, VECTOR_END},
		3); /* two steps, to see where they end */
}

/* Exchanges the page at an address for another, and back. */
static void run_remapped(const struct sample *s)
{
	static const char *const what[] = {"first", "first_again", "remapped", "back"};
	static const unsigned frame[] = {0, 0, 1, 0};

	machine_reset();
	put(frames[0], &s->code);
	put(frames[1], &s->other);
	for (unsigned i = 0; i < ARRAY_SIZE(what); i++) {
		paging_map(PAGE_CODE, frames[frame[i]], PTE_PRESENT | PTE_USER);
		run(what[i], s, PAGE_CODE, SEG_CODE);
	}
}

/* In the program itself, which the firmware has loaded between 64 KiB and 4 GiB. */
static void run_16bit(const struct sample *s)
{
	machine_reset();
	put(frames[0], &s->code);
	run("16bit", s, (uint64_t)frames[0], SEG_CODE16_BIG);
}

static void run_16bit_store(void)
{
	static const struct sample store = {
		"store", STUB(0x67, 0x66, 0x89, 0x06), STUB(0x90), RFLAGS_TF, false};

	run_16bit(&store); /* MOV [ESI], EAX: to the APIC */
}

/* The address of these bytes in the firmware's flash, not at the end of a page; 0: not found. */
static uint64_t find_in_rom(const struct code *code)
{
	const uint8_t *rom = (const uint8_t *)ROM;

	for (uint64_t i = 0; i + PAGE_SIZE <= ROM_SIZE; i++)
		if (!memcmp(rom + i, code->bytes, code->size) && i % PAGE_SIZE < PAGE_SIZE - CODE_MAX)
			return ROM + i;
	return 0;
}

/* The code after the instruction is unknown, so only the first event counts. */
static void run_in_rom(const struct sample *s)
{
	uint64_t at = find_in_rom(&s->code), page = at & ~(PAGE_SIZE - 1);
	struct trap_state start = {.cs = SEG_CODE, .ss = SEG_DATA, .rflags = RFLAGS_FIXED | s->flags};

	if (!at) {
		print("case name=rom_%s nowhere\n", s->name);
		return;
	}
	machine_reset();
	paging_map(PAGE_CODE, (const void *)page, PTE_PRESENT | PTE_USER);
	start.rip = PAGE_CODE + at - page;
	start.rsp = machine_stub_stack();
	print_log("rom", s->name, trap_run(&start, 0), start.rip);
}

static uint64_t parse_hex(const char *text)
{
	uint64_t value = 0;

	for (; *text; text++)
		value = value << 4 | (unsigned)(*text <= '9' ? *text - '0' : (*text | 0x20) - 'a' + 10);
	return value;
}

/* The firmware need not map it; the window does. */
static void run_in_hot(const struct sample *s, uint64_t hot)
{
	machine_reset();
	paging_map(PAGE_CODE, (const void *)hot, PTE_PRESENT | PTE_WRITE);
	put((uint8_t *)PAGE_CODE, &s->code);
	run("hot", s, PAGE_CODE, SEG_CODE);
}

EFI_STATUS guest_main(void)
{
	const char *hot = guest_value("hot");

	machine_take();
	for (unsigned i = 0; i < ARRAY_SIZE(samples); i++) {
		run_remapped(&samples[i]);
		run_16bit(&samples[i]);
		if (samples[i].in_rom)
			run_in_rom(&samples[i]);
		if (hot)
			run_in_hot(&samples[i], parse_hex(hot));
	}
	run_16bit_store();
	machine_give_back();
	return EFI_SUCCESS;
}
