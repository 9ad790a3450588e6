// SPDX-License-Identifier: MIT
/* Backtraces from stacks and code that a guest may leave. */
#include <string.h>
#include "unit.h"
#include "trace/backtrace.h"

#define CODE  0xffffffff81000000u
#define STACK 0xffffc90000004000u
#define PAGE  4096

/* A page of code and two of stack; nothing else is mapped. In 16- and 32-bit code the same pages at lower addresses. */
static struct memory {
	uint64_t code_at, stack_at;
	uint8_t code[PAGE], stack[2 * PAGE];
	unsigned reads;
} memory;

static struct trap_record record;
static struct backtrace found;

static bool read_memory(void *context, uint64_t linear, void *to, unsigned n)
{
	struct memory *m = context;

	m->reads++;
	if (linear >= m->code_at && linear - m->code_at <= PAGE - n)
		memcpy(to, m->code + (linear - m->code_at), n);
	else if (linear >= m->stack_at && linear - m->stack_at <= 2 * PAGE - n)
		memcpy(to, m->stack + (linear - m->stack_at), n);
	else
		return false;
	return true;
}

static void begin(uint8_t mode)
{
	memset(&memory, 0, sizeof(memory));
	memory.code_at = mode == 64 ? CODE : 0x8000;
	memory.stack_at = mode == 64 ? STACK : 0xa000;
	record = (struct trap_record){
		.mode = mode, .rip = memory.code_at + 0x800, .code_len = 15, .stack32 = mode == 32};
	record.gpr[TRAP_RSP] = memory.stack_at + 0x100;
}

static int setup(void **state)
{
	begin(64);
	return 0;
}

/* Writes the bytes of a CALL that ends before code + at. Returns the address after it. */
static uint64_t call_before(unsigned at, const char *bytes, unsigned n)
{
	memcpy(memory.code + at - n, bytes, n);
	return memory.code_at + at;
}

static uint64_t direct_call(unsigned at)
{
	return call_before(at, "\xe8\x10\x20\x30\x00", 5);
}

/* Writes a word of the stack, that many bytes above the stack pointer. */
static uint64_t push(unsigned offset, uint64_t value)
{
	uint64_t at = record.gpr[TRAP_RSP] + offset;

	memcpy(memory.stack + (at - memory.stack_at), &value, record.mode / 8);
	return at;
}

static void collect(void)
{
	backtrace_collect(&found, &record, read_memory, &memory);
}

static void check_place(unsigned i, uint64_t rip, uint64_t stack, enum backtrace_how how)
{
	assert_true(i < found.count);
	assert_int_equal(found.place[i].rip, rip);
	assert_int_equal(found.place[i].stack, stack);
	assert_int_equal(found.place[i].how, how);
}

/* SDM vol. 2A CALL and tables 2-1 and 2-2: the bytes before a return address. */
static void what_is_a_call(void **state)
{
	static const struct {
		uint8_t mode;
		const char *bytes;
		unsigned n;
		bool is;
	} rows[] = {
		{64, "\xe8\x01\x02\x03\x04", 5, true}, {64, "\xe8\x01\x02", 3, false},
		{64, "\xff\xd0", 2, true},                     /* call rax */
		{64, "\x41\xff\xd3", 3, true},                 /* call r11 */
		{64, "\xff\xe0", 2, false},                    /* jmp rax */
		{64, "\xff\xd8", 2, false},                    /* far, by a register: no instruction */
		{64, "\xff\x10", 2, true},                     /* call [rax] */
		{64, "\xff\x15\x01\x02\x03\x04", 6, true},     /* call [rip + ...] */
		{64, "\xff\x50\x08", 3, true},                 /* call [rax + 8] */
		{64, "\xff\x90\x01\x02\x03\x04", 6, true},     /* call [rax + ...] */
		{64, "\xff\x14\xc8", 3, true},                 /* call [rax + rcx * 8] */
		{64, "\xff\x14\xc5\x01\x02\x03\x04", 7, true}, /* call [rax * 8 + ...] */
		{64, "\xff\x54\xc8\x08", 4, true},             /* call [rax + rcx * 8 + 8] */
		{64, "\xff\x94\xc8\x01\x02\x03\x04", 7, true}, /* call [rax + rcx * 8 + ...] */
		{64, "\xff\x10\x90", 3, false},                /* something follows it */
		{64, "\x90\x90\x90\x90\x90", 5, false}, {32, "\xe8\x01\x02\x03\x04", 5, true},
		{32, "\xff\x14\x85\x01\x02\x03\x04", 7, true}, {32, "\x66\xe8\x01\x02", 4, false},
		{16, "\xe8\x01\x02", 3, true}, {16, "\x66\xe8\x01\x02\x03\x04", 6, true},
		{16, "\xff\x16\x01\x02", 4, true},                         /* call [0x201] */
		{16, "\xff\x17", 2, true},                                 /* call [bx] */
		{16, "\xff\x57\x02", 3, true},                             /* call [bx + 2] */
		{16, "\xff\x97\x01\x02", 4, true},                         /* call [bx + 0x201] */
		{16, "\xff\xd0", 2, true}, {16, "\xff\x14\x85", 3, false}, /* no SIB there */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		begin(rows[i].mode);
		push(0, call_before(0x200, rows[i].bytes, rows[i].n));
		collect();
		if (found.count != rows[i].is)
			fail_msg("row %zu", i);
	}
}

/* f called g called h, which faulted; old words are in between. */
static void frames(void **state)
{
	uint64_t in_g = direct_call(0x200), in_f = direct_call(0x300), old = direct_call(0x400);

	push(8, old);
	record.gpr[TRAP_RBP] = push(0x20, record.gpr[TRAP_RSP] + 0x40);
	push(0x28, in_g);
	push(0x30, old);
	push(0x40, 0);
	push(0x48, in_f);
	push(0x50, old);
	collect();
	assert_int_equal(found.count, 2);
	check_place(0, in_g, record.gpr[TRAP_RSP] + 0x28, BACKTRACE_FRAME);
	check_place(1, in_f, record.gpr[TRAP_RSP] + 0x48, BACKTRACE_FRAME);
}

/* If the chain breaks off, the stack above its last frame is searched. */
static void frames_then_guesses(void **state)
{
	uint64_t in_g = direct_call(0x200), in_f = direct_call(0x300), start = direct_call(0x400);

	record.gpr[TRAP_RBP] = push(0x20, record.gpr[TRAP_RSP] + 0x40);
	push(0x28, in_g);
	push(0x40, 0x1234567);
	push(0x48, in_f);
	push(0x80, start);
	collect();
	assert_int_equal(found.count, 3);
	check_place(1, in_f, record.gpr[TRAP_RSP] + 0x48, BACKTRACE_FRAME);
	check_place(2, start, record.gpr[TRAP_RSP] + 0x80, BACKTRACE_GUESS);
}

/* Code without frame pointers uses RBP for any value. */
static void no_frames(void **state)
{
	static const uint64_t rbp[] = {
		0, 1, 0x8000000000000000, STACK, STACK + 0x101, STACK + 0x120, UINT64_MAX};
	uint64_t in_g = direct_call(0x200), in_f = direct_call(0x300);

	push(0x18, in_g);
	push(0x28, in_f); /* RBP = STACK + 0x120: one that looks like a frame, and leads nowhere */
	push(0x20, 77);
	for (size_t i = 0; i < ARRAY_SIZE(rbp); i++) {
		record.gpr[TRAP_RBP] = rbp[i];
		collect();
		assert_int_equal(found.count, 2);
		check_place(0, in_g, record.gpr[TRAP_RSP] + 0x18, BACKTRACE_GUESS);
		check_place(1, in_f, record.gpr[TRAP_RSP] + 0x28, BACKTRACE_GUESS);
	}
}

/* A frame that points to itself or below is not a frame. */
static void a_loop_ends(void **state)
{
	uint64_t in_g = direct_call(0x200);

	record.gpr[TRAP_RBP] = push(0x20, record.gpr[TRAP_RSP] + 0x20);
	push(0x28, in_g);
	collect();
	assert_int_equal(found.count, 1);
	record.gpr[TRAP_RBP] = push(0x40, record.gpr[TRAP_RSP] + 0x20);
	push(0x48, in_g);
	collect();
	assert_true(found.count <= 2);
}

/* A CALL through NULL: the return address is on top of the stack, whatever the frames contain. */
static void call_through_null(void **state)
{
	uint64_t in_h = call_before(0x100, "\xff\xd0", 2), in_g = direct_call(0x200);

	record.rip = record.cr2 = record.code_len = 0;
	record.flags = TRAP_HAS_CR2 | TRAP_HAS_ERROR;
	record.vector = 14;
	push(0, in_h);
	record.gpr[TRAP_RBP] = push(0x20, 0);
	push(0x28, in_g);
	collect();
	assert_int_equal(found.count, 2);
	check_place(0, in_h, record.gpr[TRAP_RSP], BACKTRACE_CALL);
	check_place(1, in_g, record.gpr[TRAP_RSP] + 0x28, BACKTRACE_FRAME);
	/* The page is mapped, but not executable. */
	record.rip = record.cr2 = CODE + 0x900;
	record.code_len = 15;
	collect();
	check_place(0, in_h, record.gpr[TRAP_RSP], BACKTRACE_CALL);
	/* RIP is not canonical: the code bytes are those of another address. */
	record.rip = 0x1122334455667788;
	record.vector = 13;
	record.flags = TRAP_HAS_ERROR;
	collect();
	check_place(0, in_h, record.gpr[TRAP_RSP], BACKTRACE_CALL);
}

/* At a function's first instruction. At other places the word on top is ignored if the frames are valid. */
static void first_instruction(void **state)
{
	uint64_t in_h = direct_call(0x100), in_g = direct_call(0x200);

	push(0, in_h);
	record.gpr[TRAP_RBP] = push(0x20, 0);
	push(0x28, in_g);
	record.rip = in_h + 0x302010;
	collect();
	assert_int_equal(found.count, 2);
	check_place(0, in_h, record.gpr[TRAP_RSP], BACKTRACE_CALL);
	record.rip++;
	collect();
	assert_int_equal(found.count, 1);
	check_place(0, in_g, record.gpr[TRAP_RSP] + 0x28, BACKTRACE_FRAME);
}

/* A function that calls itself until the stack is used up: RSP is in the page below. */
static void recursion(void **state)
{
	uint64_t again = direct_call(0x200), start = direct_call(0x300), at = STACK;
	char line[128];
	struct text t = text_on(line, sizeof(line));

	record.gpr[TRAP_RSP] = STACK - 0x80;
	record.gpr[TRAP_RBP] = STACK;
	for (; at < STACK + 100 * 0x20; at += 0x20) {
		push((unsigned)(at - record.gpr[TRAP_RSP]), at + 0x20);
		push((unsigned)(at + 8 - record.gpr[TRAP_RSP]), again);
	}
	push((unsigned)(at + 8 - record.gpr[TRAP_RSP]), start);
	collect();
	assert_int_equal(found.count, 2);
	backtrace_format(&t, &found.place[0]);
	assert_string_equal(line, "by 0xffffffff81000200 stack=0xffffc90000004008 how=frame times=100");
	check_place(1, start, at + 8, BACKTRACE_FRAME);
	record.gpr[TRAP_RBP] = 0;
	collect();
	check_place(0, again, STACK + 8, BACKTRACE_GUESS);
}

/* Offsets of code and stack are relative to the segments' bases. */
static void segments(void **state)
{
	uint64_t in_g;

	begin(16);
	in_g = call_before(0x200, "\xe8\x00\x01", 3);
	push(4, in_g - 0x7000);
	record.cs_base = 0x7000;
	record.ss_base = 0x9000;
	record.gpr[TRAP_RSP] -= 0x9000;
	record.gpr[TRAP_RSP] |= 0xabcd0000;
	collect();
	assert_int_equal(found.count, 1);
	check_place(0, in_g - 0x7000, 0xa104, BACKTRACE_GUESS);
}

/* 16-bit code on a 32-bit stack, as in a loader that enters protected mode. */
static void wide_stack(void **state)
{
	uint64_t in_g;

	begin(16);
	memory.stack_at = 0x1230a000;
	record.gpr[TRAP_RSP] = memory.stack_at + 0x100;
	in_g = call_before(0x200, "\xe8\x00\x01", 3);
	push(2, in_g);
	collect();
	assert_int_equal(found.count, 0);
	record.stack32 = 1;
	collect();
	assert_int_equal(found.count, 1);
	check_place(0, in_g, memory.stack_at + 0x102, BACKTRACE_GUESS);
}

static void nothing_there(void **state)
{
	record.gpr[TRAP_RSP] = 0;
	collect();
	assert_int_equal(found.count, 0);
	record.gpr[TRAP_RSP] = 0x7fffffffffff; /* reaches into addresses that are not canonical */
	collect();
	assert_int_equal(found.count, 0);
	record.gpr[TRAP_RSP] = UINT64_MAX - 3;
	record.gpr[TRAP_RBP] = UINT64_MAX - 7;
	collect();
	assert_int_equal(found.count, 0);
	record.mode = 0;
	collect();
	assert_int_equal(found.count, 0);
}

/* Any memory and any registers: it ends, within its bounds. */
static void noise(void **state)
{
	static const uint8_t modes[] = {16, 32, 64};
	unsigned seed = 7;

	for (unsigned round = 0; round < 3000; round++) {
		begin(modes[round % 3]);
		for (unsigned i = 0; i < PAGE; i++) {
			seed = seed * 1103515245 + 12345;
			memory.code[i] = seed & 0x100000 ? 0xe8 : (uint8_t)(seed >> 16);
		}
		for (unsigned i = 0; i < 0x1f00; i += record.mode / 8) {
			seed = seed * 1103515245 + 12345;
			push(i, (seed & 0x8000 ? memory.code_at : record.gpr[TRAP_RSP] + i) +
					(seed >> 16) % 64);
		}
		record.gpr[TRAP_RBP] = record.gpr[TRAP_RSP] + (seed >> 16) % 64;
		record.gpr[TRAP_RSP] ^= seed % 5 ? 0 : 1ull << seed % 64;
		collect();
		assert_true(found.count <= BACKTRACE_MAX && memory.reads < 10000);
		for (unsigned i = 0; i < found.count; i++)
			assert_true(found.place[i].times && found.place[i].how <= BACKTRACE_GUESS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_a_call),
		cmocka_unit_test_setup(frames, setup),
		cmocka_unit_test_setup(frames_then_guesses, setup),
		cmocka_unit_test_setup(no_frames, setup),
		cmocka_unit_test_setup(a_loop_ends, setup),
		cmocka_unit_test_setup(call_through_null, setup),
		cmocka_unit_test_setup(first_instruction, setup),
		cmocka_unit_test_setup(recursion, setup),
		cmocka_unit_test_setup(segments, setup),
		cmocka_unit_test_setup(wide_stack, setup),
		cmocka_unit_test_setup(nothing_there, setup),
		cmocka_unit_test_setup(noise, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
