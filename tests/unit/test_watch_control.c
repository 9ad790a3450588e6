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
static uint64_t hit_old, hit_new;

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
	return true;
}

void watch_register_begin(
	struct cpu *c, struct watch_access_state *a, enum watch_register reg, uint32_t msr, unsigned access)
{
	a->reg = reg;
}

bool watch_register_denies(struct cpu *c, struct watch_access_state *a, uint64_t new)
{
	return false;
}

void watch_register_end(struct cpu *c, struct watch_access_state *a, uint64_t new)
{
	hits++;
	hit_old = a->old;
	hit_new = new;
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
	skipped = hits = 0;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(debug_faults, setup),
		cmocka_unit_test_setup(debug_write, setup),
	};

	return cmocka_run_group_tests_name("watch_control", tests, NULL, NULL);
}
