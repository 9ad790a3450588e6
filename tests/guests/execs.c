// SPDX-License-Identifier: MIT
/*
 * Code that is copied to memory and run there, for the watch of execution outside of an image: each line has what the code returned, which must be
 * the same bare and under the watch. The watch's ranges leave out the pages from GUEST_WATCHED on.
 *
 *   case name=first at=0x... result=...
 *
 * What makes it hard: the same code again is no hit, other code in the same page is one; code of user mode is none, at an address outside of the
 * ranges as well; code that writes to its own page needs both rights at once; an instruction lies on two pages; two CPUs are the first at once.
 *
 * Load options: two, the second CPU as well; denied, one call alone.
 */
#include "hw/x86.h"
#include "lib/ap.h"
#include "lib/array.h"
#include "lib/cpu.h"
#include "lib/guest.h"
#include "lib/machine.h"
#include "lib/string.h"
#include "lib/trap.h"

const char guest_name[] = "execs";

#define PAGES  6
#define COUNTS 100

/* mov eax, N; ret */
#define CODE(n)                                                                                              \
	{                                                                                                    \
		0xb8, (n), 0, 0, 0, 0xc3                                                                     \
	}
static const uint8_t one[] = CODE(1), two[] = CODE(2), three[] = CODE(3);

/* inc dword [rip + 13]; mov eax, [rip + 7]; cmp eax, COUNTS; jb back; ret; its count */
static const uint8_t counts[] = {0xff, 0x05, 0x0e, 0, 0, 0, 0x8b, 0x05, 0x08, 0, 0, 0, 0x83, 0xf8, COUNTS,
	0x72, 0xef, 0xc3, 0x90, 0x90, 0, 0, 0, 0};

TRAP_STUB(user, "mov $4, %eax");

static uint8_t *pages;

static uint32_t call(const uint8_t *code)
{
	uint32_t (*function)(void) = (uint32_t(*)(void))code;

	return function();
}

static void run(const char *name, const uint8_t *code)
{
	print("case name=%s at=0x%lx result=%u\n", name, (uint64_t)code, call(code));
}

static void put(const char *name, uint8_t *at, const uint8_t *code, size_t size)
{
	memcpy(at, code, size);
	run(name, at);
}

static void run_user(void)
{
	struct trap_state start = {
		.rip = machine_user_alias(stub_user),
		.cs = SEG_USER_CODE | 3,
		.ss = SEG_USER_DATA | 3,
		.rflags = RFLAGS_FIXED,
		.rsp = machine_user_stack(),
	};
	uint64_t result;

	machine_take();
	result = trap_run(&start, 0)->event[0].state.gpr[REG_RAX];
	machine_give_back();
	print("case name=user at=0x%lx result=%lu\n", start.rip, result);
}

/* Under a watch that denies: the vector of the exception, and where it came. */
static void run_denied(void)
{
	struct trap_state start = {
		.rip = (uint64_t)pages,
		.cs = SEG_CODE,
		.ss = SEG_DATA,
		.rflags = RFLAGS_FIXED,
		.rsp = machine_stub_stack(),
	};
	const struct trap_event *e;

	memcpy(pages, one, sizeof(one));
	pages[sizeof(one) - 1] = 0xcc; /* INT3 */
	machine_take();
	e = &trap_run(&start, 0)->event[0];
	machine_give_back();
	print("case name=denied vector=%u at=0x%lx\n", e->vector, e->state.rip);
}

static volatile uint32_t result;

static void second(unsigned id)
{
	result = call(pages + 4 * PAGE_SIZE);
}

static void two_cpus(void)
{
	memcpy(pages + 4 * PAGE_SIZE, three, sizeof(three));
	if (!ap_start_second(second)) {
		print("case name=two result=does-not-start\n");
		return;
	}
	aps[1].order = AP_TASK;
	call(pages + 4 * PAGE_SIZE);
	while (aps[1].order != AP_RUN)
		cpu_pause();
	print("case name=two at=0x%lx result=%u\n", (uint64_t)(pages + 4 * PAGE_SIZE), result);
	ap_send(0, ICR_INIT | ICR_OTHERS); /* this program's memory no longer belongs to it */
	ap_delay(10000);
}

EFI_STATUS guest_main(void)
{
	for (unsigned i = 0; i < PAGES; i++)
		if (!guest_page_at(GUEST_WATCHED + i * PAGE_SIZE, NULL))
			return EFI_OUT_OF_RESOURCES;
	pages = (uint8_t *)GUEST_WATCHED;
	if (guest_option("denied")) {
		run_denied();
		return EFI_SUCCESS;
	}
	put("first", pages, one, sizeof(one));
	run("again", pages);
	put("other", pages, two, sizeof(two));
	put("same", pages, two, sizeof(two));
	put("far", pages + PAGE_SIZE, one, sizeof(one));
	put("counts", pages + 2 * PAGE_SIZE, counts, sizeof(counts));
	put("across", pages + 4 * PAGE_SIZE - 2, three, sizeof(three));
	run_user();
	if (guest_option("two"))
		two_cpus();
	return EFI_SUCCESS;
}
