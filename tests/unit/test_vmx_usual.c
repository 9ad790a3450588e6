// SPDX-License-Identifier: MIT
/* VT-x: the usual exception (exit/usual.h) leaves the same behind as the long way of exit_exception(). */
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include "cpu/host_interrupt.h"
#include "exit/exception.h"
#include "exit/halt.h"
#include "exit/shutdown.h"
#include "exit/usual.h"
#include "hw/x86.h"
#include "vmx/vmx.h"

#define RIP   0x7f0012345010ull
#define SLOTS 4
#define VALID (1u << 31)

struct boot_info boot_info;
struct vmx_caps vmx_caps;
uint64_t fake_vmcs[FAKE_FIELDS], fake_dr6 = 0xffff4ff0;

static struct cpu cpu;
static struct vmx_cpu vmx;
static struct reserve reserve;
static struct trap_record records[SLOTS];
static _Alignas(2 * sizeof(struct exit_entry)) struct exit_entry exits[2];
static _Alignas(4096) uint8_t page[4096];
static uint64_t tables[CODE_PAGE_LEVELS];
static unsigned after, calls, long_exits, ends;

static const struct vendor vmx_fakes = {
	.state.get = vmx_get,
	.state.set = vmx_set,
	.state.capture = vmx_capture,
	.state.fetch = vmx_fetch,
	.events.inject = vmx_inject,
};
const struct vendor *vendor = &vmx_fakes;

void vmx_set_control_register(struct cpu *c, enum guest_register r, uint64_t value)
{
}

void vmx_end_shadow(struct cpu *c)
{
}

void vmx_end_instruction(struct cpu *c, uint64_t rflags)
{
}

void vmx_set_control(struct cpu *c, uint32_t control, bool on)
{
}

void vmx_exit_on_interrupts(struct cpu *c, bool on)
{
}

uint64_t vmx_stepped(struct cpu *c, uint64_t why)
{
	return why;
}

void host_interrupt_take(struct cpu *c)
{
}

void shutdown_guest(struct cpu *c)
{
}

void vmx_long_exception(struct cpu *c, struct vmx_cpu *v)
{
	long_exits++;
}

void vmx_end_exit(struct cpu *c)
{
	ends++;
}

void exit_vmcall(struct cpu *c)
{
	calls++;
	exit_skip(c);
}

void record_after(struct cpu *c, const struct trap_record *r)
{
	after++;
}

void record_find_site(struct cpu *c, struct trap_record *r)
{
	sites_find(&c->reserve->sites, r);
}

bool code_page_find(struct code_page *p, uint64_t cr3, uint64_t cr4, uint64_t linear)
{
	return false;
}

unsigned guest_fetch(const struct guest_paging *p, uint64_t linear, struct code_page *last, uint8_t *code)
{
	return 0;
}

/* Every byte of the guest's state is another one. */
static void fill(void *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((uint8_t *)to)[i] = (uint8_t)(i * 37 + i / 256 + 1);
}

static uint32_t word_of(unsigned vector)
{
	return VALID | (vectors_with_error >> vector & 1 ? EVENT_ERROR_CODE : 0) | TRAP_TYPE_EXCEPTION << 8 |
	       vector;
}

static void make_vmcs(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	fill(fake_vmcs, sizeof(fake_vmcs));
	vmwrite(VMCS_EXIT_EVENT, word_of(vector));
	vmwrite(VMCS_EXIT_ERROR_CODE, error);
	vmwrite(VMCS_EXIT_QUALIFICATION, address);
	vmwrite(VMCS_VECTORING_EVENT, 0);
	vmwrite(VMCS_GUEST_CS_RIGHTS, RIGHTS_LONG);
	vmwrite(VMCS_GUEST_CS_SELECTOR, 0x10 | cpl);
	vmwrite(VMCS_GUEST_EFER, EFER_LMA | EFER_LME);
	vmwrite(VMCS_GUEST_CR0, vmread(VMCS_GUEST_CR0) | CR0_PE);
	vmwrite(VMCS_GUEST_RIP, RIP);
	vmwrite(VMCS_GUEST_RFLAGS, vmread(VMCS_GUEST_RFLAGS) & ~(uint64_t)(RFLAGS_RF | RFLAGS_TF));
}

static void make_guest(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	memset(&cpu, 0, sizeof(cpu));
	memset(&vmx, 0, sizeof(vmx));
	memset(&reserve, 0, sizeof(reserve));
	memset(records, 0xee, sizeof(records));
	fill(cpu.gpr, sizeof(cpu.gpr));
	fill(page, sizeof(page));
	make_vmcs(vector, cpl, error, address);
	cpu.vendor = &vmx;
	cpu.vendor_asm[0] = 0x123456789a;
	vmx.rip = RIP;
	vmx.rflags = vmread(VMCS_GUEST_RFLAGS);
	vmx.cr0_shadow = CR0_NE;
	cpu.number = 3;
	cpu.reserve = &reserve;
	cpu.poll_mask = ~0u;
	history_init(&cpu.history, exits, 2);
	ring_init(&cpu.ring, records, SLOTS);
	cpu.writing = &cpu.ring;
	cpu.code_page = (struct code_page){.base = RIP & ~4095ull,
		.room = CODE_PAGE_ROOM,
		.cr3 = vmread(VMCS_GUEST_CR3),
		.cr4 = vmread(VMCS_GUEST_CR4),
		.offset = (uint64_t)page - (RIP & ~4095ull)};
	for (unsigned i = 0; i < CODE_PAGE_LEVELS; i++) {
		cpu.code_page.at[i] = &tables[i];
		cpu.code_page.entry[i] = tables[i] = 0x1000 * i + 7;
	}
	exit_begin(&cpu.exit);
	after = calls = long_exits = ends = 0;
}

static bool usual(unsigned vector)
{
	vmx_usual_exception(&cpu, &vmx, word_of(vector));
	return !long_exits;
}

static void long_way(void)
{
	vmx_decode_exception(&cpu);
	exit_exception(&cpu);
}

/* What an exception leaves behind, but for the time. */
struct left {
	struct trap_record record;
	uint64_t vmcs[FAKE_FIELDS], rflags, cr2;
	uint64_t counted[32][4], head, site_count;
	uint8_t vector, type;
	bool event_set;
	unsigned after;
};

static void look(struct left *l)
{
	const struct trap_record *r = &records[1];

	memset(l, 0, sizeof(*l));
	l->record = *r;
	l->record.tsc = 0;
	memcpy(l->vmcs, fake_vmcs, sizeof(l->vmcs));
	l->rflags = vmx.rflags;
	l->cr2 = cpu.vendor_asm[0];
	memcpy(l->counted, cpu.stats.vectors, sizeof(l->counted));
	l->head = cpu.ring.head;
	l->site_count = reserve.sites.site[site_hash(r->rip, site_key(r))].count;
	l->vector = cpu.recorded_vector;
	l->type = cpu.recorded_type;
	l->event_set = vmx.event_set;
	l->after = after;
}

static void compare(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	static struct left one, other;

	make_guest(vector, cpl, error, address);
	assert_true(usual(vector));
	look(&one);
	make_guest(vector, cpl, error, address);
	long_way();
	look(&other);
	assert_memory_equal(&one.record, &other.record, sizeof(one.record));
	assert_memory_equal(&one, &other, sizeof(one));
	assert_int_equal(one.record.seq, 1);
}

static void same_as_the_long_way(void **state)
{
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			if (!(USUAL_VECTORS >> vector & 1))
				continue;
			compare(vector, cpl, 0x1234, 0x7fff00001000);
			compare(vector, cpl, 0, 8);
			compare(vector, cpl, 6, 0xffff800000000000);
		}
}

/* Everything that the short way cannot do, with nothing changed. */
static void refuses(void **state)
{
	make_guest(VEC_UD, 0, 0, 0);
	vmwrite(VMCS_GUEST_CS_RIGHTS, 0);
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	vmwrite(VMCS_GUEST_EFER, 0);
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	vmwrite(VMCS_VECTORING_EVENT, word_of(VEC_PF)); /* it came in the delivery of another event */
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	vmx.rflags |= RFLAGS_TF;
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	tables[2] ^= 0x1000; /* the guest has changed its tables, and the code cannot be found again */
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	cpu.work = CPU_WORK_STEP;
	assert_false(usual(VEC_UD));
	assert_int_equal(cpu.ring.head, 0);
	assert_false(vmx.event_set);
	make_guest(VEC_UD, 0, 0, 0);
	cpu.work = CPU_WORK_CONSOLE;
	assert_true(usual(VEC_UD));
	assert_int_equal(ends, 1);
}

/* The other vendor's VMCALL is a call, and no exception. */
static void calls_are_served(void **state)
{
	static const uint8_t vmmcall[] = {0x0f, 0x01, 0xd9};

	make_guest(VEC_UD, 0, 0, 0);
	vmwrite(VMCS_GUEST_INTERRUPTIBILITY, 0);
	memcpy(page + (RIP & 4095), vmmcall, sizeof(vmmcall));
	assert_true(usual(VEC_UD));
	assert_int_equal(calls, 1);
	assert_int_equal(ends, 1);
	assert_int_equal(vmread(VMCS_GUEST_RIP), RIP + 3);
	assert_false(vmx.event_set);
	assert_int_equal(cpu.ring.head, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_the_long_way), cmocka_unit_test(refuses),
		cmocka_unit_test(calls_are_served)};

	return cmocka_run_group_tests_name("vmx_usual", tests, NULL, NULL);
}
