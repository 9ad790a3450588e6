// SPDX-License-Identifier: MIT
/*
 * VMCALL from CPL 0 without an operating system: the copies of physical memory, calls from other modes, and a
 * storm of random calls.
 *
 * docs/vmcall.md: a call either does what it was asked or returns an error of its row, and in that case
 * has written nothing. It writes only to the memory that it was given. The VMM never faults.
 *
 * The difficulty: every register is the guest's, and every address may refer to a device, to Trapline, wrap around
 * the end of the address space, or point to the very list that is being read. The guest checks every byte that a
 * call must not write, and every result against the table of services.
 *
 * Load options: n=1000000 random calls, seed=1.
 */
#include <trapline/record.h>
#include <trapline/services.h>
#include "hw/x86.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/paging.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "vmcalls";

#define MIB        0x100000ull
#define CALLS      1000000
#define CHECK_EACH 20000
#define USER_EACH  16
#define FAULTED    (-1000) /* what the #PF handler leaves in RAX */
#define LOCAL_APIC 0xfee00000ull

struct regs {
	int64_t rax;
	uint64_t arg[5]; /* RBX, RCX, RDX, RSI, RDI */
};

/* Skips the VMCALL that raised the #PF. */
extern const uint8_t vmcalls_skip[];
__asm__(".text\n"
	".balign 16\n"
	"vmcalls_skip: add $8, %rsp\n"
	"mov $-1000, %rax\n"
	"addq $3, (%rsp)\n"
	"iretq\n");

TRAP_STUB(vmmcall, "vmmcall");
TRAP_STUB(vmcall, "vmcall");

static uint32_t bad;

static void report(const char *name, bool good)
{
	print("case name=%s %s\n", name, good ? "ok" : "FAILED");
	bad += !good;
}

static bool intel(void)
{
	static uint32_t known; /* asked once: CPUID exits */

	if (!known)
		known = cpuid(0, 0).ecx;
	return known == 0x6c65746e; /* "ntel" of GenuineIntel */
}

static int64_t call(struct regs *r)
{
	if (intel())
		__asm__ volatile("vmcall"
				 : "+a"(r->rax), "+b"(r->arg[0]), "+c"(r->arg[1]), "+d"(r->arg[2]),
				 "+S"(r->arg[3]), "+D"(r->arg[4])
				 :
				 : "memory", "cc");
	else
		__asm__ volatile("vmmcall"
				 : "+a"(r->rax), "+b"(r->arg[0]), "+c"(r->arg[1]), "+d"(r->arg[2]),
				 "+S"(r->arg[3]), "+D"(r->arg[4])
				 :
				 : "memory", "cc");
	return r->rax;
}

static int64_t call5(int64_t number, uint64_t rbx, uint64_t rcx, uint64_t rdx, uint64_t rsi, uint64_t rdi)
{
	struct regs r = {number, {rbx, rcx, rdx, rsi, rdi}};

	return call(&r);
}

/* One call in another mode or at another CPL. */
static struct regs call_as(uint16_t cs, uint16_t ss, uint64_t rip, uint64_t rsp, const struct regs *in)
{
	struct trap_state start = {.rip = rip, .cs = cs, .ss = ss, .rflags = RFLAGS_FIXED, .rsp = rsp};
	const struct trap_event *e;
	struct regs out;

	start.gpr[REG_RAX] = (uint64_t)in->rax;
	start.gpr[REG_RBX] = in->arg[0];
	start.gpr[REG_RCX] = in->arg[1];
	start.gpr[REG_RDX] = in->arg[2];
	start.gpr[REG_RSI] = in->arg[3];
	start.gpr[REG_RDI] = in->arg[4];
	e = &trap_run(&start, 0)->event[0];
	out = (struct regs){(int64_t)e->state.gpr[REG_RAX],
		{e->state.gpr[REG_RBX], e->state.gpr[REG_RCX], e->state.gpr[REG_RDX], e->state.gpr[REG_RSI],
			e->state.gpr[REG_RDI]}};
	if (e->vector != VECTOR_END)
		out.rax = e->vector == VECTOR_PF ? FAULTED : FAULTED - 1 - e->vector;
	return out;
}

static struct regs call_as_user(const struct regs *in)
{
	return call_as(SEG_USER_CODE | 3, SEG_USER_DATA | 3,
		machine_user_alias(intel() ? stub_vmcall : stub_vmmcall), machine_user_stack(), in);
}

/*
 * Memory: a grant of 256 KiB that calls may write, between two guards of 1 MiB that they may not write, and a list of
 * pages.
 */
#define GUARD MIB
#define GRANT (256 * 1024ull)
/* the start of the buffers: a request from here still fits into the grant */
#define GRANT_USED (GRANT - 16384)
#define ARENA      (GUARD + GRANT + GUARD)
#define BIG        (16 * MIB)

static uint8_t *arena, *grant, *big[2];
static uint64_t *list;

static uint64_t state = 88172645463325252ull;

static uint64_t any(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint64_t below(uint64_t n)
{
	return any() % n;
}

static uint8_t *allocate(uint64_t bytes, uint64_t at)
{
	EFI_PHYSICAL_ADDRESS address = at;
	EFI_STATUS status = guest_firmware->BootServices->AllocatePages(
		at ? AllocateAddress : AllocateAnyPages, EfiLoaderData, bytes / PAGE_SIZE, &address);

	return EFI_ERROR(status) ? NULL : (uint8_t *)address;
}

static uint64_t guard_word(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15ull;
}

static void fill_guards(void)
{
	uint64_t *word = (uint64_t *)arena;

	for (uint64_t i = 0; i < ARENA / 8; i++)
		word[i] = guard_word(i);
}

static bool guards_whole(void)
{
	const uint64_t *word = (const uint64_t *)arena;

	for (uint64_t i = 0; i < ARENA / 8; i++) {
		if (i == GUARD / 8)
			i = (GUARD + GRANT) / 8;
		if (word[i] != guard_word(i)) {
			print("guard word=%lu is=0x%lx\n", i, word[i]);
			return false;
		}
	}
	return true;
}

static bool same(const uint8_t *a, const uint8_t *b, uint64_t n)
{
	return memcmp(a, b, n) == 0;
}

/* Large copies: 16 MiB in one call each, there and back. */
static void test_physical(void)
{
	struct regs r = {TRAPLINE_CALL_put_physical, {(uint64_t)big[0], BIG, 0, 1, 2}};

	for (uint64_t i = 0; i < BIG / 8; i++)
		((uint64_t *)big[0])[i] = guard_word(i);
	memset(big[1], 0, BIG);
	report("put_physical", call(&r) == 0 && r.arg[0] == (uint64_t)big[0] + BIG && r.arg[1] == 0 &&
				       r.arg[2] == BIG && r.arg[3] == 1);
	report("get_physical", call5(TRAPLINE_CALL_get_physical, (uint64_t)big[1], BIG, 0, 0, 0) == 0 &&
				       same(big[0], big[1], BIG));
	r = (struct regs){TRAPLINE_CALL_get_physical, {(uint64_t)big[1] + 5, 9000, 3, 0, 0}};
	memset(big[1], 0, 16384);
	report("get_unaligned", call(&r) == 0 && same(big[1] + 5, big[0] + 3, 9000) && big[1][4] == 0 &&
					big[1][9005] == 0 && r.arg[2] == 9003);
}

static void test_pages(void)
{
	const uint64_t pages = BIG / PAGE_SIZE;
	struct regs r;

	/* Backwards, so that the list matters. */
	for (uint64_t i = 0; i < pages; i++)
		list[i] = (uint64_t)big[0] + (pages - 1 - i) * PAGE_SIZE;
	r = (struct regs){TRAPLINE_CALL_put_pages, {(uint64_t)list, BIG, 0, 0, 0}};
	report("put_pages", call(&r) == 0 && r.arg[0] == (uint64_t)(list + pages) && r.arg[1] == 0);
	memset(big[1], 0, BIG);
	for (uint64_t i = 0; i < pages; i++)
		list[i] = (uint64_t)big[1] + i * PAGE_SIZE;
	call5(TRAPLINE_CALL_get_pages, (uint64_t)list, BIG - 100, 0, 0, 0);
	report("get_pages", same(big[1], big[0] + BIG - PAGE_SIZE, PAGE_SIZE) &&
				    same(big[1] + BIG - PAGE_SIZE, big[0], PAGE_SIZE - 100) &&
				    big[1][BIG - 100] == 0);
	list[20] = LOCAL_APIC;
	r = (struct regs){TRAPLINE_CALL_get_pages, {(uint64_t)list, BIG, 0, 0, 0}};
	report("list_with_device", call(&r) == TRAPLINE_E_MEMORY && r.arg[0] == (uint64_t)(list + 20) &&
					   r.arg[1] == BIG - 20 * PAGE_SIZE);
	list[20] = (uint64_t)big[1] + 8;
	report("list_unaligned_page",
		call5(TRAPLINE_CALL_get_pages, (uint64_t)list, BIG, 0, 0, 0) == TRAPLINE_E_ADDRESS);
	report("list_unaligned",
		call5(TRAPLINE_CALL_get_pages, (uint64_t)list + 4, 4096, 0, 0, 0) == TRAPLINE_E_ADDRESS);
}

static void test_refused(void)
{
	struct regs r = {TRAPLINE_CALL_get_physical, {LOCAL_APIC, 8, 0, 0, 0}};

	report("device", call(&r) == TRAPLINE_E_MEMORY && r.arg[1] == 8);
	report("beyond_physical",
		call5(TRAPLINE_CALL_get_physical, 1ull << 52, 8, 0, 0, 0) == TRAPLINE_E_ADDRESS);
	report("physical_wraps",
		call5(TRAPLINE_CALL_get_physical, 4096, ~0ull, 0, 0, 0) == TRAPLINE_E_ADDRESS);
	report("cpu", call5(TRAPLINE_CALL_stats, 99, 0, 0, 0, 0) == TRAPLINE_E_ARGUMENT);
	report("vector", call5(TRAPLINE_CALL_stats, 0, 32, 0, 0, 0) == TRAPLINE_E_ARGUMENT);
	report("number", call5(63, 0, 0, 0, 0, 0) == TRAPLINE_E_NUMBER);
	report("lookup_wild", call5(0, 1ull << 60, 0, 0, 0, 0) == 0);
	report("lookup_absent", call5(0, PAGE_ABSENT, 0, 0, 0, 0) == 0);
}

/* A name that ends at the end of its page, with the next page absent; and one that continues there. */
static void test_lookup(void)
{
	char *page = paging_data(); /* shown as PAGE_DATA, before PAGE_ABSENT_AFTER_DATA */

	memcpy(page + PAGE_SIZE - 8, "version", 8);
	report("lookup_at_end", call5(0, PAGE_DATA + PAGE_SIZE - 8, 0, 0, 0, 0) == TRAPLINE_CALL_version);
	memcpy(page + PAGE_SIZE - 8, "get_virt", 8);
	report("lookup_runs_into_absent", call5(0, PAGE_DATA + PAGE_SIZE - 8, 0, 0, 0, 0) == 0);
	report("lookup_long", call5(0, (uint64_t) "a name that is longer than any service can ever be called",
				      0, 0, 0, 0) == 0);
#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	if (number != TRAPLINE_CALL_foo && call5(0, (uint64_t) #name, 0, 0, 0, 0) != number)                 \
		report("lookup_" #name, false);
	TRAPLINE_SERVICES(X)
#undef X
}

/* The code of the stub where 16-bit code can reach it. */
static void test_modes(void)
{
	static const struct {
		const char *name;
		uint16_t cs;
		bool low;
	} modes[] = {{"32_bit", SEG_CODE32, false}, {"16_bit", SEG_CODE16, true}};
	static const uint8_t code[] = {0x0f, 0x01, 0xd9, 0xcd, VECTOR_END}; /* VMMCALL; INT 0x81 */
	uint8_t *low = allocate(PAGE_SIZE, 0x8000);
	const uint64_t garbage = 0xdeadbeef00000000;

	if (low)
		memcpy(low, code, sizeof(code));
	for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
		uint64_t rip = modes[i].low ? (uint64_t)low : (uint64_t)stub_vmmcall;
		struct regs in = {
			(int64_t)(garbage | TRAPLINE_CALL_version), {garbage, garbage, garbage, 5, 6}};
		struct regs out;

		if (!rip)
			continue;
		out = call_as(modes[i].cs, SEG_DATA, rip, machine_stub_stack(), &in);
		print("mode name=%s rax=0x%lx rbx=0x%lx rcx=0x%lx\n", modes[i].name, out.rax, out.arg[0],
			out.arg[1]);
		report(modes[i].name,
			(uint32_t)out.rax == TRAPLINE_ABI_VERSION && (uint32_t)out.arg[1] == BIG);
		in = (struct regs){(int64_t)garbage, {garbage | (uint64_t) "put_registers", 0, 0, 0, 0}};
		out = call_as(modes[i].cs, SEG_DATA, rip, machine_stub_stack(), &in);
		report("lookup", (uint32_t)out.rax == TRAPLINE_CALL_put_registers);
		in = (struct regs){TRAPLINE_CALL_put_physical, {0xfffffff0, 0x20, 0, 0, 0}};
		out = call_as(modes[i].cs, SEG_DATA, rip, machine_stub_stack(), &in);
		report("error_32", (int32_t)out.rax == TRAPLINE_E_MEMORY);
	}
}

static void test_user(void)
{
	struct regs in = {TRAPLINE_CALL_version, {0}}, out = call_as_user(&in);

	report("user_version",
		out.rax == TRAPLINE_ABI_VERSION && !(out.arg[0] >> TRAPLINE_CALL_put_physical & 1));
	in = (struct regs){TRAPLINE_CALL_put_physical, {0, 8, 0, 0, 0}};
	report("user_denied", call_as_user(&in).rax == TRAPLINE_E_DENIED);
	in = (struct regs){TRAPLINE_CALL_put_virtual, {PAGE_SUPERVISOR, 8, 0, 0, 0}};
	out = call_as_user(&in);
	report("user_supervisor_page", out.rax == TRAPLINE_E_FAULT && out.arg[4] == 5);
	in = (struct regs){TRAPLINE_CALL_put_virtual, {PAGE_DATA, 8, 0, 0, 0}};
	report("user_put", call_as_user(&in).rax == 0);
	in = (struct regs){TRAPLINE_CALL_get_virtual, {PAGE_READONLY, 8, 0, 0, 0}};
	out = call_as_user(&in);
	report("user_read_only", out.rax == TRAPLINE_E_FAULT && out.arg[4] == 7);
	in.arg[3] = TRAPLINE_PAGE_IN;
	report("user_page_in", call_as_user(&in).rax == FAULTED);
	in = (struct regs){TRAPLINE_CALL_put_virtual, {PAGE_RESERVED, 8, 0, 0, 0}};
	out = call_as_user(&in);
	report("user_reserved_bit", out.rax == TRAPLINE_E_FAULT && out.arg[4] == 0xd);
	in = (struct regs){TRAPLINE_CALL_put_virtual, {PAGE_ABSENT, 8, 0, 0, 0}};
	out = call_as_user(&in);
	report("user_absent", out.rax == TRAPLINE_E_FAULT && out.arg[4] == 4);
	in = (struct regs){0, {PAGE_ABSENT, 0, 0, 0, 0}};
	report("user_lookup_faults", call_as_user(&in).rax == FAULTED);
}

/* The ring in place: it has the same contents as the copy of trace_read, and a store to it changes nothing. */
static void test_trace(void)
{
	static struct trap_record copied[16];
	struct regs map = {TRAPLINE_CALL_trace_map, {0}};
	struct regs mark = {TRAPLINE_CALL_mark, {(uint64_t) "in place", 8, 0, 0, 0}};
	const struct trap_record *ring, *r;
	struct regs read = {TRAPLINE_CALL_trace_read, {(uint64_t)copied, sizeof(copied), 0, 0, 0}};

	report("mark", call(&mark) == 0 && mark.arg[0] > 0);
	report("trace_map", call(&map) == 0 && map.arg[1] >= 64 * sizeof(*ring));
	ring = (const struct trap_record *)map.arg[0];
	r = &ring[mark.arg[0] % (map.arg[1] / sizeof(*ring))];
	report("ring_in_place", r->seq == mark.arg[0] && r->type == TRAP_TYPE_MARK &&
					same((const void *)r->gpr, (const void *)"in place", 8));
	*(volatile uint64_t *)&((struct trap_record *)(uint64_t)r)->seq = 1;
	cpuid(0, 0); /* the page that took the store stays until the next exit */
	report("ring_read_only", *(volatile const uint64_t *)&r->seq == mark.arg[0]);
	read.arg[4] = mark.arg[0];
	report("trace_read", call(&read) >= 1 && same((const void *)copied, (const void *)r, sizeof(*r)) &&
				     read.arg[4] > mark.arg[0] && read.arg[2] == 0);
}

static void test_share(void)
{
	struct trapline_share found[2] = {{0}};
	int64_t number;

	for (unsigned i = 0; i < 4; i++)
		list[i] = (uint64_t)big[0] + i * PAGE_SIZE;
	number = call5(
		TRAPLINE_CALL_share_open, (uint64_t) "a.share", (uint64_t)list, 3 * PAGE_SIZE + 1, 0, 0);
	report("share_open", number > 0);
	report("share_exists", call5(TRAPLINE_CALL_share_open, (uint64_t) "a.share", (uint64_t)list, 8, 0,
				       0) == TRAPLINE_E_EXISTS);
	report("share_name", call5(TRAPLINE_CALL_share_open, (uint64_t) "a share", (uint64_t)list, 8, 0, 0) ==
				     TRAPLINE_E_ARGUMENT);
	report("share_list", call5(TRAPLINE_CALL_share_list, (uint64_t)found, sizeof(found), 0, 0, 0) == 1 &&
				     found[0].number == number && found[0].pages == 4 &&
				     found[0].bytes == 3 * PAGE_SIZE + 1 &&
				     !strcmp(found[0].name, "a.share") && !found[1].number);
	report("share_close",
		call5(TRAPLINE_CALL_share_close, (uint64_t)number, 0, 0, 0, 0) == 0 &&
			call5(TRAPLINE_CALL_share_close, (uint64_t)number, 0, 0, 0, 0) == TRAPLINE_E_MISSING);
}

/* The storm. */
#define X(kind, errors) KIND_##kind,
enum kind {
	TRAPLINE_ARGUMENTS(X)
};
#undef X

#define X(kind, errors) errors,
static const uint32_t kind_errors[] = {TRAPLINE_ARGUMENTS(X)};
#undef X

#define X(number, name, who, rbx, rcx, rdx, rsi, rdi, errors)                                                \
	{number, {KIND_##rbx, KIND_##rcx, KIND_##rdx, KIND_##rsi, KIND_##rdi}, errors},
static const struct row {
	uint8_t number;
	uint8_t kind[5];
	uint32_t errors;
} rows[] = {TRAPLINE_SERVICES(X)};
#undef X

/* Addresses that a call must not write, and some that it cannot. */
#define SPECIAL_MAX 64
static uint64_t special[SPECIAL_MAX];
static unsigned specials;

static void add_special(uint64_t address)
{
	if (specials < SPECIAL_MAX)
		special[specials++] = address;
}

/* Reserved memory, Trapline's among it, and devices, from the firmware's map. */
static void find_specials(void)
{
	static const uint64_t fixed[] = {LOCAL_APIC, LOCAL_APIC - 8, 0xfec00000, 0xffffffff, 0x100000000ull,
		1ull << 39, 1ull << 40, 1ull << 46, 1ull << 47, (1ull << 47) - 1, (1ull << 47) - 4096,
		1ull << 52, 1ull << 63, ~0ull, ~0ull - 4095, 0xffff800000000000ull, 0xffffffff80000000ull,
		0xffffc00000000000ull};
	static uint8_t map[32768];
	UINTN size = sizeof(map), key, row;
	UINT32 version;

	for (unsigned i = 0; i < ARRAY_SIZE(fixed); i++)
		add_special(fixed[i]);
	if (EFI_ERROR(guest_firmware->BootServices->GetMemoryMap(
		    &size, (EFI_MEMORY_DESCRIPTOR *)map, &key, &row, &version)))
		return;
	for (UINTN at = 0; at + row <= size; at += row) {
		const EFI_MEMORY_DESCRIPTOR *d = (const EFI_MEMORY_DESCRIPTOR *)(map + at);

		if (d->Type == EfiReservedMemoryType || d->Type == EfiMemoryMappedIO) {
			add_special(d->PhysicalStart);
			add_special(d->PhysicalStart + d->NumberOfPages * PAGE_SIZE / 2);
			add_special(d->PhysicalStart + d->NumberOfPages * PAGE_SIZE - 1);
		}
	}
}

/*
 * Addresses within the grant, or at which nothing may happen; `good`: within the grant, and then the length must be
 * small.
 */
static uint64_t random_address(bool *good)
{
	*good = below(4) != 0;
	if (*good)
		return (uint64_t)grant +
		       (below(2) ? below(GRANT_USED) : below(GRANT_USED / PAGE_SIZE) * PAGE_SIZE);
	if (below(2))
		return special[below(specials)] + (below(2) ? below(4096) : 0);
	if (below(3) == 0)
		return PAGE_ABSENT + below(4096);
	return any() | 1ull << 62; /* not canonical, and beyond every physical address */
}

/* Short enough to stay in the grant, or too long for any copy buffer. */
static uint64_t random_length(bool good)
{
	if (good && below(4))
		return below(8192);
	return below(2) ? 32 * MIB + (any() >> below(40)) : ~0ull - below(4096);
}

static void random_list(void)
{
	for (unsigned i = 0; i < 8; i++)
		list[i] = below(6) ? (uint64_t)grant + below(GRANT_USED / PAGE_SIZE) * PAGE_SIZE
				   : special[below(specials)] | below(2);
}

static uint64_t random_argument(uint8_t kind, bool *good)
{
	static char name[8];

	switch (kind) {
	case KIND_FROM:
	case KIND_INTO:
	case KIND_PHYSICAL:
		return random_address(good);
	case KIND_LIST:
		random_list();
		if (below(4)) {
			*good = true;
			return (uint64_t)list + (below(16) ? 0 : below(8));
		}
		*good = false; /* the grant is not used as a list, because a record in it contains addresses */
		return special[below(specials)] & ~7ull;
	case KIND_NAME:
		name[0] = (char)('a' + below(20));
		return below(2) ? (uint64_t)name : random_address(good);
	case KIND_BYTES:
		return random_length(*good);
	case KIND_LENGTH:
	case KIND_OPTIONAL:
		return below(64) ? TRAPLINE_TEXT_MAX + 1 + below(1000) : below(TRAPLINE_TEXT_MAX);
	case KIND_FLAGS:
		return below(8) ? below(2) : any();
	case KIND_CPU:
		return below(8) ? 0 : any() >> below(64);
	case KIND_VECTOR:
		return below(40);
	default:
		return below(4) ? below(16384) : any() >> below(64);
	}
}

static uint32_t allowed_errors(const struct row *row)
{
	uint32_t errors = row->errors | TL_ERR(DENIED) | TL_ERR(NUMBER);

	for (unsigned i = 0; i < 5; i++)
		errors |= kind_errors[row->kind[i]];
	return errors;
}

static void random_call(uint64_t n)
{
	static uint64_t wrong;
	const struct row *row = &rows[below(ARRAY_SIZE(rows))];
	struct regs in = {row->number, {0}}, out;
	bool good = true;

	for (unsigned i = 0; i < 5; i++)
		in.arg[i] = random_argument(row->kind[i], &good);
	if (row->number == TRAPLINE_CALL_filter_set)
		in.arg[0] = below(2) ? 0 : any() | 1ull << 40;
	if (below(64) == 0)
		in.rax = (int64_t)(any() >> below(64));
	out = in;
	if (n % USER_EACH == 0)
		out = call_as_user(&in);
	else
		call(&out);
	if (in.rax != row->number || out.rax >= 0 || out.rax == FAULTED)
		return;
	if (out.rax < -31 || !(allowed_errors(row) >> -out.rax & 1)) {
		if (wrong++ < 10)
			print("wrong number=%ld result=%ld rbx=0x%lx rcx=0x%lx rdx=0x%lx rsi=0x%lx "
			      "rdi=0x%lx\n",
				in.rax, out.rax, in.arg[0], in.arg[1], in.arg[2], in.arg[3], in.arg[4]);
		bad++;
	}
}

static uint64_t option(const char *key, uint64_t otherwise)
{
	const char *text = guest_value(key);
	uint64_t value = 0;

	for (; text && *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	return value ? value : otherwise;
}

static void storm(uint64_t calls)
{
	bool whole = true;

	machine_set_handler(VECTOR_PF, vmcalls_skip);
	for (uint64_t n = 1; n <= calls && whole; n++) {
		/* The contents of the copy buffer: used as page addresses they refer to no memory. */
		if (n % 1000 == 1) {
			memset(grant, 0xff, GRANT);
			call5(TRAPLINE_CALL_put_physical, (uint64_t)grant, GRANT_USED / 2, 0, 0, 0);
		}
		random_call(n);
		if (n % CHECK_EACH == 0)
			whole = guards_whole();
	}
	call5(TRAPLINE_CALL_share_close, 0, 0, 0, 0, 0);
	print("storm calls=%lu\n", calls);
	report("guards", whole && guards_whole());
}

/* A call is an instruction like any other: a single step traps after it, and the shadow of STI and MOV SS ends there. */
TRAP_STUB(steps_intel, "vmcall; nop");
TRAP_STUB(steps_amd, "vmmcall; nop");
TRAP_STUB(shadow_intel, "sti; vmcall; nop; cli");
TRAP_STUB(shadow_amd, "sti; vmmcall; nop; cli");
TRAP_STUB(held_intel, "mov %ecx, %ss; vmcall; nop");
TRAP_STUB(held_amd, "mov %ecx, %ss; vmmcall; nop");

static void try_events(const char *name, const uint8_t *code, uint64_t flags, unsigned vector, unsigned first,
	unsigned count)
{
	struct trap_state start = {
		.rip = (uint64_t)code, .cs = SEG_CODE, .ss = SEG_DATA, .rflags = RFLAGS_FIXED | flags};
	const struct trap_log *log;
	bool good;

	start.rsp = machine_stub_stack();
	start.gpr[REG_RAX] = TRAPLINE_CALL_version;
	start.gpr[REG_RCX] = SEG_DATA;
	log = trap_run(&start, 1ull << vector);
	good = log->count == count + 1 && log->event[count].vector == VECTOR_END;
	for (unsigned i = 0; good && i < count; i++)
		good = log->event[i].vector == vector && log->event[i].state.rip == start.rip + first + i;
	good = good && (uint32_t)log->event[0].state.gpr[REG_RAX] == TRAPLINE_ABI_VERSION;
	report(name, good);
}

static void test_events(void)
{
	bool vmcall = intel();

	try_events("steps", vmcall ? stub_steps_intel : stub_steps_amd, RFLAGS_TF, VECTOR_DB, 3, 2);
	try_events("held_step", vmcall ? stub_held_intel : stub_held_amd, RFLAGS_TF, VECTOR_DB, 5, 2);
	machine_request_interrupt(PRIORITY_IRQ - 1);
	try_events("shadow", vmcall ? stub_shadow_intel : stub_shadow_amd, 0, VECTOR_IRQ, 4, 1);
	machine_reset();
}

EFI_STATUS guest_main(void)
{
	state += option("seed", 1) * 0x9e3779b97f4a7c15ull;
	arena = allocate(ARENA, 0);
	big[0] = allocate(BIG, 0);
	big[1] = allocate(BIG, 0);
	list = (uint64_t *)allocate(64 * 1024, 0);
	grant = arena + GUARD;
	if (!guest_under_trapline() || !arena || !big[0] || !big[1] || !list) {
		print("vmcalls: no Trapline, or no memory\n");
		return EFI_SUCCESS;
	}
	find_specials();
	fill_guards();
	machine_take();
	test_physical();
	test_pages();
	test_refused();
	test_lookup();
	test_modes();
	test_events();
	test_user();
	test_trace();
	test_share();
	storm(option("n", CALLS));
	machine_give_back();
	print("result failed=%u\n", bad);
	return EFI_SUCCESS;
}
