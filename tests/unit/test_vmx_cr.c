// SPDX-License-Identifier: MIT
/* VT-x: writes of control registers that exit, as the exit qualification describes them: SDM vol. 3C table 28-3. The VMCS is an array. */
#include "unit.h"
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include <string.h>
#include "apic/apic.h"
#include "exit/exception.h"
#include "exit/io.h"
#include "exit/pic.h"
#include "exit/watch_control.h"
#include "log/turn.h"
#include "trace/vector.h"
#include "vmx/vmx.h"

#define NOTHING   (~0u)
#define MOV(r, g) ((uint64_t)(r) | (uint64_t)(g) << 8)
#define CLTS      0x20ull
#define LMSW(s)   (0x30ull | (uint64_t)(s) << 16)
#define MEMORY    0x40ull
#define CR0_NOW   (CR0_PG | CR0_PE | CR0_TS | CR0_ET)

uint64_t fake_vmcs[FAKE_FIELDS], turn_polled;

static struct vmx_cpu vmx;
static struct cpu cpu;
static struct control_write seen;
static bool takes;
static unsigned raised, set_again;
static uint64_t owned; /* bits of RSP */

bool watch_control(struct cpu *c, const struct control_write *w)
{
	seen = *w;
	return takes;
}

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	raised = vector;
}

void vmx_set_intercepts(struct cpu *c)
{
	set_again++;
}

uint64_t vmx_get(const struct cpu *c, enum guest_register r)
{
	assert_int_equal(r, GUEST_CR0);
	return CR0_NOW;
}

unsigned vmx_code_mode(const struct cpu *c)
{
	return vmread(VMCS_GUEST_CS_RIGHTS) & RIGHTS_LONG ? 64 : 32;
}

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_RSP ? vmread(VMCS_GUEST_RSP) : vmx_code_mode(c);
}

FAKE_VENDOR(fake, .state.get = get);
const struct vendor *vendor = &fake;

/* Of x87 errors, which are not looked at here. */

void vmx_end_shadow(struct cpu *c)
{
}

int pic_vector(void)
{
	return PIC_NOT_KNOWN;
}

bool pic_ignores_error(void)
{
	return false;
}

bool pic_is_open(void)
{
	return false;
}

void pic_taken(void)
{
}

bool apic_takes_pic(void)
{
	return false;
}

void io_update_pic(void)
{
}

void turn_poll_now(struct cpu *c)
{
}

void vmx_inject(struct cpu *c, const struct event *e, uint64_t cr2)
{
}

static void write_with(uint64_t qualification)
{
	memset(&vmx, 0, sizeof(vmx));
	memset(&seen, 0, sizeof(seen));
	cpu.vendor = &vmx;
	for (unsigned i = 0; i < TRAP_GPRS; i++)
		cpu.gpr[i] = 0x1122334455660000 + i;
	vmwrite(VMCS_GUEST_RSP, 0x5000 | owned);
	vmwrite(VMCS_GUEST_CR0, CR0_NOW | CR0_NE);
	vmwrite(VMCS_EXIT_QUALIFICATION, qualification);
	vmwrite(VMCS_EXIT_LENGTH, 5);
	raised = NOTHING;
	set_again = 0;
	vmx_control_register(&cpu);
}

static void described(void **state)
{
	static const struct {
		uint64_t qualification, rights, value;
		unsigned number;
	} rows[] = {
		{MOV(0, TRAP_RCX), RIGHTS_LONG, 0x1122334455660001, 0},
		{MOV(3, 15), RIGHTS_LONG, 0x112233445566000f, 3},
		{MOV(4, TRAP_RSP), RIGHTS_LONG, 0x5000, 4},
		{MOV(3, TRAP_RCX), 0, 0x55660001, 3},
		{CLTS, 0, CR0_NOW & ~CR0_TS, 0},
		{LMSW(0xfff0), 0, CR0_NOW & ~CR0_TS, 0}, /* PE stays, and the higher bits */
		{LMSW(0x000e), 0, CR0_NOW | CR0_MP | CR0_EM, 0},
		{LMSW(0x0004) | MEMORY, 0, (CR0_NOW & ~CR0_TS) | CR0_EM, 0},
	};

	takes = true;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		vmwrite(VMCS_GUEST_CS_RIGHTS, rows[i].rights);
		write_with(rows[i].qualification);
		assert_int_equal(seen.number, rows[i].number);
		assert_int_equal(seen.value, rows[i].value);
		assert_int_equal(seen.length, 5);
		assert_int_equal(raised, NOTHING);
	}
}

/* Only VMXE and SMXE, which the guest's CPU does not have, are #GP. What exits for a watch that is gone runs again without the masks. */
static void unwatched(void **state)
{
	static const uint64_t again[] = {CLTS, LMSW(4), LMSW(4) | MEMORY, MOV(4, TRAP_RAX)};

	takes = false;
	vmwrite(VMCS_GUEST_CS_RIGHTS, RIGHTS_LONG);
	for (unsigned i = 0; i < ARRAY_SIZE(again); i++) {
		write_with(again[i]);
		assert_int_equal(raised, NOTHING);
		assert_int_equal(set_again, 1);
	}
	owned = CR4_VMXE;
	write_with(MOV(4, TRAP_RSP));
	assert_int_equal(raised, VEC_GP);
	owned = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(described), cmocka_unit_test(unwatched)};

	return cmocka_run_group_tests_name("vmx_cr", tests, NULL, NULL);
}
