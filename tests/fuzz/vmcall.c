// SPDX-License-Identifier: MIT
/*
 * libFuzzer: one guest that makes VMCALLs one after the other, on the host. The sources are the VMM's own (src/vmcall
 * and the page walk); the guest's memory is an array (tests/fake), and calls to the rest of the VMM are only
 * noted.
 *
 * After every call: the result is one that the service's row documents. Memory outside of what the call may
 * write is unchanged, except for accessed and dirty bits. The walk that checks rights finds the same address as
 * the reader's walk. Sanitizers check the rest.
 */
#include <boot/blackbox_layout.h>
#include "console/answer.h"
#include "console/command.h"
#include "cpu/moment.h"
#include "exit/handlers.h"
#include "lib/array.h"
#include "log/log.h"
#include "exit/exception.h"
#include "exit/record.h"
#include "exit/freeze.h"
#include "exit/shutdown.h"
#include "hw/features.h"
#include "input.h"
#include "mem/guest_access.h"
#include "mem/guest_ram.h"
#include "mem/pool.h"
#include "stage2/stage2.h"
#include "apic/flush.h"
#include "blackbox/blackbox.h"
#include "fake_slice.h"
#include "fake_vendor.h"
#include "vmcall/check.h"
#include "vmcall/copy_buffer.h"
#include "vmcall/vmcall.h"

#define CALLS_MAX  8
#define TABLES     16 /* pages that hold page tables, from page 1 on */
#define PTE_MARKS  0x60
#define RING_SLOTS 64

struct fake_ram fake_ram;
struct boot_info boot_info;
struct cpu *cpus[BOOT_MAX_CPUS];
_Atomic uint32_t cpus_active = 1;

static struct cpu cpu;
static struct exit_entry exits[4];
static struct trap_record slots[RING_SLOTS];
static uint64_t registers[GUEST_EFER + 1];
static unsigned cpl, mode;
static bool raised;
static uint64_t raised_at;
static void (*reply_to)(const char *line);
static unsigned lines_to_come;
static uint64_t answer; /* number of the last one */

/* Stubs for the rest of the VMM. */
static uint64_t get(const struct cpu *c, enum guest_register r)
{
	return r == GUEST_CODE_MODE ? mode : r == GUEST_CALLER ? mode | cpl << 8 : registers[r];
}

static void get_paging(const struct cpu *c, struct guest_paging *p)
{
	*p = (struct guest_paging){
		registers[GUEST_CR0], registers[GUEST_CR3], registers[GUEST_CR4], registers[GUEST_EFER]};
}

static void capture(struct cpu *c, struct trap_record *r)
{
	memset((char *)r + sizeof(r->seq), 0, sizeof(*r) - sizeof(r->seq));
}

FAKE_VENDOR(fake_vendor, .state.get = get, .state.paging = get_paging, .state.capture = capture);
const struct vendor *vendor = &fake_vendor;

void moment(void)
{
}

/* A core that ends in the middle of a page: a read beyond it is caught. */
const void *blackbox_core(uint64_t *bytes, uint64_t *age)
{
	static uint8_t core[9000];

	*bytes = sizeof(core);
	*age = BLACKBOX_CORE_MADE;
	return core;
}

uint32_t blackbox_core_number(void)
{
	return 1;
}

/* The text that is reported: printable, and no longer than a text may be. */
void shutdown_dying(struct cpu *c, const char *text)
{
	assert(strlen(text) <= TRAPLINE_TEXT_MAX);
	for (; *text; text++)
		assert(*text >= ' ' && *text <= '~');
}

void shutdown_report(const char *why, unsigned seconds)
{
	assert(false); /* there is no capture kernel */
}

void log_line(const char *fmt, ...)
{
}

void log_print(const char *fmt, ...)
{
}

/* Commands: the text says how long an answer is, and how much of it exists at once. */
bool command_begin(void)
{
	return true;
}

void command_end(void)
{
}

void log_reply_to(void (*line)(const char *))
{
	reply_to = line;
}

void cpu_kick(struct cpu *c)
{
}

static bool command_goes_on(enum command_source source, char *text, size_t size)
{
	strcpy(text, "a line of an answer");
	return lines_to_come && lines_to_come--;
}

void command_run(struct cpu *c, enum command_source source, char *text, struct command_result *result)
{
	for (int i = 0; i < 16 * text[0]; i++)
		reply_to("a line that is there at once");
	lines_to_come = 16 * (unsigned)text[1];
	*result = (struct command_result){.more = lines_to_come ? command_goes_on : NULL};
}

void command_done(char *line, size_t size, const char *name, const char *why)
{
	strcpy(line, "done");
}

void exception_raise_pf(struct cpu *c, uint32_t error, uint64_t address)
{
	raised = true;
	raised_at = address;
}

void record_note_all(void)
{
}

void record_after(struct cpu *c, const struct trap_record *r)
{
}

void record_find_site(struct cpu *cpu, struct trap_record *r)
{
}

void freeze_set(struct cpu *c, uint64_t seconds)
{
	assert(seconds <= FREEZE_SECONDS_MAX);
}

void freeze_serve(struct cpu *c)
{
}

bool freeze_hurry(const struct cpu *c)
{
	return false;
}

uint64_t freeze_left(void)
{
	return 1;
}

uint64_t freeze_not_kept(void)
{
	return 2;
}

bool stage2_show(unsigned slot, uint64_t base, uint64_t bytes)
{
	return true;
}

void flush_changed(struct cpu *c)
{
}

uint64_t pool_alloc(uint64_t pages)
{
	static uint8_t *memory[2]; /* the lists of shares and the copy buffer, reused for every input */
	bool buffer = pages == (1 << 20) / 4096;

	if (!memory[buffer])
		memory[buffer] = aligned_alloc(4096, pages * 4096);
	return (uint64_t)memory[buffer] - POOL_BASE;
}

static void put64(uint64_t at, uint64_t v)
{
	memcpy(fake_ram.bytes + at, &v, 8);
}

static void put32(uint64_t at, uint32_t v)
{
	memcpy(fake_ram.bytes + at, &v, 4);
}

/* Tables in pages 1 to 5 that map the array one to one; the input damages them afterwards. */
static void build_tables(void)
{
	bool narrow = !(registers[GUEST_EFER] & 0x400) && !(registers[GUEST_CR4] & 0x20);
	bool five = (registers[GUEST_EFER] & 0x400) && (registers[GUEST_CR4] & 0x1000);

	registers[GUEST_CR3] = 0x1000;
	if (narrow) {
		put32(0x1000, 0x2007);
		for (unsigned i = 0; i < FAKE_PAGES; i++)
			put32(0x2000 + i * 4, i << 12 | 7);
		return;
	}
	if (five) {
		put64(0x1000, 0x5007);
		put64(0x5000, 0x2007);
	} else {
		put64(0x1000, registers[GUEST_EFER] & 0x400 ? 0x2007 : 0x3001);
	}
	put64(0x2000, 0x3007);
	put64(0x3000, 0x4007);
	for (unsigned i = 0; i < FAKE_PAGES; i++)
		put64(0x4000 + i * 8, (uint64_t)i << 12 | 7);
	if (!(registers[GUEST_EFER] & 0x400))
		put64(0x3000, 0x4007);
}

static void damage(void)
{
	for (unsigned n = take8() & 15; n; n--) {
		uint64_t at = take8() % (TABLES * 512) * 8 + 0x1000;

		at += (uint64_t)(take8() & 31) << 8;
		put64(at % (FAKE_RAM - 8) & ~7ull, take64());
	}
	for (unsigned n = take8() & 3; n; n--)
		fake_ram.absent[take8() % FAKE_PAGES] = true;
	fake_ram.restless = take8() == 0x77;
}

static void set_up(void)
{
	static const uint64_t cr4_bits =
		0x301030; /* PSE, PAE, LA57, SMEP, SMAP; no keys, because RDPKRU and RDMSR cannot run here */
	uint8_t flags = take8();

	memset(&fake_ram, 0, sizeof(fake_ram));
	memset(&cpu, 0, sizeof(cpu));
	history_init(&cpu.history, exits, ARRAY_SIZE(exits));
	memset(fake_ram.bytes, 0xa5, 4096);
	memset(fake_ram.bytes + (1 + TABLES) * 4096, 0x5a, FAKE_RAM - (1 + TABLES) * 4096);
	ring_init(&cpu.ring, slots, RING_SLOTS);
	cpu.writing = &cpu.ring;
	cpus[0] = &cpu;
	boot_info.cpus = 1;
	registers[GUEST_CR0] = flags & 1 ? 0x80010001 : flags & 2 ? 0x80000001 : 1;
	registers[GUEST_CR4] = take64() & cr4_bits;
	registers[GUEST_EFER] = flags & 4 ? 0xd00 : flags & 8 ? 0x800 : 0;
	if (registers[GUEST_EFER] & 0x400)
		registers[GUEST_CR4] |= 0x20;
	registers[GUEST_RFLAGS] = flags & 16 ? 0x40002 : 2;
	mode = (registers[GUEST_EFER] & 0x400) && (flags & 32) ? 64 : flags & 64 ? 32 : 16;
	cpl = flags & 128 ? 3 : 0;
	boot_info.config.example_foo = take8() & 3;
	boot_info.config.copy_buffer = 1;
	strcpy(boot_info.config.user_calls,
		take8() & 1 ? "default" : "default, put_physical share_open get_pages nothing");
	build_tables();
	damage();
}

/* What a call may write: one bit for each byte of RAM. */
static uint8_t allowed[FAKE_RAM / 8];

static void allow(uint64_t physical, uint64_t bytes)
{
	for (uint64_t i = physical; bytes && i < FAKE_RAM; i++, bytes--)
		allowed[i / 8] |= (uint8_t)(1 << i % 8);
}

static void allow_linear(uint64_t linear, uint64_t bytes)
{
	struct guest_paging paging;

	get_paging(&cpu, &paging);
	if (bytes > 2 * FAKE_RAM)
		bytes = 2 * FAKE_RAM;
	while (bytes) {
		uint64_t physical, room = 4096 - (linear & 4095), part = bytes < room ? bytes : room;

		if (guest_translate(&paging, linear, &physical))
			allow(physical, part);
		linear += part;
		bytes -= part;
	}
}

static void allow_list(uint64_t linear, uint64_t bytes)
{
	struct guest_paging paging;
	uint64_t entry;

	get_paging(&cpu, &paging);
	for (unsigned i = 0; i < 4 * FAKE_PAGES && bytes; i++) {
		uint64_t part = bytes < 4096 ? bytes : 4096;

		if (guest_read(&paging, linear + i * 8, &entry, 8) == 8)
			allow(entry, part);
		bytes -= part;
	}
}

#define X(kind, errors) errors,
static const uint32_t kind_errors[] = {TRAPLINE_ARGUMENTS(X)};
#undef X

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	[number] = {true, {KIND_##rbx, KIND_##rcx, KIND_##rdx, KIND_##rsi, KIND_##rdi}, errors},
static const struct row {
	bool there;
	uint8_t kind[5];
	uint32_t errors;
} rows[TRAPLINE_CALL_LIMIT] = {TRAPLINE_SERVICES(X)};
#undef X

static void allow_call(uint64_t number, const uint64_t *arg)
{
	const struct row *row = number < TRAPLINE_CALL_LIMIT ? &rows[number] : &rows[0];

	for (unsigned i = 0; i + 1 < 5; i++)
		if (row->kind[i] == KIND_INTO)
			allow_linear(arg[i], arg[i + 1]);
	if (number == TRAPLINE_CALL_get_physical)
		allow(arg[0], arg[1]);
	else if (number == TRAPLINE_CALL_get_pages)
		allow_list(arg[0], arg[1]);
	else if (number == TRAPLINE_CALL_foo && boot_info.config.example_foo == EXAMPLE_FOO_PHYSICAL)
		allow(arg[0], 4);
	else if (number == TRAPLINE_CALL_foo && boot_info.config.example_foo == EXAMPLE_FOO_VIRTUAL)
		allow_linear(arg[0], 4);
}

static void check_page(const uint8_t *before, uint64_t page)
{
	for (uint64_t i = page; i < page + 4096; i++) {
		uint8_t changed = before[i] ^ fake_ram.bytes[i];

		if (changed && !(allowed[i / 8] >> i % 8 & 1))
			assert(!(changed & ~PTE_MARKS) && (fake_ram.bytes[i] & changed) == changed);
	}
}

static void check_memory(const uint8_t *before)
{
	for (uint64_t page = 0; page < FAKE_RAM; page += 4096)
		if (memcmp(before + page, fake_ram.bytes + page, 4096))
			check_page(before, page);
}

static void check_result(uint64_t number, int64_t result)
{
	const struct row *row = number < TRAPLINE_CALL_LIMIT ? &rows[number] : &rows[0];
	uint32_t errors = row->errors | TL_ERR(NUMBER) | TL_ERR(DENIED);

	if (mode != 64)
		result = (int32_t)result;
	for (unsigned i = 0; i < 5; i++)
		errors |= kind_errors[row->kind[i]];
	if (result < 0)
		assert(result > -32 && errors >> -result & 1);
}

/* The two walks agree, in both directions if rights are the only possible difference. */
static void check_walk(uint64_t linear)
{
	struct guest_view view = {.physical_bits = 40, .huge_pages = true, .user = cpl == 3};
	struct guest_page page;
	uint64_t physical;

	get_paging(&cpu, &view.paging);
	if (!check_linear(linear, 1, guest_linear_bits(&view.paging, mode == 64)))
		return;
	if (guest_access(&view, linear, take8() % 3, &page) == ACCESS_OK)
		assert(guest_translate(&view.paging, linear, &physical) && physical == page.physical);
}

static void one_call(void)
{
	static uint8_t before[FAKE_RAM];
	static const enum trap_gpr where[5] = {TRAP_RBX, TRAP_RCX, TRAP_RDX, TRAP_RSI, TRAP_RDI};
	uint64_t width = mode == 64 ? ~0ull : UINT32_MAX, arg[5], number = take8();

	number = number == 0xff ? take64() : number % 40;
	for (unsigned i = 0; i < 5; i++) {
		uint8_t shape = take8();

		arg[i] = shape < 100 ? shape : shape < 200 ? take64() % (FAKE_RAM + 8192) : take64();
		cpu.gpr[where[i]] = arg[i];
		arg[i] &= width;
	}
	cpu.gpr[TRAP_RAX] = number;
	number &= width;
	if (number == TRAPLINE_CALL_answer && cpu.gpr[TRAP_RSI] < 100)
		cpu.gpr[TRAP_RSI] = answer; /* the input could not guess it */
	memset(allowed, 0, sizeof(allowed));
	memcpy(before, fake_ram.bytes, sizeof(before));
	for (unsigned again = 0; again < 64; again++) {
		for (unsigned i = 0; i < 5; i++)
			arg[i] = cpu.gpr[where[i]] & width; /* the progress of a copy */
		allow_call(number, arg);
		cpu.exit.skip = raised = false;
		exit_vmcall(&cpu);
		if (cpu.exit.skip || raised)
			break;
		answer_serve(&cpu);
		assert((cpu.gpr[TRAP_RAX] & width) == number);
	}
	if (cpu.exit.skip && number == TRAPLINE_CALL_command)
		answer = cpu.gpr[TRAP_RAX];
	if (cpu.exit.skip && number)
		check_result(number, (int64_t)cpu.gpr[TRAP_RAX]);
	check_memory(before);
}

/* With a policy from the input, and without state from the last one. */
static void forget_shares(void)
{
	unsigned input_mode = mode, input_cpl = cpl;

	features = (struct features){.physical_bits = 46, .huge_pages = true};
	assert(!vmcall_init());
	mode = 64;
	cpl = 0;
	cpu.gpr[TRAP_RAX] = TRAPLINE_CALL_share_close;
	cpu.gpr[TRAP_RBX] = 0;
	exit_vmcall(&cpu);
	assert(cpu.gpr[TRAP_RAX] == 0);
	mode = input_mode;
	cpl = input_cpl;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_begin(data, size);
	set_up();
	forget_shares();
	for (unsigned i = 0; i < CALLS_MAX && input_left; i++) {
		check_walk(take64() % (2 * FAKE_RAM));
		one_call();
	}
	return 0;
}
