// SPDX-License-Identifier: MIT
/* AMD-V: the usual exception (exit/usual.h) leaves the same behind as the long way of exit_exception(). */
#include "unit.h"
#include <stdlib.h>
#include <string.h>
#include "apic/apic.h"
#include "cpu/host_interrupt.h"
#include "cpu/idt.h"
#include "exit/exception.h"
#include "exit/shutdown.h"
#include "exit/usual.h"
#include "hw/x86.h"
#include "log/log.h"
#include "svm/svm.h"

#define RIP   0x7f0012345010ull
#define TSC   0x123456789abcull
#define SLOTS 4

struct boot_info boot_info;
struct svm_caps svm_caps;

static struct vmcb vmcb;
static struct cpu cpu;
static struct reserve reserve;
static struct trap_record records[SLOTS];
static struct svm_cpu svm;
static _Alignas(4096) uint8_t page[4096];
static uint64_t tables[CODE_PAGE_LEVELS];
static unsigned after, calls, long_exits, ends;

static const struct vendor svm_fakes = {
	.state.get = svm_get,
	.state.set = svm_set,
	.state.capture = svm_capture,
	.state.fetch = svm_fetch,
	.events.inject = svm_inject,
};
const struct vendor *vendor = &svm_fakes;

void svm_stage2_flush(struct cpu *c)
{
}

void svm_set_intercepts(struct cpu *c)
{
}

void svm_watch_interrupts(struct cpu *c, bool on)
{
}

void svm_end_instruction(struct cpu *c)
{
}

bool apic_sees_interrupts(void)
{
	return false;
}

void host_interrupt_take(struct cpu *c)
{
}

void shutdown_guest(struct cpu *c)
{
}

uint64_t fault_rflags(unsigned vector)
{
	return 0;
}

void log_line(const char *fmt, ...)
{
}

void svm_long_exit(struct cpu *c, struct vmcb *v, uint64_t code, uint64_t tsc)
{
	long_exits++;
}

void svm_end_exit(struct cpu *c)
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

static void make_guest(unsigned vector, unsigned cpl, uint64_t error, uint64_t address)
{
	memset(&cpu, 0, sizeof(cpu));
	memset(&reserve, 0, sizeof(reserve));
	memset(records, 0xee, sizeof(records));
	fill(&vmcb, sizeof(vmcb));
	fill(cpu.gpr, sizeof(cpu.gpr));
	fill(page, sizeof(page));
	vmcb.control.exitcode = SVM_EXIT_EXCEPTION + vector;
	vmcb.control.exitinfo1 = error;
	vmcb.control.exitinfo2 = address;
	vmcb.control.eventinj = 0;
	vmcb.save.cs.attrib = ATTRIB_LONG;
	vmcb.save.ss.attrib = 0;
	vmcb.save.cs.base = vmcb.save.ss.base = vmcb.save.ds.base = vmcb.save.es.base = 0;
	vmcb.save.efer |= EFER_LMA;
	vmcb.save.cr0 |= CR0_PE;
	vmcb.save.rflags &= ~RFLAGS_RF;
	vmcb.save.rip = RIP;
	vmcb.save.cpl = (uint8_t)cpl;
	cpu.vendor = &svm;
	cpu.vendor_asm[2] = (uint64_t)&vmcb;
	cpu.number = 3;
	cpu.reserve = &reserve;
	cpu.poll_mask = ~0u;
	ring_init(&cpu.ring, records, SLOTS);
	cpu.writing = &cpu.ring;
	cpu.code_page = (struct code_page){.base = RIP & ~4095ull,
		.room = CODE_PAGE_ROOM,
		.cr3 = vmcb.save.cr3,
		.cr4 = vmcb.save.cr4,
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
	svm_usual_exception(&cpu, &vmcb, SVM_EXIT_EXCEPTION + vector, TSC);
	return !long_exits;
}

static void long_way(void)
{
	svm_decode_exception(&cpu, &vmcb);
	cpu.exit.kind = EXIT_EXCEPTION;
	exit_exception(&cpu);
	records[1].tsc = TSC;
	reserve.sites.site[site_hash(RIP, site_key(&records[1]))].first_tsc = TSC;
	reserve.sites.site[site_hash(RIP, site_key(&records[1]))].last_tsc = TSC;
}

/* What an exception leaves behind. The times differ: the one is the exit's, the other the record's. */
struct left {
	struct trap_record record;
	struct vmcb vmcb;
	uint64_t counted[32][4], head, site_count;
	uint8_t vector, type;
	unsigned after;
};

static void look(struct left *l)
{
	const struct trap_record *r = &records[1];

	memset(l, 0, sizeof(*l));
	l->record = *r;
	l->vmcb = vmcb;
	memcpy(l->counted, cpu.stats.vectors, sizeof(l->counted));
	l->head = cpu.ring.head;
	l->site_count = reserve.sites.site[site_hash(r->rip, site_key(r))].count;
	l->vector = cpu.recorded_vector;
	l->type = cpu.recorded_type;
	l->after = after;
}

static void compare(unsigned vector, unsigned cpl, uint64_t error, uint64_t address, bool rf)
{
	static struct left one, other;

	svm_caps = (struct svm_caps){.pushes_rf = rf ? ~0u : 0};
	make_guest(vector, cpl, error, address);
	assert_true(usual(vector));
	look(&one);
	make_guest(vector, cpl, error, address);
	long_way();
	look(&other);
	/* EVENTINJ has an error code only with its bit; the other half does not count without. */
	if (!(other.vmcb.control.eventinj & SVM_EVENT_EV))
		one.vmcb.control.eventinj &= UINT32_MAX;
	assert_memory_equal(&one.record, &other.record, sizeof(one.record));
	assert_memory_equal(&one, &other, sizeof(one));
	assert_int_equal(one.record.seq, 1);
}

static void same_as_the_long_way(void **state)
{
	for (unsigned vector = 0; vector < VECTOR_COUNT; vector++)
		for (unsigned cpl = 0; cpl < 4; cpl += 3) {
			if (!((USUAL_VECTORS | 1u << VEC_MF) >> vector & 1))
				continue;
			compare(vector, cpl, 0x1234, 0x7fff00001000, true);
			compare(vector, cpl, 0, 8, false);
			compare(vector, cpl, 6, 0xffff800000000000, true);
		}
}

/* Everything that the short way cannot do, with nothing changed. */
static void refuses(void **state)
{
	static const struct vmcb none;

	make_guest(VEC_UD, 0, 0, 0);
	vmcb.save.cs.attrib = 0;
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	vmcb.save.efer &= ~EFER_LMA;
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	tables[2] ^= 0x1000; /* the guest has changed its tables, and the code cannot be found again */
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	vmcb.save.rip = (RIP & ~4095ull) + CODE_PAGE_ROOM; /* it may reach into the next page */
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	vmcb.save.cr3 ^= 0x1000;
	assert_false(usual(VEC_UD));
	make_guest(VEC_UD, 0, 0, 0);
	cpu.work = CPU_WORK_EVENT; /* it came in the delivery of another event */
	assert_false(usual(VEC_UD));
	assert_int_equal(cpu.ring.head, 0);
	assert_int_equal(vmcb.control.eventinj, none.control.eventinj);
	make_guest(VEC_UD, 0, 0, 0);
	cpu.work = CPU_WORK_CONSOLE;
	assert_true(usual(VEC_UD));
	assert_int_equal(ends, 1);
}

/* The other vendor's VMCALL is a call, and no exception. */
static void calls_are_served(void **state)
{
	static const uint8_t vmcall[] = {0x0f, 0x01, 0xc1}, prefixed[] = {0x66, 0x0f, 0x01, 0xc1};

	make_guest(VEC_UD, 0, 0, 0);
	memcpy(page + (RIP & 4095), vmcall, sizeof(vmcall));
	assert_true(usual(VEC_UD));
	assert_int_equal(calls, 1);
	assert_int_equal(ends, 1);
	assert_int_equal(vmcb.save.rip, RIP + 3);
	assert_int_equal(vmcb.control.eventinj, 0);
	assert_int_equal(cpu.ring.head, 0);
	make_guest(VEC_UD, 0, 0, 0);
	memcpy(page + (RIP & 4095), prefixed, sizeof(prefixed));
	assert_true(usual(VEC_UD));
	assert_int_equal(calls, 0);
	assert_int_equal(cpu.ring.head, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_as_the_long_way), cmocka_unit_test(refuses),
		cmocka_unit_test(calls_are_served)};

	return cmocka_run_group_tests_name("svm_usual", tests, NULL, NULL);
}
