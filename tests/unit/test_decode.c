// SPDX-License-Identifier: MIT
/*
 * Instructions in all three modes, with the registers and addresses that the manuals give. The bytes are
 * assembled by hand. The expectations are derived from the register values below, not from the output of
 * the code.
 */
#include <stdio.h>
#include <string.h>
#include "unit.h"
#include "trace/decode.h"

/* Each register's value shows its number in every part: rcx is 0x0123456701002101, cx 0x2101, cl 0x01. */
static const uint64_t gprs[TRAP_GPRS] = {
	0x0123456700001080, /* rax */
	0x0123456701002101, /* rcx */
	0x0123456702003082, /* rdx */
	0x0123456703004003, /* rbx */
	0x0123456704005004, /* rsp */
	0x0123456705006005, /* rbp */
	0x0123456706007006, /* rsi */
	0x0123456707008007, /* rdi */
	0x8,
	0x9,
	0xa,
	0xb,
	0xc,
	0xd,
	0xe,
	0xf,
};

static struct trap_record record(unsigned mode, const char *bytes)
{
	struct trap_record r = {.mode = (uint8_t)mode, .stack32 = mode == 32, .rip = 0x401000, .cs = 8};

	memcpy(r.gpr, gprs, sizeof(gprs));
	r.cs_base = 0x100000;
	r.ss_base = 0x200000;
	r.ds_base = 0x300000;
	r.es_base = 0x400000;
	r.fs_base = 0x500000;
	r.gs_base = 0x600000;
	r.cr0 = 0x80050033;
	r.cr4 = 0x6f0;
	for (unsigned byte; sscanf(bytes, "%2x", &byte) == 1; bytes += 2)
		r.code[r.code_len++] = (uint8_t)byte;
	return r;
}

/* "ecx=0x1b0! eax=0x0": '!' marks the number of an MSR. */
static void join_uses(const struct decoded *d, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < d->regs; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s=0x%llx%s", i ? " " : "", d->reg[i].name,
			(unsigned long long)d->reg[i].value, d->reg[i].is_msr ? "!" : "");
}

static void join_mem(const struct decoded *d, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < d->mems; i++)
		n += (size_t)snprintf(
			out + n, size - n, "%s0x%llx", i ? " " : "", (unsigned long long)d->mem[i]);
}

struct decode_case {
	unsigned mode;
	const char *bytes;
	const char *text;
	const char *uses;
	const char *mem;
};

static void check(const struct decode_case *cases, unsigned n)
{
	char uses[400], mem[80];

	for (unsigned i = 0; i < n; i++) {
		struct trap_record r = record(cases[i].mode, cases[i].bytes);
		struct decoded d;

		print_message("             %u-bit %s\n", cases[i].mode, cases[i].text);
		assert_int_equal(decode(&r, &d), DECODE_OK);
		join_uses(&d, uses, sizeof(uses));
		join_mem(&d, mem, sizeof(mem));
		assert_string_equal(d.text, cases[i].text);
		assert_string_equal(uses, cases[i].uses);
		assert_string_equal(mem, cases[i].mem);
		assert_int_equal(d.length, strlen(cases[i].bytes) / 2);
	}
}

/* Typical faults of a kernel. */
static void system_instructions(void **state)
{
	static const struct decode_case cases[] = {
		{64, "0f32", "rdmsr", "ecx=0x1002101!", ""},
		{64, "0f30", "wrmsr", "ecx=0x1002101! eax=0x1080 edx=0x2003082", ""},
		{64, "0f01d1", "xsetbv", "ecx=0x1002101 edx=0x2003082 eax=0x1080", ""},
		{64, "0fa2", "cpuid", "eax=0x1080 ecx=0x1002101", ""},
		{64, "0f0b", "ud2", "", ""},
		{64, "0fb9c1", "ud1 eax, ecx", "eax=0x1080 ecx=0x1002101", ""},
		{64, "0fffc1", "ud0 eax, ecx", "eax=0x1080 ecx=0x1002101", ""},
		{64, "cc", "int3", "", ""},
		{64, "f1", "int1", "", ""},
		{64, "cd80", "int 0x80", "", ""},
		{64, "f4", "hlt", "", ""},
		{64, "0f01c1", "vmcall", "", ""},
		{64, "0f01d9", "vmmcall", "", ""},
		{64, "0f20c0", "mov rax, cr0", "cr0=0x80050033", ""},
		{64, "0f22e0", "mov cr4, rax", "rax=0x123456700001080", ""},
		{64, "8ed8", "mov ds, ax", "ax=0x1080", ""},
		{64, "ef", "out dx, eax", "dx=0x3082 eax=0x1080", ""},
		{64, "ec", "in al, dx", "dx=0x3082", ""},
		{64, "0f0118", "lidt tbyte ptr [rax]", "rax=0x123456700001080", "0x123456700001080"},
		{64, "0f00d0", "lldt ax", "ax=0x1080", ""},
		{64, "0f05", "syscall", "", ""},
		{32, "0f34", "sysenter", "", ""},
		{32, "ce", "into", "", ""},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void long_mode_addresses(void **state)
{
	static const struct decode_case cases[] = {
		{64, "488b4310", "mov rax, qword ptr [rbx+0x10]", "rbx=0x123456703004003",
			"0x123456703004013"},
		{64, "488903", "mov qword ptr [rbx], rax", "rbx=0x123456703004003 rax=0x123456700001080",
			"0x123456703004003"},
		{64, "8b44cbf8", "mov eax, dword ptr [rbx+rcx*8-0x8]",
			"rbx=0x123456703004003 rcx=0x123456701002101", "0xa3d709f0b014803"},
		/* rip-relative: from the end of the instruction */
		{64, "8b0510000000", "mov eax, dword ptr [0x401016]", "", "0x401016"},
		{64, "8b05f0ffffff", "mov eax, dword ptr [0x400ff6]", "", "0x400ff6"},
		/* 67h cuts the address to 32 bits */
		{64, "678b4310", "mov eax, dword ptr [ebx+0x10]", "ebx=0x3004003", "0x3004013"},
		{64, "678b83000000ff", "mov eax, dword ptr [ebx-0x1000000]", "ebx=0x3004003", "0x2004003"},
		/* only FS and GS have a base */
		{64, "648b00", "mov eax, dword ptr fs:[rax]", "rax=0x123456700001080", "0x123456700501080"},
		{64, "65488b042528000000", "mov rax, qword ptr gs:[0x28]", "", "0x600028"},
		{64, "36488b00", "mov rax, qword ptr [rax]", "rax=0x123456700001080", "0x123456700001080"},
		{64, "488d4310", "lea rax, [rbx+0x10]", "rbx=0x123456703004003", ""},
		{64, "48a18877665544332211", "mov rax, qword ptr [0x1122334455667788]", "",
			"0x1122334455667788"},
		{64, "418b00", "mov eax, dword ptr [r8]", "r8=0x8", "0x8"},
		{64, "0fab08", "bts dword ptr [rax], ecx", "rax=0x123456700001080 ecx=0x1002101", ""},
		{64, "0fba2803", "bts dword ptr [rax], 0x3", "rax=0x123456700001080", "0x123456700001080"},
		{64, "d7", "xlat", "rbx=0x123456703004003 al=0x80", "0x123456703004083"},
		{64, "c4e27b4b0c08", "tileloadd tmm1, [rax+rcx*1]",
			"rax=0x123456700001080 rcx=0x123456701002101", ""},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void registers_as_wide_as_read(void **state)
{
	static const struct decode_case cases[] = {
		{64, "88e0", "mov al, ah", "ah=0x10", ""},
		{64, "00e0", "add al, ah", "al=0x80 ah=0x10", ""},
		{64, "6689c8", "mov ax, cx", "cx=0x2101", ""},
		{64, "89c8", "mov eax, ecx", "ecx=0x1002101", ""},
		{64, "4889c8", "mov rax, rcx", "rcx=0x123456701002101", ""},
		{64, "4088f0", "mov al, sil", "sil=0x6", ""},
		{64, "4488f8", "mov al, r15b", "r15b=0xf", ""},
		{64, "f7f1", "div ecx", "ecx=0x1002101 eax=0x1080 edx=0x2003082", ""},
		{64, "48f7f9", "idiv rcx",
			"rcx=0x123456701002101 rax=0x123456700001080 rdx=0x123456702003082", ""},
		{64, "f6f1", "div cl", "cl=0x1 ax=0x1080", ""},
		/* al is part of the rax that is read as an address */
		{64, "0000", "add byte ptr [rax], al", "rax=0x123456700001080", "0x123456700001080"},
		{64, "ffe0", "jmp rax", "rax=0x123456700001080", ""},
	};

	check(cases, ARRAY_SIZE(cases));
}

/* Instructions that write or read the stack; no address if the record does not hold enough to compute it. */
static void stack(void **state)
{
#define RSP "rsp=0x123456704005004"
	static const struct decode_case cases[] = {
		{64, "50", "push rax", "rax=0x123456700001080 " RSP, "0x123456704004ffc"},
		{64, "6650", "push ax", "ax=0x1080 " RSP, "0x123456704005002"},
		{64, "6aff", "push 0xffffffffffffffff", RSP, "0x123456704004ffc"},
		{64, "9c", "pushfq", RSP, "0x123456704004ffc"},
		{64, "6750", "push rax", "rax=0x123456700001080 " RSP, "0x123456704004ffc"},
		{64, "58", "pop rax", RSP, "0x123456704005004"},
		{64, "c3", "ret", RSP, "0x123456704005004"},
		{64, "48cf", "iretq", RSP, "0x123456704005004"},
		{64, "e8fb000000", "call 0x401100", RSP, "0x123456704004ffc"},
		{64, "ff10", "call qword ptr [rax]", "rax=0x123456700001080 " RSP, "0x123456700001080"},
		{64, "ff30", "push qword ptr [rax]", "rax=0x123456700001080 " RSP, "0x123456700001080"},
		{64, "8f442408", "pop qword ptr [rsp+0x8]", RSP, "0x123456704005014"},
		{64, "488b442408", "mov rax, qword ptr [rsp+0x8]", RSP, "0x12345670400500c"},
		{64, "c8100000", "enter 0x10, 0x0", "rbp=0x123456705006005 " RSP, ""},
		{32, "50", "push eax", "eax=0x1080 esp=0x4005004", "0x4205000"},
		{32, "58", "pop eax", "esp=0x4005004", "0x4205004"},
		{32, "60", "pushad",
			"eax=0x1080 ecx=0x1002101 edx=0x2003082 ebx=0x3004003 esp=0x4005004 "
			"ebp=0x5006005 esi=0x6007006 edi=0x7008007",
			""},
		{32, "9a001000000800", "call far 0x0008:0x00001000", "esp=0x4005004", ""},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void string_moves(void **state)
{
	static const struct decode_case cases[] = {
		{64, "f348a5", "rep movsq",
			"rdi=0x123456707008007 rsi=0x123456706007006 rcx=0x123456701002101",
			"0x123456707008007 0x123456706007006"},
		{64, "f3aa", "rep stosb", "rdi=0x123456707008007 al=0x80 rcx=0x123456701002101",
			"0x123456707008007"},
		{32, "a4", "movsb", "edi=0x7008007 esi=0x6007006", "0x7408007 0x6307006"},
		{32, "2ea4", "movsb", "edi=0x7008007 esi=0x6007006", "0x7408007 0x6107006"},
		{16, "a4", "movsb", "di=0x8007 si=0x7006", "0x408007 0x307006"},
		{64, "6e", "outsb", "dx=0x3082 rsi=0x123456706007006", "0x123456706007006"},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void protected_mode(void **state)
{
	static const struct decode_case cases[] = {
		{32, "8b4310", "mov eax, dword ptr [ebx+0x10]", "ebx=0x3004003", "0x3304013"},
		{32, "8b4510", "mov eax, dword ptr [ebp+0x10]", "ebp=0x5006005", "0x5206015"},
		{32, "2e8b00", "mov eax, dword ptr cs:[eax]", "eax=0x1080", "0x101080"},
		{32, "268b00", "mov eax, dword ptr es:[eax]", "eax=0x1080", "0x401080"},
		{32, "658b00", "mov eax, dword ptr gs:[eax]", "eax=0x1080", "0x601080"},
		{32, "a144332211", "mov eax, dword ptr [0x11223344]", "", "0x11523344"},
		/* address and base together wrap at 4 GiB */
		{32, "8b83000000fd", "mov eax, dword ptr [ebx-0x3000000]", "ebx=0x3004003", "0x304003"},
		{32, "8b830000c0fc", "mov eax, dword ptr [ebx-0x3400000]", "ebx=0x3004003", "0xfff04003"},
		{32, "678b00", "mov eax, dword ptr [bx+si*1]", "bx=0x4003 si=0x7006", "0x30b009"},
		{32, "668b00", "mov ax, word ptr [eax]", "eax=0x1080", "0x301080"},
		{32, "40", "inc eax", "eax=0x1080", ""}, /* a REX prefix in 64-bit mode */
		{32, "e8fb000000", "call 0x401100", "esp=0x4005004", "0x4205000"},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void real_mode(void **state)
{
	static const struct decode_case cases[] = {
		{16, "8b4002", "mov ax, word ptr [bx+si*1+0x2]", "bx=0x4003 si=0x7006", "0x30b00b"},
		{16, "8b4602", "mov ax, word ptr [bp+0x2]", "bp=0x6005", "0x206007"},
		{16, "8b8700f0", "mov ax, word ptr [bx-0x1000]", "bx=0x4003", "0x303003"},
		{16, "8b870080", "mov ax, word ptr [bx-0x8000]", "bx=0x4003", "0x30c003"},
		{16, "a13412", "mov ax, word ptr [0x1234]", "", "0x301234"},
		{16, "66678b00", "mov eax, dword ptr [eax]", "eax=0x1080", "0x301080"},
		{16, "0f01160010", "lgdt fword ptr [0x1000]", "", "0x301000"},
	};

	check(cases, ARRAY_SIZE(cases));
}

/* Targets wrap at 64 KiB in 16-bit code: rip is 0xfff0 here. */
static void real_mode_branch_wraps(void **state)
{
	struct trap_record r = record(16, "e9fd0f");
	struct decoded d;

	r.rip = 0xfff0;
	assert_int_equal(decode(&r, &d), DECODE_OK);
	assert_string_equal(d.text, "jmp 0xff0");
}

static const char *last_word(const char *text)
{
	const char *space = strrchr(text, ' ');

	return space ? space + 1 : text;
}

/* SS.B decides between SP and ESP, whatever the code's mode is (SDM vol. 1 6.2.5): each kind of code can run on each stack. */
static void stack_width(void **state)
{
	static const struct {
		uint8_t mode, stack32;
		const char *bytes, *uses;
		uint64_t mem;
	} cases[] = {
		{16, 0, "50", "sp=0x400", 0x2003fe},
		{16, 1, "50", "esp=0x40000400", 0x402003fe},
		{32, 0, "50", "sp=0x400", 0x2003fc},
		{32, 1, "50", "esp=0x40000400", 0x402003fc},
		{16, 1, "c3", "esp=0x40000400", 0x40200400},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(cases[i].mode, cases[i].bytes);
		char uses[512];
		struct decoded d;

		r.stack32 = cases[i].stack32 & 1;
		r.gpr[TRAP_RSP] = 0x40000400;
		assert_int_equal(decode(&r, &d), DECODE_OK);
		join_uses(&d, uses, sizeof(uses));
		if (!d.regs || strcmp(last_word(uses), cases[i].uses))
			fail_msg("row %u: %s", i, uses);
		assert_int_equal(d.mems, 1);
		assert_int_equal(d.mem[0], cases[i].mem);
	}
}

/* Where a watch's record has values, the bases of FS and GS are not known: the address is left out. */
static void watch_record(void **state)
{
	static const struct {
		const char *bytes;
		unsigned mems;
	} rows[] = {{"648b00", 0}, {"65488b042528000000", 0}, {"8b00", 1}, {"2e8b00", 1}};

	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct trap_record r = record(64, rows[i].bytes);
		struct decoded d;

		r.type = TRAP_TYPE_WATCH;
		assert_int_equal(decode(&r, &d), DECODE_OK);
		assert_int_equal(d.mems, rows[i].mems);
	}
}

/* The same bytes in each mode. */
static void mode_decides(void **state)
{
	static const struct decode_case cases[] = {
		{64, "4801c8", "add rax, rcx", "rax=0x123456700001080 rcx=0x123456701002101", ""},
		{64, "b844332211", "mov eax, 0x11223344", "", ""},
		{32, "b844332211", "mov eax, 0x11223344", "", ""},
		{16, "b84433", "mov ax, 0x3344", "", ""},
	};
	struct trap_record r = record(32, "4801c8");
	struct decoded d;

	check(cases, ARRAY_SIZE(cases));
	assert_int_equal(decode(&r, &d), DECODE_OK);
	assert_string_equal(d.text, "dec eax");
	assert_int_equal(d.length, 1);
}

static void vector_instructions(void **state)
{
	static const struct decode_case cases[] = {
		{64, "660f6f00", "movdqa xmm0, xmmword ptr [rax]", "rax=0x123456700001080",
			"0x123456700001080"},
		{64, "62f17c4858d2", "vaddps zmm2, zmm0, zmm2", "", ""},
		{64, "62f17c485850ff", "vaddps zmm2, zmm0, zmmword ptr [rax-0x40]", "rax=0x123456700001080",
			"0x123456700001040"},
		{64, "c5f877", "vzeroupper", "", ""},
		/* a gather has as many addresses as elements, and they are in a vector register */
		{64, "c4e269900408", "vpgatherdd xmm0, dword ptr [rax+xmm1*1], xmm2", "rax=0x123456700001080",
			""},
		{64, "9b", "fwait", "", ""},
	};

	check(cases, ARRAY_SIZE(cases));
}

/* Every way in which bytes can be missing, from the list's first instruction to its last byte but one. */
static void cut_short(void **state)
{
	static const char *const whole[] = {"0f30", "65488b042528000000", "48a18877665544332211",
		"62f17c4858d2", "e8fb000000", "f348a5", "660f38f803"};

	for (unsigned i = 0; i < ARRAY_SIZE(whole); i++) {
		struct trap_record r = record(64, whole[i]);
		struct decoded d;

		for (unsigned length = r.code_len; length--;) {
			r.code_len = (uint8_t)length;
			assert_int_equal(decode(&r, &d), DECODE_NONE);
			assert_string_equal(d.text, "");
			assert_int_equal(d.regs, 0);
			assert_int_equal(d.mems, 0);
		}
	}
}

static void undecodable(void **state)
{
	static const struct {
		unsigned mode;
		const char *bytes;
	} cases[] = {
		{64, "06"},             /* push es */
		{64, "ce"},             /* into */
		{64, "ea0000000000ff"}, /* jmp far imm */
		{64, "f00fa2"},         /* lock cpuid */
		{64, "0fc7c8"},
		{64, "666666666666666666666666666666"}, /* 15 bytes and still no opcode */
		{64, "66666666666666666666666666660f"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trap_record r = record(cases[i].mode, cases[i].bytes);
		struct decoded d;

		assert_int_equal(decode(&r, &d), DECODE_BAD);
		assert_string_equal(d.text, "");
		assert_int_equal(d.regs, 0);
	}
}

static void bad_records(void **state)
{
	struct trap_record r = record(64, "90");
	struct decoded d;

	r.mode = 8;
	assert_int_equal(decode(&r, &d), DECODE_NONE);
	r = record(64, "90");
	memset(r.code, 0x90, sizeof(r.code));
	r.code_len = 255; /* a damaged record is not read past its end */
	assert_int_equal(decode(&r, &d), DECODE_OK);
	assert_string_equal(d.text, "nop");
}

/*
 * All one- and two-byte openings in all modes, followed by zeros and by ones: only the sanitizers
 * check.
 */
static void any_bytes(void **state)
{
	static const uint8_t modes[] = {16, 32, 64}, tails[] = {0x00, 0xff, 0x24, 0x66};

	for (unsigned m = 0; m < ARRAY_SIZE(modes); m++)
		for (unsigned t = 0; t < ARRAY_SIZE(tails); t++)
			for (unsigned opening = 0; opening < 0x10000; opening++) {
				struct trap_record r = record(modes[m], "");
				struct decoded d;

				memset(r.code, tails[t], sizeof(r.code));
				r.code[0] = (uint8_t)opening;
				r.code[1] = (uint8_t)(opening >> 8);
				r.code_len = TRAP_CODE_MAX;
				if (decode(&r, &d) != DECODE_OK)
					continue;
				assert_in_range(d.length, 1, TRAP_CODE_MAX);
				assert_in_range(d.regs, 0, DECODE_REGS_MAX);
				assert_in_range(strlen(d.text), 1, DECODE_TEXT_MAX - 1);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(system_instructions),
		cmocka_unit_test(long_mode_addresses),
		cmocka_unit_test(registers_as_wide_as_read),
		cmocka_unit_test(stack),
		cmocka_unit_test(string_moves),
		cmocka_unit_test(protected_mode),
		cmocka_unit_test(real_mode),
		cmocka_unit_test(real_mode_branch_wraps),
		cmocka_unit_test(stack_width),
		cmocka_unit_test(watch_record),
		cmocka_unit_test(mode_decides),
		cmocka_unit_test(vector_instructions),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(undecodable),
		cmocka_unit_test(bad_records),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests_name("decode", tests, NULL, NULL);
}
