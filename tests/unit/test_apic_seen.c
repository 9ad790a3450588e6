// SPDX-License-Identifier: MIT
/*
 * Stores to the local APIC: an instruction that is still the same is not decoded again, and any change of it is seen. Each case runs
 * on both vendors, with a VMCB and a VMCS of the test's own, and the guest's RAM in an array.
 */
#include "unit.h"
#include "hw/asm.h" /* before those that find the real one */
#include <stdlib.h>
#include <string.h>
#include "fake_vendor.h"
#undef skip /* cmocka's */
#include "mem/guest_ram.h"
#include "mem/layout.h"

static _Alignas(4096) uint8_t windows[2 * BOOT_MAX_CPUS][PAGE_SIZE];
#undef WINDOW_BASE
#define WINDOW_BASE ((uint64_t)windows)

/* The sources under test; calls of the decoder are counted. */
#define store_decode decode_any_store
#include "guest/store.c"
#undef store_decode
bool store_decode(const uint8_t *code, unsigned length, unsigned mode, struct store *out);
#include "mem/guest_walk.c"
#include "guest/store_run.c"
#include "exit/apic_seen.c"
#include "exit/apic_page.c"
#include "report/fault.h"
#include "svm/svm.h"
#include "vmx/vmx.h"

#define APIC  0xfee00000ull
#define CODE  0x5000ull  /* the linear page of the code */
#define FIRST 0x20000ull /* the physical pages to which the tables lead */
#define OTHER 0x21000ull
#define AFTER 0x22000ull
#define ROOT  0x1000ull /* and three tables after it */
#define ROOT2 0x8000ull
#define EFER  (EFER_LME | EFER_LMA)
#define P     1ull

struct fake_ram fake_ram;
struct boot_info boot_info;
struct svm_caps svm_caps;
struct vmx_caps vmx_caps;
uint64_t fake_vmcs[FAKE_FIELDS], fake_dr6, fake_cr0, fake_cr4, turn_polled,
	apic_pages[BOOT_MAX_CPUS] = {APIC};
bool apic_hardware;
static struct vmcb vmcb;
static struct svm_cpu svm;
static struct vmx_cpu vmx;
static struct cpu cpu;
struct cpu *cpus[BOOT_MAX_CPUS];
static _Alignas(4096) uint8_t table[PAGE_SIZE];
static unsigned decoded, polls, commands, refused;
static uint64_t rip_at_command;
static bool on_vmx;
static enum apic_mode apic_is_in = APIC_XAPIC;

/* What the sources call. */

bool store_decode(const uint8_t *code, unsigned length, unsigned mode, struct store *out)
{
	decoded++;
	return decode_any_store(code, length, mode, out);
}

uint64_t pool_alloc(uint64_t pages)
{
	assert_int_equal(pages, 1);
	return pool_phys(table);
}

void turn_poll_now(struct cpu *c)
{
	polls++;
}

void init_sipi_send(struct cpu *c, const struct cpu_set *targets, uint32_t low)
{
	commands++;
	rip_at_command = vendor->state.get(c, GUEST_RIP);
}

void exit_exception(struct cpu *c)
{
	refused++;
}

void exception_single_step(struct cpu *c)
{
	abort();
}

struct cpu_set apic_targets(const struct cpu *c, const struct icr *icr)
{
	return (struct cpu_set){{1}};
}

enum apic_mode apic_mode(void)
{
	return apic_is_in;
}

uint32_t apic_read(enum apic_mode mode, unsigned offset)
{
	return apic_registers(&cpu)[offset / 4];
}

bool apic_is_on(void)
{
	return true;
}

void apic_note_names(const struct cpu *c)
{
}

void halt_apic_off(struct cpu *c, const char *how)
{
}

void halt_apic_on(struct cpu *c)
{
}

bool stage2_is_watched(uint64_t gpa)
{
	return false;
}

void host_window_map(unsigned window, uint64_t phys)
{
}

void log_line(const char *format, ...)
{
}

uint64_t fake_rdmsr(uint32_t msr)
{
	return 0;
}

bool fake_wrmsr(uint32_t msr, uint64_t value)
{
	return true;
}

void svm_stage2_flush(struct cpu *c)
{
}

enum opcode svm_exited_opcode(uint64_t code)
{
	abort();
}

const char *svm_exit_name(uint64_t reason)
{
	abort();
}

void exception_raise(struct cpu *c, uint8_t vector, uint32_t error)
{
	abort();
}

void fault_fatal(struct cpu *c, const char *format, ...)
{
	abort();
}

void vmx_set_control_register(struct cpu *c, enum guest_register r, uint64_t value)
{
}

FAKE_VENDOR(on_svm_vendor, .state.get = svm_get, .state.set = svm_set, .state.segment = svm_segment,
	.state.paging = svm_paging, .state.fetch = svm_fetch, .exits.skip = svm_skip_on,
	.exits.skip_seen = svm_skip_seen);
FAKE_VENDOR(on_vmx_vendor, .state.get = vmx_get, .state.set = vmx_set, .state.segment = vmx_segment,
	.state.paging = vmx_paging, .state.fetch = vmx_fetch, .exits.skip = vmx_skip_on,
	.exits.skip_seen = vmx_skip_seen);
const struct vendor *vendor;

/* The guest's state, in the VMCB or in the VMCS. */

static void set_rip(uint64_t rip)
{
	vmcb.save.rip = rip;
	vmwrite(VMCS_GUEST_RIP, rip);
}

static void set_cr3(uint64_t cr3)
{
	vmcb.save.cr3 = cr3;
	vmwrite(VMCS_GUEST_CR3, cr3);
}

static void set_cr4(uint64_t cr4)
{
	vmcb.save.cr4 = cr4;
	vmwrite(VMCS_GUEST_CR4, cr4);
}

static void set_rflags(uint64_t rflags)
{
	vmcb.save.rflags = rflags;
	vmwrite(VMCS_GUEST_RFLAGS, rflags);
}

static uint64_t get_rflags(void)
{
	return on_vmx ? vmread(VMCS_GUEST_RFLAGS) : vmcb.save.rflags;
}

/* Code of 16, 32 or 64 bits. */
static void set_mode(unsigned mode, uint64_t base)
{
	vmcb.save.cs.attrib = mode == 64 ? ATTRIB_LONG : mode == 32 ? ATTRIB_BIG : 0;
	vmcb.save.cs.base = base;
	vmwrite(VMCS_GUEST_CS_RIGHTS, mode == 64 ? RIGHTS_LONG : mode == 32 ? RIGHTS_BIG : 0);
	vmwrite(VMCS_GUEST_CS_BASE, base);
}

static void put64(uint64_t at, uint64_t value)
{
	memcpy(fake_ram.bytes + at, &value, sizeof(value));
}

static void make_tables(uint64_t root, uint64_t to)
{
	for (unsigned level = 0; level < 3; level++)
		put64(root + level * PAGE_SIZE, (root + (level + 1) * PAGE_SIZE) | P);
	put64(root + 3 * PAGE_SIZE + CODE / PAGE_SIZE * 8, to | P);
	put64(root + 3 * PAGE_SIZE + (CODE / PAGE_SIZE + 1) * 8, AFTER | P);
}

static void begin(void)
{
	memset(&fake_ram, 0, sizeof(fake_ram));
	memset(&vmcb, 0, sizeof(vmcb));
	memset(&cpu, 0, sizeof(cpu));
	memset(fake_vmcs, 0, sizeof(fake_vmcs));
	memset(windows[0], 0, PAGE_SIZE);
	memset(table, 0xa5, sizeof(table));
	svm_caps = (struct svm_caps){0};
	cpu.vendor = on_vmx ? (void *)&vmx : &svm;
	if (!on_vmx)
		cpu.vendor_asm[2] = (uint64_t)&vmcb;
	vendor = on_vmx ? &on_vmx_vendor : &on_svm_vendor;
	vmcb.save.cr0 = CR0_PG | CR0_PE;
	vmcb.save.efer = EFER;
	vmwrite(VMCS_GUEST_CR0, CR0_PG | CR0_PE);
	vmwrite(VMCS_GUEST_EFER, EFER);
	set_mode(64, 0);
	set_cr3(ROOT);
	set_cr4(CR4_PAE);
	make_tables(ROOT, FIRST);
	make_tables(ROOT2, OTHER);
	decoded = polls = commands = refused = 0;
	assert_true(apic_seen_init(&cpu));
}

/* Instructions, with the register's address in RDI. */
#define EAX  0x89, 0x07
#define ECX  0x89, 0x0f
#define ESP  0x89, 0x27
#define IMM  0xc7, 0x07, 0xbb, 0, 0, 0
#define XCHG 0x87, 0x07
#define CODE_AT(physical, ...)                                                                               \
	memcpy(fake_ram.bytes + (physical), (const uint8_t[16]){__VA_ARGS__},                                \
		sizeof((uint8_t[]){__VA_ARGS__}))

static void exits(uint64_t offset, uint64_t qualifier)
{
	if (on_vmx)
		vmx_reread(&cpu);
	exit_begin(&cpu.exit);
	cpu.exit.kind = EXIT_STAGE2;
	cpu.exit.address = APIC + offset;
	cpu.exit.qualifier = qualifier;
}

/* As exit_stage2() does. */
static bool handle(void)
{
	return apic_seen_plain(&cpu) || apic_stage2(&cpu);
}

/* The guest executes the instruction at RIP, with other values in its registers than the last time. */
static void store(uint64_t rip, uint64_t offset)
{
	cpu.gpr[TRAP_RAX] += 0x10001;
	cpu.gpr[TRAP_RCX] = ~cpu.gpr[TRAP_RAX];
	set_rip(rip);
	exits(offset, STAGE2_WRITE | STAGE2_PRESENT);
	assert_true(handle());
}

static uint32_t at(unsigned offset)
{
	return apic_registers(&cpu)[offset / 4];
}

static uint64_t rip_now(void)
{
	return on_vmx ? vmread(VMCS_GUEST_RIP) : vmcb.save.rip;
}

/* The same store again: its value, where the guest goes on, and how often a store was decoded since. */
#define EXPECT(offset, value, behind, times)                                                                 \
	do {                                                                                                 \
		assert_int_equal(at(offset), (uint32_t)(value));                                             \
		assert_int_equal(rip_now(), behind);                                                         \
		assert_int_equal(decoded, times);                                                            \
	} while (0)

static void again(void)
{
	CODE_AT(FIRST + 0x10, EAX);
	for (unsigned i = 0; i < 3; i++) {
		store(CODE + 0x10, APIC_EOI);
		EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 0x12, 1);
		assert_int_equal(polls, i + 1);
	}
	store(CODE + 0x10, APIC_TPR);
	EXPECT(APIC_TPR, cpu.gpr[TRAP_RAX], CODE + 0x12, 2);
	assert_int_equal(polls, 3);
	store(CODE + 0x10, APIC_TIMER_COUNT); /* in the same entry as TPR */
	EXPECT(APIC_TIMER_COUNT, cpu.gpr[TRAP_RAX], CODE + 0x12, 3);
	store(CODE + 0x10, APIC_TPR);
	EXPECT(APIC_TPR, cpu.gpr[TRAP_RAX], CODE + 0x12, 4);
	store(CODE + 0x10, APIC_EOI);
	EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 0x12, 4);
}

static void other_rip(void)
{
	CODE_AT(FIRST + 0x10, EAX);
	CODE_AT(FIRST + 0x20, IMM);
	store(CODE + 0x10, APIC_EOI);
	store(CODE + 0x20, APIC_EOI);
	EXPECT(APIC_EOI, 0xbb, CODE + 0x26, 2);
	store(CODE + 0x20, APIC_EOI);
	EXPECT(APIC_EOI, 0xbb, CODE + 0x26, 2);
}

static void changed_code(void)
{
	CODE_AT(FIRST, EAX);
	store(CODE, APIC_EOI);
	CODE_AT(FIRST, ECX);
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, cpu.gpr[TRAP_RCX], CODE + 2, 2);
	CODE_AT(FIRST, IMM);
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, 0xbb, CODE + 6, 3);
	CODE_AT(FIRST + 2, 0xcc); /* in the constant */
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, 0xcc, CODE + 6, 4);
	CODE_AT(FIRST, 0x90); /* an instruction that does not store */
	store(CODE, APIC_EOI);
	assert_int_equal(refused, 1);
	assert_int_equal(decoded, 5);
}

/* Each level leads elsewhere, in turn. */
static void changed_tables(void)
{
	CODE_AT(FIRST, EAX);
	CODE_AT(OTHER, ECX);
	for (unsigned level = 0; level < 4; level++) {
		uint64_t entry = ROOT + level * PAGE_SIZE + (level == 3 ? CODE / PAGE_SIZE * 8 : 0);
		unsigned before = decoded;

		make_tables(ROOT, FIRST);
		store(CODE, APIC_EOI);
		EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 2, before + 1);
		put64(entry, (level == 3 ? OTHER : ROOT2 + (level + 1) * PAGE_SIZE) | P);
		store(CODE, APIC_EOI);
		EXPECT(APIC_EOI, cpu.gpr[TRAP_RCX], CODE + 2, before + 2);
		put64(entry, 0);
		store(CODE, APIC_EOI);
		assert_int_equal(refused, level + 1);
	}
}

static void other_cr3(void)
{
	CODE_AT(FIRST, EAX);
	CODE_AT(OTHER, ECX);
	store(CODE, APIC_EOI);
	set_cr3(ROOT2);
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, cpu.gpr[TRAP_RCX], CODE + 2, 2);
	set_cr3(ROOT);
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 2, 3);
}

/* With five levels the same tables and CR3 lead nowhere. Such code is never remembered. */
static void other_levels(void)
{
	CODE_AT(FIRST, EAX);
	store(CODE, APIC_EOI);
	set_cr4(CR4_PAE | CR4_LA57);
	store(CODE, APIC_EOI);
	assert_int_equal(refused, 1);
	put64(0x6000, ROOT | P);
	set_cr3(0x6000);
	for (unsigned i = 0; i < 2; i++) {
		store(CODE, APIC_EOI);
		EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 2, 3 + i);
	}
}

/* 41 89 07 is MOV [R15], EAX in 64-bit mode; in others its first byte is INC ECX, which cannot have exited. */
static void other_mode(void)
{
	CODE_AT(FIRST, 0x41, 0x89, 0x07);
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 3, 1);
	for (unsigned mode = 16; mode < 64; mode *= 2) {
		set_mode(mode, 0);
		store(CODE, APIC_EOI);
		assert_int_equal(refused, mode / 16);
	}
	CODE_AT(FIRST, EAX);
	CODE_AT(FIRST + 0x20, ECX);
	set_mode(32, 0);
	for (unsigned i = 0; i < 2; i++) {
		store(CODE, APIC_EOI);
		EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 2, 4 + i);
	}
	set_mode(32, 0x20); /* the same EIP, with another base */
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, cpu.gpr[TRAP_RCX], CODE + 2, 6);
	set_mode(64, 0);
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, cpu.gpr[TRAP_RAX], CODE + 2, 7);
}

/* An instruction that may reach into the next page is not remembered: that page has tables of its own. */
static void page_crossing(void)
{
	uint64_t rip = CODE + PAGE_SIZE - 3;

	CODE_AT(FIRST + PAGE_SIZE - 3, 0xc7, 0x07, 0xaa);
	for (unsigned i = 0; i < 2; i++) {
		CODE_AT(AFTER, 0x11 + i, 0, 0);
		store(rip, APIC_EOI);
		EXPECT(APIC_EOI, (0x11 + i) << 8 | 0xaa, rip + 6, 1 + i);
	}
}

/* A walk of the guest's tables, or an event's delivery, at the same RIP stores something else. */
static void not_the_instruction(void)
{
	CODE_AT(FIRST, EAX);
	store(CODE, APIC_EOI);
	set_rip(CODE);
	exits(APIC_EOI, STAGE2_WRITE | STAGE2_PRESENT | STAGE2_WALK);
	assert_true(handle());
	exits(APIC_EOI, STAGE2_WRITE | STAGE2_PRESENT);
	cpu.exit.during.valid = true;
	assert_true(handle());
	assert_int_equal(refused, 2);
	exits(APIC_EOI, STAGE2_READ);
	assert_false(handle());
	apic_hardware = true;
	apic_seen_forget(&cpu);
	exits(APIC_EOI, STAGE2_WRITE | STAGE2_PRESENT);
	assert_false(handle());
	apic_hardware = false;
	assert_int_equal(rip_now(), CODE);
	assert_int_equal(at(APIC_EOI), cpu.gpr[TRAP_RAX]);
}

/* The registers have moved: the old page is memory. */
static void moved(void)
{
	CODE_AT(FIRST, EAX);
	store(CODE, APIC_EOI);
	apic_seen_forget(&cpu);
	apic_pages[0] = APIC + PAGE_SIZE;
	set_rip(CODE);
	exits(APIC_EOI, STAGE2_WRITE | STAGE2_PRESENT);
	assert_false(handle());
	apic_pages[0] = APIC;
}

/* INIT is carried out with RIP at the store, and other commands are not. */
static void command_register(void)
{
	CODE_AT(FIRST, EAX);
	store(CODE, APIC_ICR);
	EXPECT(APIC_ICR, cpu.gpr[TRAP_RAX], CODE + 2, 1);
	cpu.gpr[TRAP_RAX] = ICR_MODE_INIT << 8 | 1u << 14;
	set_rip(CODE);
	exits(APIC_ICR, STAGE2_WRITE | STAGE2_PRESENT);
	assert_true(handle());
	assert_int_equal(decoded, 1);
	assert_int_equal(commands, 1);
	assert_int_equal(rip_at_command, CODE);
	assert_int_equal(rip_now(), CODE + 2);
	assert_int_not_equal(at(APIC_ICR), cpu.gpr[TRAP_RAX]);
}

/* An instruction that reads first, and RSP, which is not among cpu->gpr. */
static void not_plain(void)
{
	uint32_t old;

	CODE_AT(FIRST, XCHG);
	for (unsigned i = 0; i < 3; i++) {
		old = at(APIC_TIMER_COUNT);
		store(CODE, APIC_TIMER_COUNT);
		assert_int_equal(cpu.gpr[TRAP_RAX], old);
		assert_int_equal(rip_now(), CODE + 2);
		assert_int_equal(decoded, 1);
	}
	CODE_AT(FIRST, ESP);
	vmcb.save.rsp = 0x1234567;
	vmwrite(VMCS_GUEST_RSP, 0x1234567);
	for (unsigned i = 0; i < 2; i++) {
		store(CODE, APIC_TIMER_COUNT);
		EXPECT(APIC_TIMER_COUNT, 0x1234567, CODE + 2, 2);
	}
}

/* The instruction's end: RF is cleared, a shadow ends, a single step traps. AMD-V reads an MSR for that, which this machine refuses. */
static void end_of_instruction(void)
{
	uint64_t tf = on_vmx ? RFLAGS_TF : 0;

	CODE_AT(FIRST, EAX);
	for (unsigned i = 0; i < 2; i++) {
		set_rflags(RFLAGS_FIXED | tf | RFLAGS_RF);
		vmcb.control.interrupt_shadow = 1;
		vmwrite(VMCS_GUEST_INTERRUPTIBILITY, BLOCKING_STI);
		store(CODE, APIC_EOI);
		assert_int_equal(get_rflags(), RFLAGS_FIXED | tf);
		assert_int_equal(
			on_vmx ? vmread(VMCS_GUEST_INTERRUPTIBILITY) : vmcb.control.interrupt_shadow, 0);
		assert_int_equal(vmx.stepped, on_vmx);
	}
	assert_int_equal(decoded, 1);
}

/* The bytes come with the exit (decode assists): memory is not read, and not compared. Afterwards they do not come. */
static void code_with_the_exit(void)
{
	if (on_vmx)
		return;
	CODE_AT(FIRST, IMM);
	for (unsigned i = 0; i < 4; i++) {
		set_rip(CODE);
		cpu.gpr[TRAP_RAX] = 0x100 + i;
		cpu.gpr[TRAP_RCX] = 0x200 + i;
		exits(APIC_EOI, STAGE2_WRITE | STAGE2_PRESENT);
		memcpy(cpu.exit.code, (const uint8_t[16]){0x89, i < 2 ? 0x07 : 0x0f}, 16);
		cpu.exit.code_len = 15;
		assert_true(handle());
		EXPECT(APIC_EOI, cpu.gpr[i < 2 ? TRAP_RAX : TRAP_RCX], CODE + 2, 1 + i / 2);
	}
	store(CODE, APIC_EOI);
	EXPECT(APIC_EOI, 0xbb, CODE + 6, 3);
}

/* x2APIC is recommended to a guest that has stored often and could use it. */
static void advice(void)
{
	cpus[0] = &cpu;
	features.x2apic = true;
	assert_false(apic_advises());
	cpu.stats.exits[EXIT_STAGE2] = APIC_ADVISES_AFTER;
	assert_true(apic_advises());
	apic_hardware = true;
	assert_false(apic_advises());
	apic_hardware = false;
	apic_is_in = APIC_X2APIC;
	assert_false(apic_advises());
	apic_is_in = APIC_XAPIC;
	features.x2apic = false;
	assert_false(apic_advises());
}

#define EACH(name)                                                                                           \
	static void svm_##name(void **state)                                                                 \
	{                                                                                                    \
		on_vmx = false;                                                                              \
		begin();                                                                                     \
		name();                                                                                      \
	}                                                                                                    \
	static void vmx_##name(void **state)                                                                 \
	{                                                                                                    \
		on_vmx = true;                                                                               \
		begin();                                                                                     \
		name();                                                                                      \
	}
#define TESTS(X)                                                                                             \
	X(again)                                                                                             \
	X(other_rip)                                                                                         \
	X(changed_code)                                                                                      \
	X(changed_tables)                                                                                    \
	X(other_cr3)                                                                                         \
	X(other_levels)                                                                                      \
	X(other_mode)                                                                                        \
	X(page_crossing)                                                                                     \
	X(not_the_instruction)                                                                               \
	X(moved)                                                                                             \
	X(command_register)                                                                                  \
	X(not_plain)                                                                                         \
	X(end_of_instruction)                                                                                \
	X(code_with_the_exit)                                                                                \
	X(advice)
TESTS(EACH)

int main(void)
{
#define X(name) cmocka_unit_test(svm_##name), cmocka_unit_test(vmx_##name),
	const struct CMUnitTest tests[] = {TESTS(X)};
#undef X

	return cmocka_run_group_tests_name("apic_seen", tests, NULL, NULL);
}
