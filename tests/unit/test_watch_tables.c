// SPDX-License-Identifier: MIT
/* LGDT and LIDT that are carried out for a watch: where the operand lies. The guest's memory is an array, without paging. */
#include "unit.h"
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include <string.h>
#include "apic/pause.h"
#include "exit/run_stop.h"
#include "exit/exception.h"
#include "exit/handlers.h"
#include "exit/intercept.h"
#include "exit/record.h"
#include "exit/watch_control.h"
#include "exit/watch_hit.h"
#include "hw/features.h"
#include "log/log.h"
#include "mem/guest_ram.h"
#include "trace/decode.h"

#define FS_BASE 0x3000ull
#define GS_BASE 0x5000ull
#define OFFSET  0x128ull
#define BASE(n) (0x7000ull + (n))

struct fake_ram fake_ram;
struct boot_info boot_info;
_Atomic uint32_t pause_asked;
struct cpu *cpus[BOOT_MAX_CPUS];

static struct cpu cpu;
static struct trap_record slots[4];
static struct trace_ring ring;
static const char *code;
static uint64_t base, limit, cr0, rip;
static unsigned raised, skipped;

static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CR0 ? cr0 : r == GUEST_RIP ? rip : fake_get(c, r);
}

static void set(struct cpu *c, enum guest_register r, uint64_t value)
{
	if (r == GUEST_GDTR_BASE || r == GUEST_IDTR_BASE)
		base = value;
	else if (r == GUEST_GDTR_LIMIT || r == GUEST_IDTR_LIMIT)
		limit = value;
}

static void capture(struct cpu *c, struct trap_record *r)
{
	r->mode = 64;
	r->rip = rip;
	r->fs_base = FS_BASE;
	r->gs_base = GS_BASE;
	r->gpr[TRAP_RAX] = OFFSET;
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

FAKE_VENDOR(fake, .state.get = get, .state.set = set, .state.capture = capture, .state.fetch = fetch,
	.exits.skip = skip);
const struct vendor *vendor = &fake;

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	raised++;
}

bool guest_is_canonical(const struct guest_paging *p, uint64_t linear)
{
	return true;
}

void intercept_again(struct cpu *c)
{
}

void run_stop(struct cpu *c, enum run_stop why)
{
}

void log_line(const char *format, ...)
{
}

void record_after(struct cpu *c, const struct trap_record *r)
{
}

/* A limit of n, and a base that names n. */
static void put_table(uint64_t at, uint16_t n)
{
	uint64_t value = BASE(n);

	memcpy(fake_ram.bytes + at, &n, sizeof(n));
	memcpy(fake_ram.bytes + at + sizeof(n), &value, sizeof(value));
}

static void operands(void **state)
{
	static const struct {
		const char *code;
		uint16_t table;
	} rows[] = {
		{"\x0f\x01\x10", 1},     /* lgdt [rax] */
		{"\x64\x0f\x01\x10", 2}, /* lgdt fs:[rax] */
		{"\x65\x0f\x01\x10", 3}, /* lgdt gs:[rax] */
		{"\x65\x0f\x01\x18", 3}, /* lidt gs:[rax] */
		{"\x2e\x0f\x01\x18", 1}, /* lidt cs:[rax]: no base in 64-bit mode */
	};

	put_table(OFFSET, 1);
	put_table(FS_BASE + OFFSET, 2);
	put_table(GS_BASE + OFFSET, 3);
	features.physical_bits = 40;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&cpu, 0, sizeof(cpu));
		cpu.exit.code_len = EXIT_CODE_UNREAD;
		code = rows[i].code;
		base = limit = skipped = raised = 0;
		exit_table_register(&cpu);
		assert_int_equal(base, BASE(rows[i].table));
		assert_int_equal(limit, rows[i].table);
		assert_int_equal(skipped, strlen(code));
		assert_int_equal(raised, 0);
	}
}

/* The record of a hit: its instruction's operand is known until the values take the place of the bases. */
static void record(void **state)
{
	struct trap_record r;
	struct decoded d;

	memset(&cpu, 0, sizeof(cpu));
	memset(&r, 0xff, sizeof(r)); /* what is there goes */
	exit_begin(&cpu.exit);
	code = "\x65\x0f\x01\x10";
	watch_hit_begin(&cpu, &r);
	assert_int_equal(decode(&r, &d), DECODE_OK);
	assert_int_equal(d.mems, 1);
	assert_int_equal(d.mem[0], GS_BASE + OFFSET);
	assert_int_equal(r.flags | r.link | r.error_code | r.watch_flags | r.watch_register, 0);
	watch_hit_values(&r, 7, 8);
	assert_int_equal(r.type, TRAP_TYPE_WATCH);
	assert_int_equal(r.watch_old, 7);
	assert_int_equal(r.watch_new, 8);
	assert_int_equal(decode(&r, &d), DECODE_OK);
	assert_int_equal(d.mems, 0);
}

static uint64_t hits(const struct watch *w)
{
	return atomic_load(&w->hits);
}

/* LMSW of memory, which the CPU carries out: what CR0 is at the next exit tells. If it has faulted, RIP has not moved. */
static void lmsw(void **state)
{
	static const struct watch_spec cr0_ts = {
		.space = WATCH_REGISTER, .access = WATCH_WRITE, .reg = WATCH_CR0, .mask = CR0_TS};
	static const struct {
		uint64_t cr0, rip, hits;
	} rows[] = {{CR0_PE | CR0_TS, 3, 1}, {CR0_PE | CR0_EM, 3, 1}, {CR0_PE | CR0_TS, 0, 1},
		{CR0_PE | CR0_TS | CR0_EM, 3, 2}};
	struct watch *w = watch_add(&cr0_ts);

	ring_init(&ring, slots, ARRAY_SIZE(slots));
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct watch_access_state a;

		memset(&cpu, 0, sizeof(cpu));
		cpu.writing = &ring;
		cr0 = CR0_PE;
		rip = 0;
		watch_register_begin(&cpu, &a, WATCH_CR0, 0, WATCH_WRITE);
		a.has_old = true;
		a.old = cr0;
		watch_open_begin(&cpu, &a, 0);
		watch_open_close(&cpu); /* the work of its own exit */
		assert_true(cpu.work & CPU_WORK_OPEN);
		cr0 = rows[i].cr0;
		rip = rows[i].rip;
		watch_open_close(&cpu);
		assert_false(cpu.work & CPU_WORK_OPEN);
		assert_int_equal(hits(w), rows[i].hits);
	}
	assert_int_equal(slots[2].type, TRAP_TYPE_WATCH);
	assert_int_equal(slots[2].watch_old, CR0_PE);
	assert_int_equal(slots[2].watch_new, CR0_PE | CR0_TS | CR0_EM);
	assert_int_equal(watch_delete_all(), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operands), cmocka_unit_test(record), cmocka_unit_test(lmsw)};

	return cmocka_run_group_tests_name("watch_tables", tests, NULL, NULL);
}
