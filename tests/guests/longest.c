// SPDX-License-Identifier: MIT
/*
 * The longest exits: raises exceptions that are printed, and makes every call that takes long. After each step the command `stats` prints
 * the longest exit of each kind so far, so the first step that raises a figure caused it.
 *
 * Every copy is larger than what one exit moves, and begins at no multiple of eight. The share has the most pages that a share may have. The
 * commands have long answers, some of which are searched for.
 */
#include <trapline/services.h>
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "longest";

#define BUFFER (256 * 1024ull)
#define ODD    3
#define LIST   4096 /* entries: pages of the largest share */
#define FAULTS 40
#define KEPT   256 /* records that are kept while a ring is frozen */
#define SHARE  "longest"

struct regs {
	int64_t rax;
	uint64_t rbx, rcx, rdx, rsi, rdi;
};

static uint8_t *buffer;
static uint64_t *list;
static bool intel;

#define REGS "+a"(r->rax), "+b"(r->rbx), "+c"(r->rcx), "+d"(r->rdx), "+S"(r->rsi), "+D"(r->rdi)

static int64_t call(struct regs *r)
{
	if (intel)
		__asm__ volatile("vmcall" : REGS : : "memory", "cc");
	else
		__asm__ volatile("vmmcall" : REGS : : "memory", "cc");
	return r->rax;
}

/* Skips UD2. */
extern const uint8_t longest_skip[];
__asm__(".pushsection .text\n"
	".balign 16\n"
	"longest_skip: addq $2, (%rsp)\n"
	"iretq\n"
	".popsection\n");

static void show(const char *step, bool good)
{
	print("step name=\"%s\" %s\n", step, good ? "ok" : "FAILED");
	guest_command("longest", "stats");
}

/* Each is printed: print = all. */
static void step_exceptions(void)
{
	for (unsigned i = 0; i < FAULTS; i++)
		__asm__ volatile("ud2");
	show("exceptions", true);
}

static void step_copies(void)
{
	static const struct {
		const char *name;
		int64_t number;
	} ways[] = {
		{"put_physical", TRAPLINE_CALL_put_physical},
		{"get_physical", TRAPLINE_CALL_get_physical},
		{"put_pages", TRAPLINE_CALL_put_pages},
		{"get_pages", TRAPLINE_CALL_get_pages},
		{"put_virtual", TRAPLINE_CALL_put_virtual},
		{"get_virtual", TRAPLINE_CALL_get_virtual},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(ways); i++) {
		bool pages = i == 2 || i == 3;
		struct regs r = {.rax = ways[i].number,
			.rbx = pages ? (uint64_t)list : (uint64_t)buffer + ODD,
			.rcx = BUFFER - ODD - 1};

		show(ways[i].name, call(&r) == 0 && !r.rcx);
	}
}

static void step_trace(void)
{
	struct regs r = {
		.rax = TRAPLINE_CALL_trace_read, .rbx = (uint64_t)buffer + ODD, .rcx = 4096, .rdi = 1};

	show("trace_read", call(&r) == 16);
}

static int64_t call_with(int64_t number, uint64_t rbx)
{
	struct regs r = {.rax = number, .rbx = rbx};

	return call(&r);
}

/* Reads the whole ring. Records that were left out while it was frozen are counted as lost. */
static bool read_all(void)
{
	struct regs r = {.rdi = 1};
	uint64_t there = 0;

	do {
		r.rax = TRAPLINE_CALL_trace_read;
		r.rbx = (uint64_t)buffer + ODD;
		r.rcx = 4096;
		r.rdx = r.rsi = 0;
		there += (uint64_t)call(&r) + r.rdx;
	} while (r.rax > 0);
	return !r.rax && r.rdi > 2 * KEPT && there == r.rdi - 1;
}

/* A ring is mapped; and one that was frozen gets what was recorded meanwhile. */
static void step_rings(void)
{
	show("trace_map", call_with(TRAPLINE_CALL_trace_map, 0) == 0);
	call_with(TRAPLINE_CALL_freeze, 60);
	for (unsigned i = 0; i < 2 * KEPT; i++)
		__asm__ volatile("ud2");
	show("frozen", call_with(TRAPLINE_CALL_frozen, 0) > 0);
	show("freeze", call_with(TRAPLINE_CALL_freeze, 0) == 0);
	show("trace_read again", read_all());
}

static void step_shares(void)
{
	struct regs open = {.rax = TRAPLINE_CALL_share_open,
		.rbx = (uint64_t)SHARE,
		.rcx = (uint64_t)list,
		.rdx = LIST * PAGE_SIZE};
	struct regs close = {.rax = TRAPLINE_CALL_share_close};

	show("share_open", call(&open) > 0);
	show("shares", guest_command(NULL, "shares " SHARE " 0xff0 64"));
	show("share_close", call(&close) == 0);
}

static void step_commands(void)
{
	static const char *const commands[] = {
		"help",
		"status",
		"stats",
		"traps 64",
		"traps 4096 vec=de",
		"traps sites",
		"traps reserve",
		"exits 64",
		"regs",
		"bt",
		"slide",
		"mem rsp 1024",
		"walk rsp",
		"disas rip 64",
		"intercept",
		"filter",
		"watch list",
		"freeze 1",
		"freeze off",
	};

	for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
		show(commands[i], guest_command(NULL, commands[i]));
	show("nonsense", !guest_command(NULL, "nonsense"));
}

static bool allocate(void)
{
	EFI_PHYSICAL_ADDRESS at;
	uint64_t bytes = BUFFER + LIST * sizeof(list[0]);

	if (EFI_ERROR(guest_firmware->BootServices->AllocatePages(
		    AllocateAnyPages, EfiLoaderData, bytes / PAGE_SIZE, &at)))
		return false;
	buffer = (uint8_t *)at;
	list = (uint64_t *)(at + BUFFER);
	for (unsigned i = 0; i < LIST; i++)
		list[i] = at + i * PAGE_SIZE % BUFFER;
	return true;
}

EFI_STATUS guest_main(void)
{
	intel = cpuid(0, 0).ecx == 0x6c65746e; /* "ntel" of GenuineIntel */
	if (!allocate())
		return EFI_OUT_OF_RESOURCES;
	machine_take();
	machine_set_handler(VECTOR_UD, longest_skip);
	step_exceptions();
	step_copies();
	step_trace();
	step_rings();
	step_shares();
	step_commands();
	machine_give_back();
	return EFI_SUCCESS;
}
