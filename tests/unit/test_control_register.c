// SPDX-License-Identifier: MIT
/* The values that MOV to CR0 and CR4 refuses, by mode: SDM vol. 2B, APM vol. 2 3.1. */
#include "hw/x86.h"
#include "unit.h"
#include "exit/control_register.h"

#define CR0       0x80010033ull
#define CR0_PLAIN 0x00000033ull /* protected mode without paging, WP clear */
#define CR4       0x668ull
#define LONG      (EFER_LME | EFER_LMA)

static const struct cr_state long_mode = {
	.cr0 = CR0, .cr3 = 0x1000, .cr4 = CR4, .efer = LONG, .long_code = true};
static const struct cr_state compatibility = {.cr0 = CR0, .cr3 = 0x1000, .cr4 = CR4, .efer = LONG};
static const struct cr_state with_pcid = {.cr0 = CR0, .cr3 = 0x1000, .cr4 = CR4 | CR4_PCIDE, .efer = LONG};
static const struct cr_state in_pcid = {
	.cr0 = CR0, .cr3 = 0x1001, .cr4 = CR4, .efer = LONG, .long_code = true};
static const struct cr_state with_cet = {.cr0 = CR0, .cr4 = CR4 | CR4_CET, .efer = LONG, .long_code = true};
static const struct cr_state no_wp = {.cr0 = CR0 & ~CR0_WP, .cr4 = CR4, .efer = LONG, .long_code = true};
static const struct cr_state before_long = {.cr0 = CR0_PLAIN, .cr4 = CR4, .efer = EFER_LME};
static const struct cr_state before_long_no_pae = {.cr0 = CR0_PLAIN, .efer = EFER_LME};
static const struct cr_state before_long_code = {
	.cr0 = CR0_PLAIN, .cr4 = CR4, .efer = EFER_LME, .long_code = true};
static const struct cr_state legacy = {.cr0 = CR0_PLAIN};

static void cr0(void **state)
{
	static const struct {
		const struct cr_state *state;
		uint64_t value;
		bool legal;
	} cases[] = {
		{&long_mode, CR0, true},
		{&long_mode, CR0 ^ CR0_WP, true},
		{&long_mode, CR0 | CR0_CD, true},
		{&long_mode, CR0 | CR0_CD | CR0_NW, true},
		{&long_mode, CR0 | CR0_NW, false},
		{&long_mode, CR0 & ~CR0_PE, false},
		{&long_mode, CR0 & ~CR0_PG, false},
		{&long_mode, CR0 | 1ull << 32, false},
		{&compatibility, CR0 & ~CR0_PG, true},
		{&with_pcid, CR0 & ~CR0_PG, false},
		{&with_cet, CR0 & ~CR0_WP, false},
		{&before_long, CR0, true},
		{&before_long_no_pae, CR0, false},
		{&before_long_code, CR0, false},
		{&legacy, CR0, true},
		{&legacy, CR0_PLAIN & ~CR0_PE, true},
		{&legacy, (CR0_PLAIN & ~CR0_PE) | CR0_PG, false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		if (cr0_is_legal(cases[i].state, cases[i].value) != cases[i].legal)
			fail_msg("case %u: 0x%lx", i, cases[i].value);
}

static void cr4(void **state)
{
	static const struct {
		const struct cr_state *state;
		uint64_t value;
		bool legal;
	} cases[] = {
		{&long_mode, CR4, true},
		{&long_mode, CR4 & ~CR4_PAE, false},
		{&long_mode, CR4 | CR4_LA57, false},
		{&long_mode, CR4 | CR4_PCIDE, true},
		{&long_mode, CR4 | CR4_CET, true},
		{&in_pcid, CR4 | CR4_PCIDE, false},
		{&with_pcid, CR4, true},
		{&no_wp, CR4 | CR4_CET, false},
		{&legacy, 0, true},
		{&legacy, CR4 | CR4_LA57, true},
		{&legacy, CR4_PCIDE, false},
		{&before_long, CR4 & ~CR4_PAE, true},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
		if (cr4_is_legal(cases[i].state, cases[i].value) != cases[i].legal)
			fail_msg("case %u: 0x%lx", i, cases[i].value);
}

static void cr3(void **state)
{
	assert_true(cr3_is_legal(&long_mode, 0x12345018, 40, false));
	assert_true(cr3_is_legal(&long_mode, 0xff00001000, 40, false));
	assert_false(cr3_is_legal(&long_mode, 0x10000001000, 40, false));
	assert_false(cr3_is_legal(&long_mode, 1ull << 63 | 0x1000, 40, false));
	assert_true(cr3_is_legal(&with_pcid, 1ull << 63 | 0x1000, 40, false));
	assert_true(cr3_is_legal(&legacy, 0xfffff000, 40, false));
	for (unsigned bit = 61; bit <= 62; bit++) {
		assert_false(cr3_is_legal(&long_mode, 1ull << bit | 0x1000, 40, false));
		assert_true(cr3_is_legal(&long_mode, 1ull << bit | 0x1000, 40, true));
	}
}

static void long_mode_is_active(void **state)
{
	assert_true(efer_with(EFER_LME, CR0_PG) == (EFER_LME | EFER_LMA));
	assert_true(efer_with(EFER_LME | EFER_LMA, 0) == EFER_LME);
	assert_true(efer_with(EFER_NXE, CR0_PG) == EFER_NXE);
}

/* SDM vol. 3A 4.4.1: which writes load the PDPTEs. */
static void pdptes(void **state)
{
	const struct cr_state off = {.cr0 = CR0_PE, .cr4 = CR4_PAE},
			      pae = {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE},
			      wp = {.cr0 = CR0_PE | CR0_PG | CR0_WP, .cr4 = CR4_PAE},
			      pge = {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE | CR4_PGE},
			      de = {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE | CR4_DE},
			      flat = {.cr0 = CR0_PE | CR0_PG, .cr4 = 0},
			      lme = {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .efer = EFER_LME},
			      elsewhere = {.cr0 = CR0_PE | CR0_PG, .cr4 = CR4_PAE, .cr3 = 0x1000};

	assert_true(cr_loads_pdptes(&off, &pae));
	assert_false(cr_loads_pdptes(&pae, &off));
	assert_false(cr_loads_pdptes(&pae, &wp));
	assert_true(cr_loads_pdptes(&pae, &pge));
	assert_false(cr_loads_pdptes(&pae, &de));
	assert_true(cr_loads_pdptes(&flat, &pae));
	assert_true(cr_loads_pdptes(&pae, &elsewhere));
	assert_false(cr_loads_pdptes(&off, &lme));
	assert_true(pdpte_is_legal(0, 40) && pdpte_is_legal(0x1001, 40) &&
		    pdpte_is_legal(0xfffffffffffffffe, 40));
	assert_false(pdpte_is_legal(0x1003, 40));
	assert_false(pdpte_is_legal(0x1101, 40));
	assert_false(pdpte_is_legal(1ull << 40 | 1, 40));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cr0),
		cmocka_unit_test(cr4),
		cmocka_unit_test(cr3),
		cmocka_unit_test(long_mode_is_active),
		cmocka_unit_test(pdptes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
