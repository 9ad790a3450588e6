// SPDX-License-Identifier: MIT
/* Instructions that are carried out for a watch of a control or debug register, and what they raise instead. */
#include "unit.h"
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include <string.h>
#include "exit/exception.h"
#include "exit/handlers.h"
#include "exit/watch_control.h"
#include "exit/watch_register.h"
#include "hw/features.h"
#include "mem/guest_ram.h"
#include "trace/vector.h"

#define NOTHING   (~0u)
#define DR7_GUEST 0x400ull
#define REGISTERS (GUEST_IDTR_LIMIT + 1)

struct fake_ram fake_ram;

static struct cpu cpu;
static uint64_t registers[REGISTERS];
static const char *code;
static unsigned raised, skipped, hits;
static uint64_t hit_old, hit_new, denied_new;
static bool wanted, denies;
static unsigned opened;

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return registers[r];
}

static void set(struct cpu *c, enum guest_register r, uint64_t value)
{
	registers[r] = value;
}

static void segment(const struct cpu *c, enum segment s, struct segment_state *out)
{
	*out = (struct segment_state){.long_mode = registers[GUEST_CODE_MODE] == 64};
}

static unsigned fetch(struct cpu *c, uint8_t *to)
{
	memcpy(to, code, strlen(code));
	return (unsigned)strlen(code);
}

static void skip(struct cpu *c, unsigned length, uint64_t met)
{
	skipped = length;
}

static const struct vendor_traits traits = {.cr4_bits = 0x1ff7ff};

FAKE_VENDOR(fake, .traits = &traits, .state.get = get, .state.set = set, .state.segment = segment,
	.state.fetch = fetch, .exits.skip = skip);
const struct vendor *vendor = &fake;

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	raised = vector;
}

bool watch_register_wants(enum watch_register reg, uint32_t msr, unsigned access)
{
	return wanted;
}

void watch_register_begin(
	struct cpu *c, struct watch_access_state *a, enum watch_register reg, uint32_t msr, unsigned access)
{
	a->reg = reg;
}

bool watch_register_denies(struct cpu *c, struct watch_access_state *a, uint64_t new)
{
	denied_new = new;
	return denies;
}

void watch_register_end(struct cpu *c, struct watch_access_state *a, uint64_t new)
{
	hits++;
	hit_old = a->old;
	hit_new = new;
}

void watch_open_begin(struct cpu *c, const struct watch_access_state *a, unsigned s)
{
	assert_int_equal(a->reg, WATCH_CR0);
	assert_int_equal(a->old, registers[GUEST_CR0]);
	opened++;
}

static int setup(void **state)
{
	memset(&cpu, 0, sizeof(cpu));
	memset(registers, 0, sizeof(registers));
	cpu.exit.code_len = EXIT_CODE_UNREAD;
	registers[GUEST_CODE_MODE] = registers[GUEST_CALLER] = 64;
	registers[GUEST_CR0] = CR0_PG | CR0_PE | CR0_WP | CR0_ET;
	registers[GUEST_CR4] = CR4_PAE;
	registers[GUEST_EFER] = EFER_LME | EFER_LMA;
	registers[GUEST_DR7] = DR7_GUEST;
	features.physical_bits = 40;
	raised = NOTHING;
	skipped = hits = opened = 0;
	wanted = true;
	denies = false;
	return 0;
}

#define MOV_DR7_RAX "\x0f\x23\xf8"
#define MOV_RAX_DR7 "\x0f\x21\xf8"
#define MOV_DR5_RAX "\x0f\x23\xe8"

/* SDM vol. 3C 26.1.3: on VT-x MOV DR exits before the CPL is tested. The order of vol. 2B: #UD for CR4.DE, #GP for the CPL, #DB for GD. */
static void debug_faults(void **state)
{
	static const struct {
		const char *code;
		uint64_t cr4, dr7;
		unsigned cpl, raises;
	} rows[] = {
		{MOV_DR7_RAX, 0, 0, 0, NOTHING},
		{MOV_RAX_DR7, 0, 0, 0, NOTHING},
		{MOV_DR7_RAX, 0, 0, 3, VEC_GP},
		{MOV_DR7_RAX, 0, 0, 1, VEC_GP},
		{MOV_RAX_DR7, 0, 0, 3, VEC_GP},
		{MOV_DR7_RAX, 0, DR7_GD, 3, VEC_GP},
		{MOV_DR7_RAX, 0, DR7_GD, 0, VEC_DB},
		{MOV_DR5_RAX, CR4_DE, DR7_GD, 3, VEC_UD},
		{MOV_DR5_RAX, 0, 0, 3, VEC_GP},
		{MOV_DR5_RAX, 0, 0, 0, NOTHING},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		code = rows[i].code;
		cpu.gpr[TRAP_RAX] = 0x10;
		registers[GUEST_CR4] |= rows[i].cr4;
		registers[GUEST_DR7] |= rows[i].dr7;
		registers[GUEST_CALLER] |= (uint64_t)rows[i].cpl << 8;
		exit_debug_register(&cpu);
		assert_int_equal(raised, rows[i].raises);
		assert_int_equal(skipped, raised == NOTHING ? 3 : 0);
		assert_int_equal(
			registers[GUEST_DR6] & DR6_BD, raised == VEC_DB ? DR6_BD : 0); /* the guest sees it */
		if (raised != NOTHING)
			assert_int_equal(cpu.gpr[TRAP_RAX], 0x10);
	}
}

static void debug_write(void **state)
{
	code = MOV_DR7_RAX;
	cpu.gpr[TRAP_RAX] = 0x701;
	exit_debug_register(&cpu);
	assert_int_equal(registers[GUEST_DR7], 0x701);
	assert_int_equal(hits, 1);
	assert_int_equal(hit_old, DR7_GUEST);
	assert_int_equal(hit_new, 0x701);
}

#define MOV_CR0_RAX "\x0f\x22\xc0"
#define MOV_CR3_RAX "\x0f\x22\xd8"
#define CLTS        "\x0f\x06"
#define LMSW_AX     "\x0f\x01\xf0"
#define LMSW_MEMORY "\x0f\x01\x30"
#define CR0_LONG    (CR0_PG | CR0_PE | CR0_WP | CR0_ET)
#define CR3_NEW     0x5000ull

static bool carried_out(const char *bytes, uint64_t rax, bool by_watch)
{
	setup(NULL);
	code = bytes;
	cpu.gpr[TRAP_RAX] = rax;
	registers[GUEST_CR0] |= CR0_TS;
	wanted = by_watch;
	return watch_control_insn(&cpu);
}

static void control(void **state)
{
	assert_true(carried_out(MOV_CR0_RAX, CR0_LONG | CR0_EM, true));
	assert_int_equal(registers[GUEST_CR0], CR0_LONG | CR0_EM);
	assert_int_equal(hits, 1);
	assert_true(carried_out(CLTS, 0, true));
	assert_int_equal(registers[GUEST_CR0], CR0_LONG);
	assert_int_equal(skipped, 2);
	assert_true(carried_out(LMSW_AX, 0xfff4, true));
	assert_int_equal(registers[GUEST_CR0], CR0_LONG | CR0_EM);
	assert_true(carried_out(MOV_CR3_RAX, CR3_NEW, true));
	assert_int_equal(registers[GUEST_CR3], CR3_NEW);
	assert_true(carried_out(MOV_CR3_RAX, 1ull << 61 | CR3_NEW, true));
	assert_int_equal(raised, VEC_GP);
	assert_int_equal(registers[GUEST_CR3], 0);
}

/* The watch is gone before the exits are: only MOV to CR3 has nobody else who would carry it out. */
static void unwatched(void **state)
{
	assert_false(carried_out(MOV_CR0_RAX, CR0_LONG, false));
	assert_false(carried_out(CLTS, 0, false));
	assert_false(carried_out(LMSW_MEMORY, 0, false));
	assert_int_equal(opened, 0);
	assert_true(carried_out(MOV_CR3_RAX, CR3_NEW, false));
	assert_int_equal(registers[GUEST_CR3], CR3_NEW);
	assert_int_equal(skipped, 3);
}

/* It runs by itself and is recorded afterwards; a watch that denies refuses any. */
static void lmsw_of_memory(void **state)
{
	assert_false(carried_out(LMSW_MEMORY, 0, true));
	assert_int_equal(opened, 1);
	assert_int_equal(skipped, 0);
	setup(state);
	denies = true;
	assert_true(watch_control_insn(&cpu));
	assert_int_equal(denied_new, CR0_LONG | CR0_MP | CR0_EM | CR0_TS); /* PE stays */
	assert_int_equal(raised, VEC_GP);
	assert_int_equal(opened, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(debug_faults, setup),
		cmocka_unit_test_setup(debug_write, setup),
		cmocka_unit_test(control),
		cmocka_unit_test(unwatched),
		cmocka_unit_test(lmsw_of_memory),
	};

	return cmocka_run_group_tests_name("watch_control", tests, NULL, NULL);
}
